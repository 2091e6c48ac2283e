"""Holds bursts of the converted voice. Its loudness is the chain's matter (`audio.loudness`)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.converter import HOP

Array = NDArray[np.float64]

_PEAK_RATIO = 3.0
"""How much the peak may grow: a lower pitch gathers the same power in fewer, higher pulses."""

_RAMP = 48


class PeakGuard:
    """Keeps the peak of a voice below three times that of its speaker."""

    def __init__(self) -> None:
        self._rise = (np.arange(HOP) + 1.0) / HOP
        self.reset()

    def reset(self) -> None:
        """Holds nothing."""
        self._gain = 1.0

    def apply(self, output: Array, peak: float) -> Array:
        """Returns `output`, (HOP,), held below the limit: down in 2 ms, up again in a hop.

        `peak`: highest absolute sample of the speaker around this hop.
        """
        limit = _PEAK_RATIO * peak
        highest = float(np.abs(output).max())
        before, self._gain = self._gain, limit / highest if highest > limit else 1.0
        if before == self._gain == 1.0:
            return output
        ramp = self._rise if self._gain > before else np.minimum(self._rise * (HOP / _RAMP), 1.0)
        return output * (before + (self._gain - before) * ramp)
