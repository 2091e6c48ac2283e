"""What is known of an imported RVC voice: `rvc.json` in its model folder, checked on the way in."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from inference.networks.rvc.sizes import RvcSizes
from voices.files import write_text

FACTS = "rvc.json"
PRIOR, FLOW, DECODER = "prior.onnx", "flow.onnx", "decoder.onnx"
SPEAKERS = "speakers.npy"
"""The conditioning of each speaker, (speakers, conditioning channels) float32."""

VECTORS = "vectors.npy"
"""The index's vectors (N, content_channels), beside the model where the voice came with an index."""

FORMAT = "menura-rvc"
VERSION = 1
FRAME_RATE = 100
"""Frames of 10 ms per second."""

FLOW_CONTEXT = 24
"""Frames to either side on which a frame behind the flow depends: 4 couplings of 3 layers of 2 each."""


class RvcError(ValueError):
    """An RVC voice that cannot be used; the message is one sentence for the user."""


@dataclass(frozen=True)
class RvcFacts:
    """Facts of a voice.

    `version` is 'v1' or 'v2'; `sample_rate` Hz of its output; `hop` samples per frame of 10 ms;
    `content_channels` 256 (v1) or 768 (v2); `has_pitch`: whether it takes F0; `speakers` how many, named by
    `speaker_names` where the file names them; `latent_channels` of prior and flow; `flow_context` frames to
    either side on which a frame behind the flow depends; `sha256` of the file it was imported from, whose
    name without suffix is `name`; `f0_median_hz` of the speaker, 0 where the file does not say; `info`: what
    its author wrote into it.
    """

    name: str
    version: str
    sample_rate: int
    hop: int
    content_channels: int
    has_pitch: bool
    speakers: int
    latent_channels: int
    flow_context: int
    sha256: str
    f0_median_hz: float = 0.0
    info: str = ""
    speaker_names: tuple[str, ...] = ()

    def in_words(self) -> str:
        """'RVC v2, 40 kHz'."""
        return f"RVC {self.version}, {self.sample_rate // 1000} kHz" + ", monotone" * (not self.has_pitch)


def write_facts(folder: Path, facts: RvcFacts, sizes: RvcSizes) -> None:
    """Writes rvc.json. Raises voices.files.FileError."""
    content = {"format": FORMAT, "format_version": VERSION, **asdict(facts), "sizes": asdict(sizes)}
    write_text(folder / FACTS, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def read_facts(folder: Path) -> RvcFacts:
    """Reads rvc.json. Raises RvcError."""
    return _checked(_read(folder), folder)


def read_sizes(folder: Path) -> RvcSizes:
    """The sizes of the networks, from rvc.json. Raises RvcError."""
    try:
        about = _read(folder)["sizes"]
        rows = tuple(tuple(row) for row in about.pop("block_dilations"))
        lists = {key: tuple(value) for key, value in about.items() if isinstance(value, list)}
        return RvcSizes(**{**about, **lists, "block_dilations": rows})
    except (KeyError, TypeError, AttributeError) as error:
        raise _damaged(folder) from error


def _read(folder: Path) -> dict[str, Any]:
    try:
        content = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    except OSError as error:
        raise RvcError(f"The model of this RVC voice is missing from {folder}; import it again.") from error
    except (ValueError, RecursionError) as error:
        raise _damaged(folder) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise _damaged(folder)
    if content.get("format_version") != VERSION:
        raise RvcError("This RVC voice was imported by another version of Menura; import it again.")
    return content


def count_vectors(folder: Path) -> int:
    """How many vectors the voice's index has, 0 without one. Raises RvcError."""
    path = folder / VECTORS
    if not path.exists():
        return 0
    try:
        return len(np.load(path, mmap_mode="r", allow_pickle=False))
    except (OSError, ValueError, EOFError, TypeError) as error:
        raise _damaged(folder) from error


def _checked(content: dict[str, Any], folder: Path) -> RvcFacts:
    values: dict[str, Any] = {field.name: content.get(field.name) for field in fields(RvcFacts)}
    names = values["speaker_names"]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise _damaged(folder)
    values["speaker_names"] = tuple(names)
    kinds = {"str": str, "int": int, "float": float, "bool": bool, "tuple[str, ...]": tuple}
    if not all(type(values[field.name]) is kinds[str(field.type)] for field in fields(RvcFacts)):
        raise _damaged(folder)
    facts = RvcFacts(**values)
    sizes = (facts.hop, facts.content_channels, facts.speakers, facts.latent_channels)
    if min(sizes) < 1 or facts.sample_rate != facts.hop * FRAME_RATE:
        raise _damaged(folder)
    return facts


def _damaged(folder: Path) -> RvcError:
    return RvcError(f"The model of this RVC voice in {folder} is damaged; import it again.")
