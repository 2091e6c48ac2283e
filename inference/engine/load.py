"""What the user is told of a load: which sentence, when, and when it is over."""

from __future__ import annotations

from collections.abc import Callable

import psutil

from inference.engine.messages import EngineState, StateChanged

_TOO_SLOW, _FAST_ENOUGH, _SLOW_S = 0.95, 0.8, 2.0
"""Compute time of a hop over its length, averaged over a second, and how long it may be that bad."""

_WORTH_TELLING_MS, _STEADY_S = 7.5, 1.0
"""A change of the delay that is told, once it has stayed for a second."""

_OVER_S = 10.0
"""How long the end of a load is shown."""

_BUSY_PERCENT = 70.0
"""Use of all cores from which on it is the computer that is busy."""

_CALL_BEARS_MS = 250.0
"""Pieces in which a microphone may deliver its sound before they are more than a call can bear."""

_OTHER_PIECES = 0.2
"""Share by which pieces must have changed to be told again."""

_AGAIN = "The computer has time again: the delay is as before."


class LoadWatch:
    """Told a few times a second how the worker keeps up; says what has changed.

    `cores_percent` tells the use of all cores since it was last asked, 0 to 100.

    >>> watch = LoadWatch()
    >>> told = watch.look(now, factor=0.4, extra_ms=10.0, voice="'Cello'")     # StateChanged or None
    """

    def __init__(self, cores_percent: Callable[[], float] = psutil.cpu_percent) -> None:
        self._cores_percent = cores_percent
        self.reset()

    def reset(self) -> None:
        """The worker has just been attached: what it was before is over."""
        self._slow = False
        self._slow_since = self._steady_since = 0.0
        self._told_ms = self._seen_ms = 0.0
        self._over_at: float | None = None
        self._busiest = 0.0
        self._piece_ms = 0.0

    def look(
        self, now: float, factor: float, extra_ms: float, voice: str, piece_ms: float = 0.0
    ) -> StateChanged | None:
        """What to tell now.

        `factor`: compute time of a hop over its length; `extra_ms`: delay that the load has added;
        `piece_ms`: in which pieces the microphone delivers its sound, 0 where it is steady.
        """
        self._busiest = max(0.9 * self._busiest, self._cores_percent())
        told = self._look_at_speed(now, factor, voice)
        if told or self._slow:
            return told
        return self._look_at_pieces(piece_ms) or self._look_at_delay(now, extra_ms)

    def _look_at_speed(self, now: float, factor: float, voice: str) -> StateChanged | None:
        self._slow_since = (self._slow_since or now) if factor > _TOO_SLOW else 0.0
        if not self._slow and self._slow_since and now - self._slow_since >= _SLOW_S:
            self._slow = True
            return StateChanged(
                EngineState.DEGRADED,
                f"This computer is too slow for {voice} just now: close other programs, or choose a voice "
                "without a network.",
            )
        if self._slow and factor < _FAST_ENOUGH:
            self._slow = False
            self._told_ms = 0.0
            return self._as_usual()
        return None

    def _look_at_pieces(self, piece_ms: float) -> StateChanged | None:
        """A microphone that delivers in pieces is told for as long as it does."""
        if abs(piece_ms - self._piece_ms) <= _OTHER_PIECES * piece_ms:
            return None
        self._piece_ms = piece_ms
        return self._as_usual()

    def _as_usual(self) -> StateChanged:
        """What holds while no load has to be told."""
        if not self._piece_ms:
            return StateChanged(EngineState.RUNNING)
        piece_ms = round(self._piece_ms, -1)
        piece = f"The microphone delivers its sound in pieces of {piece_ms:.0f} ms"
        if self._piece_ms > _CALL_BEARS_MS:
            advice = "and all that is heard is late by that: choose another one, or connect it by cable."
            return StateChanged(EngineState.DEGRADED, f"{piece}, {advice}")
        cost = f"{piece_ms:.0f} ms more delay so that nothing stutters"
        return StateChanged(EngineState.RUNNING, f"{piece}: {cost}.")

    def _look_at_delay(self, now: float, extra_ms: float) -> StateChanged | None:
        """A delay that has grown is told once it stays, and its end when nearly nothing is left of it."""
        if abs(extra_ms - self._seen_ms) >= 1.0 or not self._steady_since:
            self._seen_ms, self._steady_since = extra_ms, now
        if now - self._steady_since >= _STEADY_S:
            if extra_ms >= self._told_ms + _WORTH_TELLING_MS:
                self._told_ms, self._over_at = extra_ms, None
                return StateChanged(self._as_usual().state, self._sentence(extra_ms))
            if self._told_ms and extra_ms < _WORTH_TELLING_MS:
                self._told_ms, self._over_at = 0.0, now + _OVER_S
                return StateChanged(self._as_usual().state, _AGAIN)
        if self._over_at is not None and now >= self._over_at:
            self._over_at = None
            return self._as_usual()
        return None

    def _sentence(self, extra_ms: float) -> str:
        cause = "The computer is busy" if self._busiest >= _BUSY_PERCENT else "Sound comes unevenly"
        return f"{cause}: {extra_ms:.0f} ms more delay so that nothing stutters."
