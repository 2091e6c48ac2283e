"""Marks once per glottal period (or every 5 ms where there is none), as soon as speech arrives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.converter import MODEL_RATE

Array = NDArray[np.float64]

MARGIN = 48
"""A mark is decided once this many samples after its expected place are known."""

UNVOICED_SPACING = 120
_LOOK_RIGHT = 12
_MIN_FADE = 24
_LEAD = 64
"""A mark is set at least this many samples before it is heard."""

_SEARCH = 0.12
_SEARCH_MAX = 36
_TEMPLATE_MAX = 288
_PEAK_WEIGHT = 0.15
_SMOOTHING = np.hanning(13)[1:-1] / np.hanning(13).sum()


@dataclass(slots=True)
class Mark:
    """Start of a period. `position` in samples since reset; `fade` is how long it is faded in."""

    position: float
    voiced: bool
    fade: float


class PeriodMarker:
    """Extends a list of marks hop by hop.

    The first mark of a voiced stretch is the strongest point of the prediction residual (the glottal
    closure); each further mark is where the waveform looks most like that around the mark before.
    """

    def __init__(self, fade_max: int) -> None:
        self._fade_max = fade_max
        self.marks: list[Mark] = []
        self.reset()

    def reset(self) -> None:
        """Forgets all marks but one at time zero."""
        self.marks[:] = [Mark(0.0, False, 1.0)]
        self._spacing = float(UNVOICED_SPACING)

    def forget(self, oldest: Mark) -> None:
        """Drops the marks before `oldest`."""
        while self.marks[0] is not oldest:
            del self.marks[0]

    def period(self, i: int) -> float:
        """Distance in samples from mark `i` to the next one; the expected one from the last mark."""
        if i + 1 < len(self.marks):
            return self.marks[i + 1].position - self.marks[i].position
        return self._spacing

    def extend(self, speech: Array, residual: Array, end: int, done: int, f0_hz: float) -> None:
        """Adds every mark that is decided now.

        `speech`, `residual`: the newest samples of both, the last one at `end` - 1. `done`: first
        sample that has not left the converter yet. `f0_hz`: 0 when unvoiced.
        """
        last = self.marks[-1]
        self._spacing = MODEL_RATE / f0_hz if f0_hz > 0 else float(UNVOICED_SPACING)
        start = end - speech.size
        while last.position + self._spacing + MARGIN <= end:
            position = last.position + self._spacing
            if position < done + _LEAD:
                # The period has just become much shorter: what should have been a mark is past.
                position = float(done + _LEAD)
            elif f0_hz > 0 and last.voiced:
                position = start + self._next(speech, residual, last.position - start, self._spacing)
            elif f0_hz > 0:
                position = start + self._first(residual, position - start, self._spacing)
            position = max(position, done + _MIN_FADE)
            fade = min(position - last.position, self._fade_max, position - done)
            last = Mark(position, f0_hz > 0, fade)
            self.marks.append(last)

    @staticmethod
    def _first(residual: Array, expected: float, period: float) -> float:
        """Place of the strongest residual at most half a period from the expected one."""
        low = int(expected - 0.5 * period)
        high = min(int(expected + 0.5 * period), residual.size - _LOOK_RIGHT)
        strength = np.convolve(np.abs(residual[low:high]), _SMOOTHING, "same")
        return low + float(strength.argmax())

    @staticmethod
    def _next(speech: Array, residual: Array, before: float, period: float) -> float:
        """Place of the mark that follows `before` by about `period`."""
        origin = round(before)
        reach = max(3, min(int(_SEARCH * period), _SEARCH_MAX))
        half = min(int(0.7 * period), _TEMPLATE_MAX)
        low = origin + round(period) - reach
        template = speech[origin - half : origin + _LOOK_RIGHT]
        area = speech[low - half : low + 2 * reach + _LOOK_RIGHT]
        energy = np.convolve(area * area, np.ones(template.size), "valid")
        match = np.correlate(area, template, "valid")
        match = match / np.sqrt(energy * float(template @ template) + 1e-18)
        strength = np.convolve(np.abs(residual[low - 6 : low + match.size + 4]), _SMOOTHING, "valid")[
            : match.size
        ]
        score = match + _PEAK_WEIGHT * strength / (strength.max() + 1e-12)
        best = int(score.argmax())
        offset = 0.0
        if 0 < best < score.size - 1:
            below, centre, above = score[best - 1 : best + 2]
            bend = below - 2 * centre + above
            offset = 0.5 * (below - above) / bend if bend < 0 else 0.0
        return low + best + float(offset) + (before - origin)
