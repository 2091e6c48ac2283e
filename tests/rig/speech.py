"""Real speech for the rig."""

from __future__ import annotations

from importlib.resources import as_file, files

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray


def speech(seconds: float, rate: int = 48_000) -> NDArray[np.float32]:
    """The bundled speech sample, looped to `seconds`: (n,) float32 mono at `rate` Hz."""
    with as_file(files("assets") / "samples" / "speech.flac") as path:
        samples, source_rate = soundfile.read(path, dtype="float32", always_2d=True)
    mono = soxr.resample(samples.mean(axis=1), source_rate, rate).astype(np.float32)
    count = round(seconds * rate)
    return np.tile(mono, -(-count // len(mono)))[:count]
