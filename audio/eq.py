"""Two shelves for tone, after R. Bristow-Johnson, "Cookbook formulae for audio EQ biquad coefficients"."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from audio.iir import Filter

Block = NDArray[np.float32]
Array = NDArray[np.float64]

LOW_HZ, HIGH_HZ = 200.0, 4000.0
"""Where the shelves have half of their gain in dB."""

_ALPHA = math.sqrt(0.5)
"""Half of sqrt(2): shelf slope 1, the steepest without overshoot."""


def low_shelf(hz: float, gain_db: float, rate: float) -> tuple[Array, Array]:
    """(b, a) of a low shelf with slope 1, (3,) each with a[0] = 1: `gain_db` far below `hz`, 0 above."""
    return _shelf(hz, gain_db, rate, -1.0)


def high_shelf(hz: float, gain_db: float, rate: float) -> tuple[Array, Array]:
    """(b, a) of a high shelf with slope 1, (3,) each with a[0] = 1: `gain_db` far above `hz`, 0 below."""
    return _shelf(hz, gain_db, rate, 1.0)


def _shelf(hz: float, gain_db: float, rate: float, side: float) -> tuple[Array, Array]:
    """The cookbook's two shelves, which differ by the sign of the cosine: -1 low, 1 high."""
    amplitude = 10.0 ** (gain_db / 40.0)
    angle = 2.0 * math.pi * hz / rate
    cosine = side * math.cos(angle)
    plus, minus = amplitude + 1.0, amplitude - 1.0
    bend = 2.0 * math.sqrt(amplitude) * math.sin(angle) * _ALPHA
    middle = minus + cosine * plus
    b = amplitude * np.array([plus + minus * cosine + bend, -2 * side * middle, plus + minus * cosine - bend])
    middle = minus - cosine * plus
    a = np.array([plus - minus * cosine + bend, 2 * side * middle, plus - minus * cosine - bend])
    return b / a[0], a / a[0]


_FLAT = (0.0, 0.0)
_SETTLED_S = 0.03
"""After which nothing is left of a shelf's beginning: 19 time constants of the slowest, e^-19."""


class Equaliser:
    """A low and a high shelf whose gains may change with every block.

    A change cross-fades within one block to the filter after it, as if that one had always run: it hears
    the last 30 ms first. A filter that went on from the other's outputs would ring at what is none of its
    own. Flat, it returns the block bit for bit.

    >>> equaliser = Equaliser(24_000)
    >>> equaliser.process(block, low_db=3.0, high_db=-2.0)      # in place
    """

    def __init__(self, rate: int) -> None:
        """`rate` in Hz."""
        self._rate = rate
        self._rise = np.zeros(0)
        self._heard = np.zeros(round(_SETTLED_S * rate), np.float32)
        self.reset()

    def reset(self) -> None:
        """Flat, with no past."""
        self._gains = _FLAT
        self._filter: Filter | None = None
        self._heard[:] = 0.0

    def process(self, block: Block, low_db: float, high_db: float) -> Block:
        """Filters `block`: (n,) float32, n at least 4, in place and returns it; gains in dB."""
        gains = (low_db, high_db)
        if gains == self._gains:
            self._hear(block)
            if self._filter:
                block[:] = self._filter.process(block)
            return block
        following = self._make(gains)
        before = self._filter.process(block) if self._filter else block.astype(np.float64)
        after = following.process(block) if following else block
        self._hear(block)
        if len(self._rise) != len(block):
            self._rise = np.arange(1, len(block) + 1) / len(block)
        block[:] = before + self._rise * (after - before)
        self._gains, self._filter = gains, following
        return block

    def _hear(self, block: Block) -> None:
        kept = max(0, len(self._heard) - len(block))
        self._heard[:kept] = self._heard[len(self._heard) - kept :]
        self._heard[kept:] = block[len(block) - (len(self._heard) - kept) :]

    def _make(self, gains: tuple[float, float]) -> Filter | None:
        """The filter that has heard what was before; None where it would change nothing."""
        if gains == _FLAT:
            return None
        low, high = low_shelf(LOW_HZ, gains[0], self._rate), high_shelf(HIGH_HZ, gains[1], self._rate)
        made = Filter(np.convolve(low[0], high[0]), np.convolve(low[1], high[1]))
        made.process(self._heard)
        return made
