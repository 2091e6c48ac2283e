"""The middle of a speaker's range, from the first voiced hop on."""

from __future__ import annotations

import numpy as np

F0_MIN_HZ = 45.0

KNOWN = float("inf")
"""Weight of a median that was measured over all that will be heard: nothing moves it."""

REMEMBERED = 300.0
"""Weight of what an earlier call left, in voiced hops: 3 s of voice."""

_BINS_PER_OCTAVE = 24
_LOWEST_OCTAVE = 5.25
_BINS = 128
_FORGET = 0.9994
"""Weight of the past per voiced hop: the median follows about the last 17 s of voice."""

_GUESS_HZ = 155.0
_GUESS_WEIGHT = 1.0
_OPENING_HOPS = 10
_OPENING_WEIGHT = 80.0
_OPENING_OCTAVES = 1.5 / 12
"""People begin two semitones above their median, give or take three. What the first voiced hops say counts
like 80 more of them: without it the transposition slides under the first phrase. Less of it comes nearer to
the median, and moves more meanwhile (docs/decisions/speaker-range.md)."""

_FADE = 0.9975
_FAR_OCTAVES, _FADE_FAR = 5 / 12, 0.98
"""Per voiced hop an expected median loses weight, faster where what is heard is far from it: then somebody
else speaks. Of 7 to 12 semitones 0.8 are left after 3 s of voice, 0.2 after 10."""

_ENOUGH_HOPS = 300.0


class RunningMedian:
    """Median F0 of about the last 17 s of a voice, at first drawn to what is expected of its speaker.

    Where nothing is expected, what the opening tenth of a second suggests takes its place.

    >>> median = RunningMedian()
    >>> median.expect(110.0)            # where it is known from before
    >>> median.add(120.0)
    >>> 2.0**median.octave              # Hz
    """

    def __init__(self) -> None:
        self._histogram = np.zeros(_BINS)
        self._opening = np.zeros(_OPENING_HOPS)
        self.reset()

    def reset(self) -> None:
        """Forgets the speaker."""
        self._histogram[:] = 0.0
        self._weight = 0.0
        self._opened = 0
        self._heard = 0.0
        self._expected: float | None = None
        self._trust = _OPENING_WEIGHT

    def expect(self, hz: float, weight: float = REMEMBERED) -> None:
        """Forgets the speaker for one of a median of `hz` (0: not known), which counts like `weight` hops."""
        self.reset()
        if hz > 0:
            self._expected, self._trust = float(np.log2(hz)), weight

    def take_over(self, other: RunningMedian) -> None:
        """Goes on with all that another one knows."""
        self._histogram[:] = other._histogram
        self._opening[:] = other._opening
        self._weight, self._opened, self._heard = other._weight, other._opened, other._heard
        self._expected, self._trust = other._expected, other._trust

    def add(self, f0_hz: float) -> None:
        """Takes the F0 of one voiced hop, in Hz."""
        octave = float(np.log2(max(f0_hz, F0_MIN_HZ)))
        place = int((octave - _LOWEST_OCTAVE) * _BINS_PER_OCTAVE)
        self._histogram *= _FORGET
        self._histogram[min(max(place, 0), _BINS - 1)] += 1.0
        self._weight = self._weight * _FORGET + 1.0
        self._heard = self._middle()
        if self._opened < _OPENING_HOPS:
            self._opening[self._opened] = octave
            self._opened += 1
        if self._expected is not None:
            far = abs(self._heard - self._expected) > _FAR_OCTAVES
            self._trust *= _FADE_FAR if far else _FADE

    @property
    def octave(self) -> float:
        """log2 of the median in Hz so far, drawn to the expected or the opening's while little was heard."""
        share = self._weight / (self._weight + self._trust)
        anchor = self._suggested() if self._expected is None else self._expected
        return anchor + share * (self._heard - anchor)

    @property
    def hz(self) -> float:
        """The median in Hz; 0 while nothing was expected and less than 3 s of voice were heard."""
        known = self._expected is not None or self._weight > _ENOUGH_HOPS
        return 2.0**self.octave if known else 0.0

    def _middle(self) -> float:
        """log2 of the median of what was heard."""
        below = np.cumsum(self._histogram)
        half = 0.5 * below[-1]
        place = int(np.searchsorted(below, half))
        before = below[place - 1] if place else 0.0
        inside = (half - before) / max(self._histogram[place], 1e-9)
        return float(_LOWEST_OCTAVE + (place + inside) / _BINS_PER_OCTAVE)

    def _suggested(self) -> float:
        """log2 of the median that the opening suggests."""
        guess = float(np.log2(_GUESS_HZ))
        if self._opened == 0:
            return guess
        opening = float(np.median(self._opening[: self._opened])) - _OPENING_OCTAVES
        return (opening * self._opened + guess * _GUESS_WEIGHT) / (self._opened + _GUESS_WEIGHT)
