"""Notices a source that delivers its sound in pieces: nothing for a while, then all of it at once."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

GAP_S = 0.02
"""A callback this long after the one before is worth a note."""

_REMEMBERED, _WINDOW_S = 64, 10.0
"""How many pauses are looked at, of how long a time."""

_LEAST_GAPS, _LEAST_SPAN_S = 3, 1.0
"""Pieces are what at least three pauses in a row look like, over a second."""

_SILENT, _STILL_SILENT = 0.5, 0.35
"""Share of the time that the source says nothing: to be taken for one of pieces, and to stay one."""

_DELIVERED = 0.8
"""Share of the time that the sound must last all the same; less is a source that stops and starts."""

_STEADY_S = 1.0


@dataclass(frozen=True)
class Gap:
    """A pause between two callbacks: the later one begins with frame `frames`, the one before had `block`.

    Their times: `since_s` and `until_s`, seconds of one clock.
    """

    frames: int
    block: int
    since_s: float
    until_s: float


class Pieces:
    """Learns from its pauses how much a source at `rate` Hz delivers at once.

    An accident of the machine also makes a pause with everything after it at once. So a pause tells
    nothing by itself; what tells is that the source is silent for most of the time and still delivers
    all of its sound. A pause beyond `longest_s` is the end of everything learned.

    >>> pieces = Pieces(48_000, longest_s=2.0)
    >>> pieces.note(Gap(28_800, 240, since_s=10.0, until_s=10.6))     # each pause
    >>> pieces.seconds                                               # 0: a steady source
    """

    def __init__(self, rate: int, longest_s: float) -> None:
        self._rate, self._longest_s = rate, longest_s
        self._gaps: deque[Gap] = deque(maxlen=_REMEMBERED)
        self.seconds = 0.0
        """How long its sound waits in the source beyond a block, before it comes all at once."""

    def clear(self) -> None:
        """Forgets everything."""
        self._gaps.clear()
        self.seconds = 0.0

    def note(self, gap: Gap) -> None:
        """Takes the next pause."""
        held_s = self._held(gap)
        if held_s > self._longest_s:
            self.clear()
        elif held_s >= GAP_S:
            self._gaps.append(gap)
            while len(self._gaps) > _LEAST_GAPS and gap.until_s - self._gaps[0].until_s > _WINDOW_S:
                self._gaps.popleft()
            self._judge()

    def forget(self, now: float) -> None:
        """Tells that the source called at `now`: without a pause for a while it has become steady."""
        if self._gaps and now - self._gaps[-1].until_s > _STEADY_S + 2 * self._held(self._gaps[-1]):
            self.clear()

    def _held(self, gap: Gap) -> float:
        """Seconds of sound that a pause held back; a block takes its time anyway."""
        return gap.until_s - gap.since_s - gap.block / self._rate

    def _judge(self) -> None:
        held = [self._held(gap) for gap in self._gaps]
        first, last = self._gaps[0], self._gaps[-1]
        span_s = last.until_s - first.until_s
        enough = len(held) >= _LEAST_GAPS and span_s >= _LEAST_SPAN_S
        silent = sum(held[1:]) >= (_STILL_SILENT if self.seconds else _SILENT) * span_s
        delivered = last.frames - first.frames >= _DELIVERED * span_s * self._rate
        # The single longest pause is an accident, as in the plan of the margin, which does for the rest.
        self.seconds = sorted(held)[-2] if enough and silent and delivered else 0.0
