"""What a call may hear of a product in trouble: silence, never the bare microphone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import correlate

Samples = NDArray[np.float32]

_FAINT = 1e-9
"""Below what rounding leaves of silence."""


def longest_silence(heard: Samples, begin: int = 0) -> slice:
    """The longest stretch of exact zeros that begins at sample `begin` or later."""
    sounding = np.flatnonzero(heard[begin:])
    edges = np.concatenate(([-1], sounding, [len(heard) - begin]))
    longest = int(np.argmax(np.diff(edges)))
    return slice(begin + int(edges[longest]) + 1, begin + int(edges[longest + 1]))


def raw_microphone(said: Samples, heard: Samples, rate: int) -> bool:
    """Whether a tenth of a second of `heard` is what was said in the half second before, unconverted."""
    piece = rate // 10
    for start in range(rate, len(heard) - piece, piece):
        sound = heard[start : start + piece]
        before = said[start - rate // 2 : start + piece]
        energy = correlate(np.square(before, dtype=np.float64), np.ones(piece), "valid", method="fft")
        scale = float(np.linalg.norm(sound)) * np.sqrt(np.maximum(energy, _FAINT))
        if np.any(np.abs(correlate(before, sound, "valid", method="fft")) > 0.9 * scale + _FAINT):
            return True
    return False


def is_part_of(said: Samples, piece: Samples) -> bool:
    """Whether `piece` is a stretch of `said`, noise of one level, wherever it is and however loud."""
    match = np.abs(correlate(said, piece, "valid", method="fft")).max()
    usual = float(np.sqrt(np.mean(said.astype(np.float64) ** 2) * len(piece)))
    return bool(match > 0.9 * usual * float(np.linalg.norm(piece)))
