"""Notices from one process that the computer slept, and that somebody set its clock."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

_PAUSE_S = 2.0
"""A thread that wakes ten times a second and did not for so long: the machine slept, or was stopped."""

_SET_S = 2.0
"""A wall clock that moved by more than this against the other one was set; below it, it was disciplined."""


def awake_and_asleep() -> float:
    """Seconds of a clock that nobody sets and that goes on while the computer sleeps."""
    if sys.platform == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    if sys.platform == "darwin":
        # Python's own monotonic clock stands still there while the computer sleeps.
        return time.clock_gettime(time.CLOCK_MONOTONIC)
    return time.monotonic()


class TimeWatch:
    """Looks at the clocks; call `look` several times a second.

    >>> watch = TimeWatch()
    >>> pause_s, sentences = watch.look()
    """

    def __init__(
        self, steady: Callable[[], float] = awake_and_asleep, wall: Callable[[], float] = time.time
    ) -> None:
        self._steady, self._wall = steady, wall
        self._last_steady, self._last_wall = steady(), wall()

    def look(self) -> tuple[float, list[str]]:
        """Returns (seconds of a pause or 0, what to tell)."""
        steady, wall = self._steady(), self._wall()
        passed, passed_wall = steady - self._last_steady, wall - self._last_wall
        self._last_steady, self._last_wall = steady, wall
        sentences = []
        pause_s = passed if passed > _PAUSE_S else 0.0
        if pause_s:
            sentences.append(f"The computer slept, or stopped Menura, for {pause_s:.0f} s; the call goes on.")
        if abs(passed_wall - passed) > _SET_S:
            sentences.append(
                f"The computer's clock was set {_words(passed_wall - passed)}; the call does not go by it."
            )
        return pause_s, sentences


def _words(seconds: float) -> str:
    direction = "forward" if seconds > 0 else "back"
    amount = abs(seconds)
    if amount < 120:
        return f"{direction} by {amount:.0f} s"
    if amount < 5400:
        return f"{direction} by {amount / 60:.0f} min"
    return f"{direction} by {amount / 3600:.2g} h"
