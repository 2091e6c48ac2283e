"""Keeps the level of the converted voice at that of the speaker."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from inference.converter import HOP

Array = NDArray[np.float64]

_MEMORY = 0.85
"""Share of the measured power that stays from hop to hop: 60 ms, some periods of the lowest voice."""

_APPROACH = 0.03
"""Share of the difference (in log power) that is made up per hop: 0.3 s."""

_RANGE_DB = 9.0
_FLOOR = 1e-9
_PEAK_RATIO = 3.0
"""How much the peak may grow: a lower pitch gathers the same power in fewer, higher pulses."""

_GUARD_RAMP = 48
_ACTIVE = 1e-6
"""Mean power (-60 dBFS) below which the gain stays as it is."""


class LoudnessFollower:
    """Slow gain that makes two signals equally strong; loud moments do not outweigh later speech."""

    def __init__(self) -> None:
        self._ramp = (np.arange(HOP) + 1.0) / HOP
        self._limit = _RANGE_DB * math.log(10) / 20
        self.reset()

    def reset(self) -> None:
        """Forgets the past; the gain is 1."""
        self._wanted = self._actual = _FLOOR
        self._log_gain = 0.0
        self._guard = 1.0

    def apply(self, output: Array, reference: Array, peak: float) -> Array:
        """Returns `output` times the gain that brings it to the level of `reference`; both (HOP,).

        `peak`: highest absolute sample of the speaker around this hop; bursts far above it are held.
        """
        self._wanted = _MEMORY * self._wanted + (1 - _MEMORY) * (float(reference @ reference) / HOP + _FLOOR)
        self._actual = _MEMORY * self._actual + (1 - _MEMORY) * (float(output @ output) / HOP + _FLOOR)
        before = self._log_gain
        if self._wanted > _ACTIVE:
            error = math.log(self._wanted / self._actual) / 2 - before
            self._log_gain = min(max(before + _APPROACH * error, -self._limit), self._limit)
        start, end = math.exp(before), math.exp(self._log_gain)
        return self._hold(output * (start + (end - start) * self._ramp), peak)

    def _hold(self, output: Array, peak: float) -> Array:
        """Keeps the peak of `output` below `_PEAK_RATIO` times `peak`, down in 2 ms and up in a hop."""
        limit = _PEAK_RATIO * peak
        highest = float(np.abs(output).max())
        before, self._guard = self._guard, limit / highest if highest > limit else 1.0
        if before == self._guard == 1.0:
            return output
        ramp = self._ramp if self._guard > before else np.minimum(self._ramp * (HOP / _GUARD_RAMP), 1.0)
        return output * (before + (self._guard - before) * ramp)
