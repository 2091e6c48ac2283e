"""Streaming F0 and voicing of speech, one value per hop, without look-ahead.

Method: normalised cross-correlation candidates joined by dynamic programming, after Talkin, "A Robust
Algorithm for Pitch Tracking (RAPT)", 1995, run forward only so that every hop is decided at once.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from audio.iir import Filter
from audio.resample import resample_offline
from inference.converter import HOP, MODEL_RATE

Array = NDArray[np.float64]

F0_MIN_HZ = 50.0
F0_MAX_HZ = 1000.0

_WINDOW = 600
"""Samples that are compared with their own past: 25 ms holds a period and a quarter at 50 Hz."""

_MAX_LAG = int(MODEL_RATE / F0_MIN_HZ) + 2
_MIN_LAG = int(MODEL_RATE / F0_MAX_HZ) - 1
_HISTORY = _WINDOW + _MAX_LAG
_FFT = 1125
"""The next length after `_HISTORY` whose factors are 2, 3 and 5."""

_CANDIDATES = 12
BAND_HZ = (40.0, 1800.0)
"""Higher partials are mostly noise to a pitch tracker; lower would weaken children's voices."""

BAND_PASS = (
    np.array([0.03967128679384151, 0.0, -0.07934257358768303, 0.0, 0.03967128679384151]),
    np.array([1.0, -3.3544722351388305, 4.232966690076768, -2.4000778173303994, 0.5216015491263161]),
)
"""(b, a) of the second-order Butterworth band-pass over `BAND_HZ`, as scipy.signal.butter designs it."""

_FLOOR = 3e-5**2 * _WINDOW
"""Energy of a window too faint to be speech (about -90 dBFS)."""

_RELATIVE_FLOOR = 3e-3
"""What is this much fainter (power) than the recent speech is hardly voiced: room and hum."""

_LAG_BIAS = 0.2
"""How much a candidate at the longest lag is marked down: half a period too long must not win a tie."""

_UNVOICED_SCORE = 0.6
"""Correlation that makes voiced and unvoiced equally good."""

_JUMP_COST = 0.45
"""Cost of a change of F0 per octave and hop, up to `_JUMP_MAX`."""

_JUMP_MAX = 0.35
_SWITCH_COST = 0.07
"""Cost of turning voicing on or off."""

_MEMORY = 0.8
"""Share of the cost so far that counts for the next hop, so that an old mistake can be left."""

_VOICING_SLOPE = 14.0
_NEVER = 4.0

_SURE = 0.7
"""Voicing from which a hop says something about its speaker's range."""

_PIECE_S, _PIECES = 5.0, 24
"""What is heard of a long recording for its median: pieces spread over it, 1.5 s of work."""


class F0Tracker:
    """Tracks F0 (50 to 1000 Hz) of a speech signal at `MODEL_RATE`.

    The estimate describes the sound about 15 ms before the end of the hop. Bounded work, no
    exceptions on bad samples; one thread.

    >>> tracker = F0Tracker()
    >>> f0_hz, voicing = tracker.step(block)   # block: (240,) float32
    """

    def __init__(self) -> None:
        self._band_pass = Filter(*BAND_PASS)
        self._lag_weight = 1.0 - _LAG_BIAS * np.arange(_MAX_LAG + 1) / _MAX_LAG
        self._history = np.zeros(_HISTORY)
        self._padded = np.zeros(_FFT)
        self._energy = np.zeros(_HISTORY + 1)
        self.reset()

    def reset(self) -> None:
        """Forgets the past."""
        self._band_pass.reset()
        self._history[:] = 0.0
        self._log2 = np.zeros(0)
        self._cost = np.zeros(0)
        self._unvoiced_cost = 0.0
        self._level = 0.0

    def step(self, block: NDArray[np.floating]) -> tuple[float, float]:
        """Takes the next hop and returns (F0 in Hz, 0 when unvoiced; voicing probability 0 to 1).

        `block`: (240,) floats in [-1, 1]; non-finite samples count as silence.
        """
        filtered = self._band_pass.process(finite(block))
        self._history[:-HOP] = self._history[HOP:]
        self._history[-HOP:] = filtered
        return self._decide(self._correlate())

    def _correlate(self) -> Array:
        """Normalised cross-correlation of the newest window with its past, by lag: (_MAX_LAG + 1,)."""
        past = self._history
        self._padded[:_WINDOW] = past[-_WINDOW:]
        spectrum = np.fft.rfft(past, _FFT)
        product = spectrum * np.conj(np.fft.rfft(self._padded))
        # Element i is the correlation with the window that starts at sample i: lag _MAX_LAG - i.
        correlation = np.fft.irfft(product, _FFT)[_MAX_LAG::-1]
        np.cumsum(past * past, out=self._energy[1:])
        energy = (self._energy[_WINDOW:] - self._energy[:-_WINDOW])[::-1]
        self._level = max(energy[0], 0.995 * self._level)
        floor = _FLOOR + _RELATIVE_FLOOR * self._level
        return correlation / (np.sqrt(energy[0] * energy) + floor)

    def _decide(self, correlation: Array) -> tuple[float, float]:
        """One step of the dynamic programming: the cheapest way to be voiced at a peak, or unvoiced."""
        lags, peaks = _peaks(correlation, self._lag_weight)
        log2 = np.log2(lags)
        before = self._cost.min(initial=np.inf)
        unvoiced = min(self._unvoiced_cost, before + _SWITCH_COST) - _UNVOICED_SCORE
        arrive = np.full(lags.size, self._unvoiced_cost + _SWITCH_COST)
        if self._cost.size:
            jump = np.minimum(np.abs(log2[:, None] - self._log2) * _JUMP_COST, _JUMP_MAX)
            np.minimum(arrive, (jump + self._cost).min(axis=1), out=arrive)
        voiced = arrive - peaks
        best = voiced.min(initial=_NEVER)
        least = min(unvoiced, best)
        self._log2 = log2
        self._cost = _MEMORY * (voiced - least)
        self._unvoiced_cost = _MEMORY * (unvoiced - least)
        margin = unvoiced - best
        voicing = 1.0 / (1.0 + math.exp(-_VOICING_SLOPE * margin))
        return (MODEL_RATE / float(lags[voiced.argmin()]) if margin > 0 else 0.0), voicing


def track(x: NDArray[np.floating]) -> tuple[Array, Array]:
    """F0 in Hz (0 when unvoiced) and voicing of each whole hop of x (n,) at MODEL_RATE: (n // HOP,) each."""
    tracker = F0Tracker()
    steps = [tracker.step(hop) for hop in x[: len(x) // HOP * HOP].reshape(-1, HOP)]
    f0_hz, voicing = np.array(steps, np.float64).reshape(-1, 2).T
    return f0_hz, voicing


def median_hz(x: NDArray[np.float32], rate: int) -> float:
    """Median F0 in Hz of the surely voiced hops of a recording: (n,) at `rate`; 0 where there are none."""
    size = round(_PIECE_S * rate)
    starts = np.linspace(0, len(x) - size, _PIECES).astype(int) if len(x) > _PIECES * size else None
    pieces = [x] if starts is None else [x[at : at + size] for at in starts]
    tracks = [track(resample_offline(np.nan_to_num(piece), rate, MODEL_RATE)) for piece in pieces]
    sure = np.concatenate([f0_hz[(f0_hz > 0) & (voicing > _SURE)] for f0_hz, voicing in tracks])
    return float(np.median(sure)) if sure.size else 0.0


def finite(block: NDArray[np.floating]) -> Array:
    """Returns `block` as a new float64 array held to [-1, 1], with 0 where it is not finite."""
    clean = block.astype(np.float64)
    good = np.isfinite(clean)
    if not good.all():
        clean[~good] = 0.0
    return np.minimum(np.maximum(clean, -1.0, out=clean), 1.0, out=clean)


def _peaks(correlation: Array, weight: Array) -> tuple[Array, Array]:
    """The best local maxima: lags in samples (interpolated by a parabola) and their weighted heights."""
    middle = correlation[_MIN_LAG:_MAX_LAG]
    left = correlation[_MIN_LAG - 1 : _MAX_LAG - 1]
    right = correlation[_MIN_LAG + 1 : _MAX_LAG + 1]
    found = np.flatnonzero((middle > left) & (middle >= right) & (middle > 0.25))
    score = middle[found] * weight[found + _MIN_LAG]
    if found.size > _CANDIDATES:
        keep = np.argpartition(score, -_CANDIDATES)[-_CANDIDATES:]
        found = found[keep]
    centre, below, above = middle[found], left[found], right[found]
    bend = below - 2.0 * centre + above
    shift = np.where(bend < 0, 0.5 * (below - above) / np.where(bend < 0, bend, -1.0), 0.0)
    lags = found.astype(np.float64) + _MIN_LAG + shift.astype(np.float64)
    height = centre - 0.25 * (below - above) * shift
    return lags, height * weight[found + _MIN_LAG]
