"""Presents speech to the networks at the level they were trained on, and gives the level back."""

from __future__ import annotations

import math

import numpy as np

from inference.converter import HOP, Block

_NOMINAL_DB = -24.0
"""Active speech level of the training corpus, dBFS."""

_RANGE_DB = 24.0
_ACTIVE_DB = -58.0
_RISE, _FALL = 0.04, 0.004
"""Shares of the way to a louder or quieter level that the estimate goes per active hop."""

_SILENT_DB = -66.0
_PATIENCE = 6
"""Silent hops before the output is faded: longer than the latency, shorter than a pause is noticed."""

_FADE_HOPS = 5


class LevelRider:
    """Slow gain before the networks and its inverse after; fades the output when the input is silent.

    Quiet and loud speakers so meet the networks alike, and come out as quiet or loud as they are.
    """

    def __init__(self) -> None:
        self._ramp = ((np.arange(HOP) + 1) / HOP).astype(np.float32)
        self.reset()

    def reset(self) -> None:
        """Forgets the speaker's level."""
        self._level_db = _NOMINAL_DB
        self._gain = 1.0
        self._silent = _PATIENCE + _FADE_HOPS
        self._open = 0.0

    def before(self, block: Block) -> Block:
        """The block (240,) at about the training level."""
        decibel = 10.0 * math.log10(float(np.dot(block, block)) / HOP + 1e-12)
        self._silent = self._silent + 1 if decibel < _SILENT_DB else 0
        if decibel > max(_ACTIVE_DB, self._level_db - 25.0):
            share = _RISE if decibel > self._level_db else _FALL
            self._level_db += share * (decibel - self._level_db)
        wanted = min(max(_NOMINAL_DB - self._level_db, -_RANGE_DB), _RANGE_DB)
        before, self._gain = self._gain, 10.0 ** (wanted / 20.0)
        return block * _glide(before, self._gain, self._ramp)

    def after(self, audio: Block) -> Block:
        """The networks' output (240,) at the speaker's level, silent after a silent input."""
        wanted = 1.0 if self._silent <= _PATIENCE else max(0.0, self._open - 1.0 / _FADE_HOPS)
        before, self._open = self._open, wanted
        return audio * _glide(before / self._gain, wanted / self._gain, self._ramp)


def _glide(before: float, after: float, ramp: Block) -> Block | np.float32:
    """Gain over a hop: float32."""
    if before == after:
        return np.float32(after)
    return np.float32(before) + np.float32(after - before) * ramp
