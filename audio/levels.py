"""Levels: decibels, meters, and samples made safe."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Block = NDArray[np.float32]

FLOOR_DB = -120.0
"""What silence reads as, dB full scale."""

_HUGE = 1e12


def db_to_gain(db: float) -> float:
    """Returns the amplitude ratio of `db` decibels."""
    return float(10.0 ** (db / 20.0))


def gain_to_db(gain: float, floor_db: float = FLOOR_DB) -> float:
    """Returns the amplitude ratio `gain` in decibels, never below `floor_db`; NaN reads as the floor."""
    if not gain > 0.0:
        return floor_db
    return max(floor_db, 20.0 * math.log10(gain))


def is_finite(block: Block) -> bool:
    """Tells whether `block`: (n,) holds neither NaN nor infinity."""
    # Both reductions pass NaN on; no temporary array.
    return len(block) == 0 or (math.isfinite(float(block.max())) and math.isfinite(float(block.min())))


def make_finite(block: Block) -> int:
    """Sets NaN and infinity in `block`: (n,) to 0, in place; returns how many there were."""
    if is_finite(block):
        return 0
    bad = ~np.isfinite(block)
    block[bad] = 0.0
    return int(bad.sum())


@dataclass(frozen=True)
class Level:
    """Peak and RMS of a block, linear, 1.0 = full scale."""

    peak: float = 0.0
    rms: float = 0.0

    @property
    def peak_db(self) -> float:
        """Peak in dB full scale."""
        return gain_to_db(self.peak)

    @property
    def rms_db(self) -> float:
        """RMS in dB full scale (a full-scale sine reads -3.01)."""
        return gain_to_db(self.rms)


SILENCE = Level()


class Meter:
    """Measures blocks and remembers the last level; one thread feeds it.

    >>> meter = Meter()
    >>> meter.update(block).peak_db
    """

    def __init__(self) -> None:
        self.level = SILENCE

    def update(self, block: Block) -> Level:
        """Returns the level of `block`: (n,) float32; silence when it is empty or not finite."""
        self.level = measure(block)
        return self.level

    def reset(self) -> None:
        """Reads silence again."""
        self.level = SILENCE


def measure(block: Block) -> Level:
    """Returns peak and RMS of `block`: (n,) float32; silence when it is empty or not finite."""
    if len(block) == 0:
        return SILENCE
    peak = max(float(block.max()), -float(block.min()))
    if not math.isfinite(peak):
        return SILENCE
    if peak > _HUGE:  # squares would leave the range of float32
        return Level(peak, peak)
    return Level(peak, math.sqrt(float(np.dot(block, block)) / len(block)))
