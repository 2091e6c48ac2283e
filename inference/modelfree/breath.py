"""Breath in place of voicing: noise with the strength of the residual."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from inference.converter import HOP

Array = NDArray[np.float64]

_SEED = 24_000
_MOST = 0.8
"""Share of the power that is breath at breathiness 1: what is left keeps the pitch."""

_EASE = 0.3
"""Share of the way to the voicing of a hop that breathiness follows it: vowels are not cut off."""


class Breath:
    """Replaces an excitation by noise of the same short-time level, wholly or in part.

    A whisper is white noise in place of everything. Breathiness replaces a part of what is voiced, by
    noise that rises with frequency as that of air through half-open vocal folds does.
    """

    def __init__(self) -> None:
        self._ramp = (np.arange(HOP) + 1.0) / HOP
        self.reset()

    def reset(self) -> None:
        """Starts the noise anew: the same bits again."""
        self._noise = np.random.default_rng(_SEED)
        self._level = self._last = 0.0
        self._voiced = 0.0
        self._before: tuple[float, float] | None = None

    def mix(self, excitation: Array, whisper: float, breathiness: float, voicing: float) -> Array:
        """Returns `excitation`, (HOP,), with parts of its power made noise.

        `whisper` and `breathiness`: 0 to 1; `voicing`: probability that the hop is voiced. A change is
        spread over the hop.
        """
        level = math.sqrt(float(excitation @ excitation) / HOP)
        strength = self._level + (level - self._level) * self._ramp
        self._level = level
        self._voiced += _EASE * (voicing - self._voiced)
        now = (whisper, _MOST * breathiness * self._voiced)
        before, self._before = self._before or now, now
        if before == now == (0.0, 0.0):
            return excitation
        white, airy = (b + (n - b) * self._ramp for b, n in zip(before, now, strict=True))
        noise = self._noise.standard_normal(HOP + 1)
        noise[0], self._last = self._last, noise[-1]
        rising = (noise[1:] - noise[:-1]) * math.sqrt(0.5)
        breathy = np.sqrt(1 - airy) * excitation + np.sqrt(airy) * strength * rising
        return np.sqrt(1 - white) * breathy + np.sqrt(white) * strength * noise[1:]
