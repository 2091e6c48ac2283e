"""The decoder's source hop by hop: pulses at the melody, breath among them, and white noise."""

from __future__ import annotations

import numpy as np

from inference.converter import HOP, MODEL_RATE
from inference.neural.runtime import Array

_SEED = 20_261_122
_MOST = 0.8
"""Share of the pulses' power that is breath at breathiness 1: what is left keeps the pitch."""

_TILT = 0.6
"""How much of the sample before is taken from the breath's noise: air between vocal folds is bright."""

_LEAST_HZ = 40.0
_NEAR = 1e-7

_STEPS = np.arange(HOP) + 1.0
_RAMP = _STEPS / HOP
_RAMP_SUM = _STEPS * (_STEPS + 1.0) / (2.0 * HOP)


class Source:
    """`next` is (1, 2, HOP): pulses of unit power, silent where unvoiced, and unit white noise.

    The pulses are those of `inference.networks.excitation`, in the fewest operations. The noise is
    seeded: a reset stream repeats itself. The array is overwritten by the next hop.
    """

    def __init__(self) -> None:
        self._hop = np.zeros((1, 2, HOP), np.float32)
        self.reset()

    def reset(self) -> None:
        """Starts anew: the same bits again."""
        self.restart()
        self._noise = np.random.default_rng(_SEED)
        self._breath = np.random.default_rng(_SEED + 1)

    def restart(self) -> None:
        """Forgets the pitch and its phase."""
        self._last_hz = self._phase = self._breathiness = self._before = 0.0

    def next(self, hz: float, breathiness: float) -> Array:
        """Source of a hop that ends at `hz` (0 = unvoiced); breathiness 0 to 1, eased over the hop."""
        pulses, noise = self._hop[0]
        noise[:] = self._noise.standard_normal(HOP, np.float32)
        if hz > 0 or self._last_hz > 0:
            pulses[:] = self._mixed(self._pulses(hz), self._fade(hz), breathiness)
        else:
            pulses[:] = 0.0
        self._last_hz, self._breathiness = hz, breathiness
        return self._hop

    def _fade(self, hz: float) -> np.ndarray | float:
        start, end = float(self._last_hz > 0), float(hz > 0)
        return 1.0 if start == end else start + (end - start) * _RAMP

    def _pulses(self, hz: float) -> np.ndarray:
        start, end = self._last_hz or hz, hz or self._last_hz
        glide = end - start
        position = (self._phase + (start * _STEPS + glide * _RAMP_SUM) / MODEL_RATE) % 1.0
        self._phase = float(position[-1])
        lowest = start + glide * _RAMP if glide else np.array([start])
        harmonics = np.floor(0.5 * MODEL_RATE / np.maximum(lowest, _LEAST_HZ))
        angle = np.pi * position
        sine = np.sin(angle)
        near = np.abs(sine) < _NEAR
        sine[near] = 1.0
        kernel = np.sin((2.0 * harmonics + 1.0) * angle) / (2.0 * sine) - 0.5
        return np.where(near, harmonics, kernel) * np.sqrt(2.0 / harmonics)

    def _mixed(self, pulses: np.ndarray, fade: np.ndarray | float, breathiness: float) -> np.ndarray:
        if breathiness or self._breathiness:
            white = self._breath.standard_normal(HOP)
            bright = white.copy()
            bright[0] -= _TILT * self._before
            bright[1:] -= _TILT * white[:-1]
            self._before = float(white[-1])
            share = self._breathiness + (breathiness - self._breathiness) * _RAMP
            share *= _MOST
            pulses = pulses * np.sqrt(1.0 - share) + bright * np.sqrt(share / (1.0 + _TILT**2))
        return pulses * fade
