"""Breath in place of voicing: noise with the strength of the residual."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from inference.converter import HOP

Array = NDArray[np.float64]

_SEED = 24_000


class Breath:
    """Replaces an excitation by white noise of the same short-time level, wholly or in part."""

    def __init__(self) -> None:
        self._ramp = (np.arange(HOP) + 1.0) / HOP
        self.reset()

    def reset(self) -> None:
        """Starts the noise anew: the same bits again."""
        self._noise = np.random.default_rng(_SEED)
        self._level = 0.0

    def mix(self, excitation: Array, amount: float) -> Array:
        """Returns `excitation`, (HOP,), with the share `amount` (0 to 1) of its power made noise."""
        level = math.sqrt(float(excitation @ excitation) / HOP)
        strength = self._level + (level - self._level) * self._ramp
        self._level = level
        if amount <= 0:
            return excitation
        noise = self._noise.standard_normal(HOP) * strength
        return math.sqrt(1 - amount) * excitation + math.sqrt(amount) * noise
