"""Gain without clicks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Block = NDArray[np.float32]


class GainRamp:
    """Applies a gain; a change is spread linearly over the block it comes with.

    Exact when nothing changes: gain 1 leaves the bits alone, gain 0 gives zeros whatever comes in.

    >>> ramp = GainRamp()
    >>> ramp.process(block, 0.5)        # in place: from 1.0 down to 0.5 at its last sample
    """

    def __init__(self, gain: float = 1.0) -> None:
        """Starts at `gain`, linear."""
        self._gain = gain
        self._rise = np.zeros(0, np.float32)

    @property
    def gain(self) -> float:
        """Gain at the end of the last block, linear."""
        return self._gain

    def reset(self, gain: float) -> None:
        """Jumps to `gain`."""
        self._gain = gain

    def process(self, block: Block, gain: float) -> Block:
        """Scales `block`: (n,) float32 in place, from the gain before to `gain`, and returns it."""
        count = len(block)
        if gain != self._gain and count:
            if len(self._rise) != count:
                self._rise = np.arange(1, count + 1, dtype=np.float32) / np.float32(count)
            curve = self._rise * np.float32(gain - self._gain)
            curve += np.float32(self._gain)
            block *= curve
            self._gain = gain
        elif gain == 0.0:
            block[:] = 0.0
        elif gain != 1.0:
            block *= np.float32(gain)
        return block
