"""What is said, for every RVC voice: the user's own content model (ContentVec, HuBERT-base), run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.rvc.content_files import ContentError
from voices.home import home

RATE = 16_000
HOP = 320
"""Samples between two features, 20 ms."""
FIELD = 400
"""Samples that one feature of the convolutions sees; less audio has none."""
WIDTHS = {"v1": 256, "v2": 768}

FORMAT = 1
MANIFEST = "manifest.json"
PRECISION = "PRECISION"
"""Stands for the precision in the manifest's file names."""

Array = NDArray[np.float32]


def content_folder() -> Path:
    """Where the content model is installed, whether or not it is."""
    return home() / "rvc" / "content"


def installed_content() -> Path | None:
    """What `ContentEncoder.load` takes, None where no content model is installed."""
    folder = content_folder()
    return folder if (folder / MANIFEST).exists() else None


def missing_content() -> str:
    """The sentence for a user who has an RVC voice and no content model."""
    return (
        "RVC voices need the content model they were trained with, which is not part of Menura: get RVC's "
        "hubert_base.pt (ContentVec, 190 MB) and drop it onto the window, or run: menura rvc content "
        "hubert_base.pt"
    )


def frame_count(samples: int) -> int:
    """Features of so many samples at 16 kHz."""
    return (samples - FIELD) // HOP + 1 if samples >= FIELD else 0


@dataclass(frozen=True)
class Program:
    """How features are had of a file: names of input, mask ('' where there is none) and output.

    `rank` of the input, 2 or 3; `turned`: the output is (1, width, frames).
    """

    file: str
    audio: str = "audio"
    rank: int = 2
    mask: str = ""
    output: str = "features"
    turned: bool = False

    def run(self, session: Any, audio: Array) -> Array:
        """audio (n,) -> (frames, width)."""
        shaped = np.ascontiguousarray(audio, np.float32).reshape((1,) * (self.rank - 1) + (-1,))
        feeds = {self.audio: shaped} | ({self.mask: np.zeros((1, len(audio)), bool)} if self.mask else {})
        found = session.run([self.output], feeds)[0][0]
        return np.ascontiguousarray(found.T if self.turned else found, np.float32)


def open_session(path: Path, threads: int) -> Any:
    """An ONNX Runtime session as the features need it."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    if threads > 1:
        # Threads that spin between blocks take the time of the audio process.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


class ContentEncoder:
    """The installed content model. One thread uses it.

    >>> encoder = ContentEncoder.load(content_folder())
    >>> encoder.features(audio, "v2")    # (n,) float32 at 16 kHz -> (frames, 768)
    """

    def __init__(self, folder: Path, programs: dict[str, Program], threads: int) -> None:
        """Use `load`."""
        self._folder, self._programs, self._threads = folder, programs, threads
        self._sessions: dict[str, Any] = {}

    @classmethod
    def load(cls, path: Path, threads: int = 1, precision: str | None = None) -> ContentEncoder:
        """Opens what was installed in the folder `path`; programs are made ready by `open` or the first
        `features`.

        `precision` is one of PRECISIONS, by default what the installation found good enough.
        Raises ContentError.
        """
        about = read_manifest(path)
        chosen = precision or about["precision"]
        programs = {
            version: Program(**{**entry, "file": str(entry["file"]).replace(PRECISION, chosen)})
            for version, entry in about["programs"].items()
        }
        return cls(path, programs, threads)

    @property
    def versions(self) -> tuple[str, ...]:
        """Versions of RVC whose voices it serves."""
        return tuple(self._programs)

    def features(self, audio: Array, version: str) -> Array:
        """audio (n,) float32 at 16 kHz in [-1, 1], n >= 400 -> (frames, 256 of 'v1' | 768 of 'v2') float32.

        frames = (n - 400) // 320 + 1. Raises ContentError for too little audio and for a version that the
        installed model cannot serve.
        """
        if len(audio) < FIELD:
            raise ContentError(f"Content features need at least {FIELD} samples.")
        self.open(version)
        return self._programs[version].run(self._sessions[version], audio)

    def open(self, version: str) -> None:
        """Makes the program of a version ready, unless it is. Raises what `features` does."""
        if version not in self._programs:
            raise ContentError(
                f"The installed content model cannot serve RVC {version} voices; install RVC's "
                "hubert_base.pt: menura rvc content hubert_base.pt"
            )
        if version not in self._sessions:
            path = self._folder / Path(self._programs[version].file).name
            try:
                self._sessions[version] = open_session(path, self._threads)
            except Exception as error:
                # ONNX Runtime's exceptions have no class in common but this.
                raise _again(self._folder) from error


def read_manifest(folder: Path) -> dict[str, Any]:
    """What `inference.rvc.content_install` wrote about the model in `folder`. Raises ContentError."""
    try:
        about: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        sizes = {name: (folder / name).stat().st_size for name in about["files"]}
    except FileNotFoundError as error:
        raise ContentError(missing_content()) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _again(folder) from error
    if about.get("format") != FORMAT or sizes != about["files"]:
        raise _again(folder)
    return about


def describe(about: dict[str, Any]) -> str:
    """One sentence about an installed content model, of its manifest."""
    title = about["title"] or "not a file that Menura knows, but its parts have the right shapes"
    versions = " and ".join(about["programs"])
    how = {"float": "in float", "mixed": "its transformer in 8 bits", "int8": "in 8 bits"}[about["precision"]]
    return f"{about['source']} ({title}); serves RVC {versions} voices, {how}."


def _again(folder: Path) -> ContentError:
    return ContentError(
        f"The content model in {folder} is damaged; install it again: menura rvc content FILE"
    )
