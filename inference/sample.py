"""The bundled speech: what the product converts where nobody can speak into it."""

from __future__ import annotations

from importlib.resources import as_file, files

import numpy as np
from numpy.typing import NDArray

from audio.files import read_mono
from audio.resample import resample_offline


def bundled_speech(rate: int) -> NDArray[np.float32]:
    """Six seconds of one speaker at `rate` Hz: (n,) float32 mono. Raises AudioFileError."""
    with as_file(files("assets") / "samples" / "speech.flac") as path:
        samples, own_rate = read_mono(path)
    return resample_offline(samples, own_rate, rate)
