"""More delay without a hole: a stretch of what was just played is played again, cross-faded."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

MOST_S = 0.01
"""Most that one block is lengthened by, before the search for a good place."""

_SEARCH_S = 0.0125
"""How much further back a better place is looked for: a period of a voice of 80 Hz."""

_FADE_S = 0.005
_LEAST_ENERGY = 1e-6
"""Of the samples of a fade: below it there is nothing to be heard, and any place is good."""

_PERIODIC, _AS_GOOD = 0.5, 0.95
"""A correlation from which on sound is periodic, and the share of the best one that will do."""


class Lengthener:
    """Makes blocks of one stream longer, at `rate` Hz.

    A voiced sound is periodic, so a repetition by whole periods is hardly heard; where a place fits is
    found by correlation. The stream goes on with the repeated samples, later by as many as were added.

    >>> lengthener = Lengthener(48_000)
    >>> y = lengthener.lengthen(y, 240)     # (n,) -> (n + 240 or some more,)
    >>> lengthener.note(y)                  # each block that is played
    """

    def __init__(self, rate: int) -> None:
        self._most, self._search = round(MOST_S * rate), round(_SEARCH_S * rate)
        self._past = np.zeros(self._most + self._search, np.float32)
        self._fade = np.linspace(0.0, 1.0, round(_FADE_S * rate), dtype=np.float32)

    def note(self, y: Samples) -> None:
        """Remembers what was played: (n,)."""
        kept = y[-len(self._past) :]
        self._past[: len(self._past) - len(kept)] = self._past[len(kept) :]
        self._past[len(self._past) - len(kept) :] = kept

    def lengthen(self, y: Samples, frames: int) -> Samples:
        """`y`: (n,) made longer by `frames`, at most `MOST_S`, and up to the search more."""
        frames = min(frames, self._most)
        fade = self._fade[: len(y)]
        if frames <= 0 or not len(fade):
            return y
        added = self._best(y[: len(fade)], frames)
        longer = np.concatenate((self._past[len(self._past) - added :], y))
        head = longer[: len(fade)]
        longer[: len(fade)] = y[: len(fade)] + (head - y[: len(fade)]) * fade
        return longer

    def _best(self, template: Samples, frames: int) -> int:
        """How many samples to repeat, `frames` or more: few, that begin like `template`: (f,)."""
        if float(template @ template) < _LEAST_ENERGY:
            return frames
        longest = min(frames + self._search, len(self._past))
        # A repetition of fewer samples than the fade runs into the block itself; that tail is not searched.
        area = np.concatenate((self._past[len(self._past) - longest :], template))
        starts = longest - frames + 1
        area = area[: starts + len(template) - 1]
        match = np.correlate(area, template, "valid")
        squares = np.concatenate(([0.0], np.cumsum(area.astype(np.float64) ** 2)))
        energy = squares[len(template) :] - squares[: -len(template)]
        likeness = match / np.sqrt((energy + _LEAST_ENERGY) * float(template @ template))
        good = np.flatnonzero(likeness >= max(_PERIODIC, _AS_GOOD * float(likeness.max())))
        if not len(good):
            return frames
        nearest = np.split(good, np.flatnonzero(np.diff(good) > 1) + 1)[-1]
        return longest - int(nearest[np.argmax(likeness[nearest])])
