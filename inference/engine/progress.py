"""Whether a device still calls, as the supervisor sees it."""

from __future__ import annotations

from numpy.typing import NDArray

from audio.ring import Ring

BREATH_S = 2.0
"""PulseAudio's ALSA plugin calls a few times, then takes up to 2 s before it goes on."""

_JUST_GIVEN = (0.5, 1.5)
"""Sound since a pause over its length: what has delivered a piece, and nothing after it, will pause again."""

_PIECES = 1.5


class Progress:
    """Looks at a stream's counters; `record` is one `inference.engine.shared.STREAM`. Times by any one clock.

    >>> progress = Progress(shared["input_stream"], patience_s=1.0)
    >>> progress.breathe(now)                       # it has just been opened
    >>> progress.stalled(now)                       # ten times a second
    """

    def __init__(self, record: NDArray, patience_s: float) -> None:
        self._record, self._patience_s = record, patience_s
        self._calls, self._since = 0, 0.0

    def breathe(self, now: float) -> None:
        """Lets the device begin before it is watched."""
        self._since = now + BREATH_S

    def stalled(self, now: float) -> bool:
        """Whether it has not called for longer than it may."""
        calls = int(self._record["callbacks"][0])
        if calls != self._calls:
            self._calls, self._since = calls, max(now, self._since)
            return False
        return now - self._since > self._patience_s + _PIECES * self._piece_s()

    def _piece_s(self) -> float:
        """How long its last pause was, if all of that sound came at once afterwards."""
        count, rate = int(self._record["gap_count"][0]), int(self._record["rate"][0])
        if not count or not rate:
            return 0.0
        slot = (count - 1) % self._record["gap_until"].shape[1]
        pause_s = float(self._record["gap_until"][0, slot] - self._record["gap_since"][0, slot])
        given_s = (int(self._record["frames"][0]) - int(self._record["gap_frames"][0, slot])) / rate
        least, most = _JUST_GIVEN
        return pause_s if least * pause_s <= given_s <= most * pause_s else 0.0


class HangWatch:
    """Whether nobody takes from a ring that fills up: the block loop hangs inside a converter."""

    def __init__(self, ring: Ring, fill: int, patience_s: float) -> None:
        self._ring, self._fill, self._patience_s = ring, fill, patience_s
        self._read, self._since = 0, 0.0

    def reset(self) -> None:
        """Forgets what was seen, as after a pause of everything."""
        self._since = 0.0

    def hangs(self, now: float, attached: bool) -> bool:
        """Called ten times a second; `attached`: whether somebody should take from it."""
        stuck = attached and self._ring.fill > self._fill and self._ring.read == self._read
        self._read = self._ring.read
        self._since = (self._since or now) if stuck else 0.0
        return stuck and now - self._since > self._patience_s
