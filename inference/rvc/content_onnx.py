"""Content models that are ONNX files already, as other voice changers make them: tried, and described."""

from __future__ import annotations

import re
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from inference.rvc.content import RATE, WIDTHS, Program, frame_count, open_session
from inference.rvc.content_files import ContentError

ONNX_FILE = "model.onnx"

_MAX_BYTES = 1 << 30
_LAYERS = {"v1": 9, "v2": 12}
_NAMES = {"v1": ("units9", "unit9"), "v2": ("unit12", "units12")}
"""Outputs of w-okada's exports, which has others of the same width."""

_FLOATS = ("tensor(float)", "tensor(float16)", "tensor(double)")

_TRIALS = (RATE, RATE + 7000)


def examine_onnx(path: Path, folder: Path) -> dict[str, Any]:
    """Copies the file to `folder`, away from files that it could refer to, runs it, and describes it.

    Raises ContentError for one that does not give features of 20 ms, 256 or 768 wide.
    """
    if path.exists() and not path.is_file():  # opening a pipe would wait for its other end
        raise ContentError(f"{path} is not an ordinary file.")
    if not path.exists():
        raise ContentError(f"{path} does not exist; check the name and the folder.")
    size = path.stat().st_size
    if size > _MAX_BYTES:
        raise ContentError(
            f"{path.name} has {size / 1e9:.1f} GB, more than a content model; it was not opened."
        )
    shutil.copyfile(path, folder / ONNX_FILE)
    try:
        session = open_session(folder / ONNX_FILE, 1)
    except Exception as error:
        # ONNX Runtime's exceptions have no class in common but this.
        raise ContentError(
            f"{path.name} is no ONNX model that runs by itself, or is damaged; get it again."
        ) from error
    audio, rank, mask = _inputs(path, session)
    found = _outputs(path, session, audio, rank, mask)
    programs = {
        version: asdict(Program(ONNX_FILE, audio, rank, mask, output, turned))
        for version, (output, turned) in found.items()
    }
    return {"layout": "onnx", "programs": programs, "precision": "float"}


def _inputs(path: Path, session: Any) -> tuple[str, int, str]:
    """Name and rank of the audio input, name of a mask or ''."""
    audio = [entry for entry in session.get_inputs() if entry.type == "tensor(float)"]
    masks = [
        entry for entry in session.get_inputs() if entry.type == "tensor(bool)" and len(entry.shape) == 2
    ]
    if len(audio) != 1 or len(audio) + len(masks) != len(session.get_inputs()) or len(masks) > 1:
        raise _no_content(path, "it takes other inputs than audio")
    rank = len(audio[0].shape or ())
    if rank not in (2, 3):
        raise _no_content(path, f"its input has {rank} axes, not 2 or 3")
    return audio[0].name, rank, masks[0].name if masks else ""


def _outputs(path: Path, session: Any, audio: str, rank: int, mask: str) -> dict[str, tuple[str, bool]]:
    """By version: the output that has its features, and whether that is turned."""
    found: dict[str, tuple[str, bool]] = {}
    names = [entry.name for entry in session.get_outputs() if entry.type in _FLOATS]
    for version, width in WIDTHS.items():
        preferred = [name for name in names if name in _NAMES[version]]
        for output in [*preferred, *names]:
            plain = Program(ONNX_FILE, audio, rank, mask, output)
            shapes = [_shape(path, plain, session, samples) for samples in _TRIALS]
            frames = [frame_count(samples) for samples in _TRIALS]
            if shapes == [(n, width) for n in frames]:
                found[version] = output, False
            elif shapes == [(width, n) for n in frames]:
                found[version] = output, True
            if version in found:
                break
    named = re.search(r"layer-?(\d+)", path.name)
    if named:
        found = {v: entry for v, entry in found.items() if _LAYERS[v] == int(named[1])}
    if not found:
        raise _no_content(path, "none of its outputs is layer 9 (256 wide) or 12 (768 wide) at 20 ms")
    return found


def _shape(path: Path, program: Program, session: Any, samples: int) -> tuple[int, ...]:
    audio = np.random.default_rng(1).normal(0, 0.1, samples).astype(np.float32)
    try:
        features = program.run(session, audio)
    except Exception as error:
        # As for opening it.
        raise _no_content(path, "it cannot be run on a second of audio") from error
    if not np.isfinite(features).all():
        raise _no_content(path, "it computes values that are no numbers")
    return features.shape


def _no_content(path: Path, reason: str) -> ContentError:
    return ContentError(f"{path.name} is not a content model for RVC: {reason}.")
