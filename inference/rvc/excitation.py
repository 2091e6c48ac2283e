"""What drives the decoder of an RVC voice that takes F0: a sine and a little noise, and its coarse pitch.

The phase goes from call to call, so that calls frame by frame give what one call over all frames gives.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

SINE_AMPLITUDE = 0.1
VOICED_NOISE = 0.003
UNVOICED_NOISE = SINE_AMPLITUDE / 3
"""Standard deviations of the noise beside the sine and in its place."""

_LOWEST_HZ, _HIGHEST_HZ = 50.0, 1100.0
_MOST_BINS = 255


def sine_source(
    f0: NDArray[np.floating], phase: float, sample_rate: int, hop: int
) -> tuple[Array, float, NDArray[np.float64]]:
    """A sine at F0, silent where that is 0.

    f0 (T,) in Hz, held for a frame of `hop` samples; phase in cycles, [0, 1), before the first sample.
    Returns the source (T * hop,), the phase for the next call, and the phase before each frame (T,), for
    who computes some of the frames again.
    """
    cycles = np.asarray(f0, np.float64) / sample_rate
    ends = phase + np.cumsum(cycles * hop)
    starts = np.concatenate([[phase], ends[:-1]]) % 1.0
    angle = starts[:, None] + cycles[:, None] * np.arange(1, hop + 1)
    sine = SINE_AMPLITUDE * np.sin(2 * math.pi * angle) * (cycles > 0)[:, None]
    after = float(ends[-1] % 1.0) if len(ends) else phase
    return sine.astype(np.float32).reshape(-1), after, starts


def add_noise(source: Array, f0: NDArray[np.floating], hop: int, random: np.random.Generator) -> Array:
    """The source (T * hop,) with white noise, little in voiced frames of f0 (T,), more in the others."""
    spread = np.where(np.asarray(f0) > 0, VOICED_NOISE, UNVOICED_NOISE).astype(np.float32)
    noise = random.standard_normal(len(source), np.float32)
    return source + noise * np.repeat(spread, hop)


def coarse_pitch(f0: NDArray[np.floating]) -> NDArray[np.int64]:
    """Pitch bins (T,), 1 to 255, of f0 (T,) in Hz: even in mel between 50 and 1100 Hz, 1 for unvoiced."""
    low, high = _mel(np.array([_LOWEST_HZ, _HIGHEST_HZ]))
    place = (_mel(np.asarray(f0, np.float64)) - low) / (high - low)
    return np.clip(np.rint(1 + place * (_MOST_BINS - 1)), 1, _MOST_BINS).astype(np.int64)


def _mel(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1127.0 * np.log1p(hz / 700.0)
