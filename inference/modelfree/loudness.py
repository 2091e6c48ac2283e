"""Keeps the level of the converted voice at that of the speaker."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from inference.converter import HOP

Array = NDArray[np.float64]

_MEMORY = 0.97
"""Share of the measured power that stays from hop to hop: 0.3 s of speech."""

_RANGE_DB = 9.0
_FLOOR = 1e-9
"""Mean power (-90 dBFS) below which levels are not compared."""


class LoudnessFollower:
    """Slow gain that makes two signals equally strong."""

    def __init__(self) -> None:
        self._ramp = (np.arange(HOP) + 1.0) / HOP
        self._limit = 10 ** (_RANGE_DB / 20)
        self.reset()

    def reset(self) -> None:
        """Forgets the past; the gain is 1."""
        self._wanted = self._actual = _FLOOR
        self._gain = 1.0

    def apply(self, output: Array, reference: Array) -> Array:
        """Returns `output` times the gain that brings it to the level of `reference`; both (HOP,)."""
        self._wanted = _MEMORY * self._wanted + (1 - _MEMORY) * (float(reference @ reference) / HOP + _FLOOR)
        self._actual = _MEMORY * self._actual + (1 - _MEMORY) * (float(output @ output) / HOP + _FLOOR)
        target = math.sqrt(self._wanted / self._actual)
        target = min(max(target, 1 / self._limit), self._limit)
        gain = self._gain + (target - self._gain) * self._ramp
        self._gain = target
        return output * gain
