"""The delay between two devices whose rates and clocks differ, from what one heard and the other played."""

from __future__ import annotations

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy.signal import correlate, firwin, lfilter

Samples = NDArray[np.float32]

LOOP_S = 20.0
"""Length of what is played again and again."""

_WINDOW_S, _REACH_S = 0.25, 0.4
_LEAST_LIKENESS = 0.8
_EDGE = 200
"""Samples at either end of a resampled window that its filter has no past or future for."""


def hum(seconds: float, rate: int, seed: int = 5) -> Samples:
    """Noise below 3 kHz, which two resamplers leave as it is: (n,), peak about 0.5."""
    white = np.random.default_rng(seed).uniform(-0.5, 0.5, round(seconds * rate))
    made: Samples = lfilter(firwin(127, 3000, fs=rate), 1.0, white).astype(np.float32)
    return made


def lag_ms(played: Samples, heard: Samples, at_s: float, true_in: float, true_out: float) -> float:
    """How much later a moment near `at_s` was heard than played, ms; true clocks begin together.

    `played`: what the input gave, looped, at `true_in` Hz; `heard`: what the output got in its last
    `len(heard) / true_out` seconds before `at_s`, or since the beginning. Raises ValueError when what was
    heard is not what was played: a gap, a cut.
    """
    end = round(at_s * true_out)
    count = round(_WINDOW_S * true_out)
    y = np.take(heard, np.arange(end - count, end), mode="wrap")
    y = soxr.resample(y.astype(float), true_out, true_in)[_EDGE:-_EDGE]
    heard_at = (end - count) / true_out + _EDGE / true_in
    start = round((heard_at - _REACH_S) * true_in)
    x = np.take(played, np.arange(start, start + round(_REACH_S * true_in) + len(y)), mode="wrap").astype(
        float
    )
    products = correlate(x, y, "valid", method="fft")
    best = int(np.argmax(products))
    part = x[best : best + len(y)]
    if products[best] < _LEAST_LIKENESS * np.sqrt((y @ y) * (part @ part)) or not y.any():
        raise ValueError(f"what was heard at {at_s:.1f} s was not played within {_REACH_S} s before")
    return float(1e3 * (heard_at - (start + best + _peak(products, best)) / true_in))


def _peak(values: NDArray[np.float64], best: int) -> float:
    """Where between the samples a parabola through the highest three has its top: -0.5 to 0.5."""
    if not 0 < best < len(values) - 1:
        return 0.0
    left, top, right = values[best - 1 : best + 2]
    return float(0.5 * (left - right) / (left - 2 * top + right))
