"""Whether a device still calls and a block loop still takes, as the supervisor sees it."""

from __future__ import annotations

import math
from pathlib import Path

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


_WAITING_S = 0.1
"""Sound that waits to be taken: more than a block of any device and a hop that is late."""

_LOOK_S = 0.25
"""What one look counts for at most."""


class HangWatch:
    """For how long nobody has taken from a ring that fills up: the block loop hangs inside a converter.

    `record` is the `inference.engine.shared.STREAM` of whoever fills it. Looks are counted rather than
    seconds: where this process was kept from looking, so was the loop from running, which is no hang.
    """

    def __init__(self, ring: Ring, record: NDArray) -> None:
        self._ring, self._record = ring, record
        self._read, self._looked, self._stuck_s = 0, -math.inf, -math.inf

    def reset(self) -> None:
        """Forgets what was seen, as after a pause of everything."""
        self._stuck_s = -math.inf

    def look(self, now: float, attached: bool) -> float:
        """Seconds of it, called ten times a second; `attached`: whether somebody should take from it."""
        waiting = self._ring.fill > _WAITING_S * int(self._record["rate"][0])
        stuck = attached and waiting and self._ring.read == self._read
        self._read = self._ring.read
        # A worker that has just been attached finds the ring full, and skips that with its first hop: the
        # first look counts for nothing.
        counts = min(now - self._looked, _LOOK_S)
        self._stuck_s = max(0.0, self._stuck_s + counts) if stuck else -math.inf
        self._looked = now
        return max(0.0, self._stuck_s)


def wants_to_run(pid: int) -> bool:
    """Whether a thread of this process runs, would if it had a core, or waits for a disk.

    True where nobody can tell, which is everywhere but on Linux.
    """
    try:
        return any(_state(task) in "RD" for task in Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return True


def _state(task: Path) -> str:
    """The letter that Linux has for what a thread does; its name, before it, may hold anything."""
    return (task / "stat").read_text().rpartition(")")[2].split()[0]
