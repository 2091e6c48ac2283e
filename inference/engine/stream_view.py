"""What the worker sees of a device's stream: its counters, its clock, and the pieces a source delivers."""

from __future__ import annotations

import math
from collections.abc import Iterator

from numpy.typing import NDArray

from audio.clock import ClockModel
from audio.fence import Fence
from audio.pieces import Gap, Pieces
from audio.ring import Ring

_STALLED_S = 0.15
"""A device that has not asked for samples this long gets none: they would be stale when it does."""

_PAUSE_S = 0.5
"""A device that did not call for this long was not merely late: a stop, a sleep, a restart of its server."""

_LONGEST_PIECE_S, _RING_SHARE = 2.2, 0.8
"""What is longer than this, or than that share of a ring, cannot be kept until it is played."""


class StreamView:
    """What the worker sees of one direction of a stream: counters, and a model of its clock.

    `record` is one `inference.engine.shared.STREAM`.
    """

    def __init__(self, ring: Ring, record: NDArray, rate: int) -> None:
        self.ring = ring
        self.rate = rate
        self.clock = ClockModel(rate, max(1, int(record["block"][0])))
        self._record = record
        self._last_call, self._last_frames = 0.0, 0
        self._seen = 0
        self._fence = Fence()
        self.resumed_at = -math.inf

    def refresh(self) -> None:
        """Feeds callbacks that happened since to the clock model."""
        count, size = int(self._record["log_count"][0]), self._record["log_time"].shape[1]
        self._fence()
        for index in range(max(self._seen, count - size // 2), count):
            slot = index % size
            called = float(self._record["log_time"][0, slot])
            if self._seen and called - self._last_call > self._pause_s:
                self._resume(called)
            self._last_call = called
            self._last_frames = int(self._record["log_frames"][0, slot])
            self._follow()
        self._seen = count

    @property
    def _pause_s(self) -> float:
        return _PAUSE_S

    def _resume(self, now: float) -> None:
        """Begins anew after a pause that ended at `now`."""
        self.clock.reset()
        self.resumed_at = now

    def _follow(self) -> None:
        """Tells the clock model of the last call."""
        self.clock.update(self._last_frames, self._last_call)

    def stalled(self, now: float) -> bool:
        """Whether the device has not called for a while, or never."""
        return now - self._last_call > _STALLED_S

    @property
    def piece_s(self) -> float:
        """Input: how long sound waits in the source before it comes all at once, seconds; 0: it does not."""
        return 0.0

    @property
    def block(self) -> int:
        """Largest callback so far, frames."""
        return int(self._record["block"][0])

    def due(self, frame: int) -> float:
        """When the device will ask for `frame`, seconds, going by its last call and steady blocks.

        Not by the clock model: time that a server loses between two blocks shifts that for seconds.
        """
        block = max(1, self.block)
        start = frame - (frame - self._last_frames) % block
        return self._last_call + (start - self._last_frames) / self.rate

    def due_at_worst(self, frame: int) -> float:
        """When the device would ask for `frame` if it were the last of a block, seconds."""
        return self._last_call + (frame - self._last_frames - self.block) / self.rate

    @property
    def underruns(self) -> int:
        """Callbacks that found too little."""
        return int(self._record["underruns"][0])

    @property
    def xruns(self) -> int:
        """Callbacks that the audio system flagged: it lost time itself."""
        return int(self._record["xruns"][0])

    @property
    def source(self) -> int:
        """Input: number of the frame that will be read next."""
        return self.ring.read + int(self._record["dropped"][0])

    @property
    def landing(self) -> int:
        """Output: number of the frame that what is pushed next will be played as."""
        return self.ring.written + int(self._record["silence"][0])


class SourceView(StreamView):
    """The input: a source that delivers in pieces is as late as its pieces are long, and its clock is known
    by their ends alone.

    The first sample of a piece is the oldest; what comes last has waited for nothing, so the delay is
    counted from there, and `piece_s` of it must be kept in store.
    """

    def __init__(self, ring: Ring, record: NDArray, rate: int) -> None:
        super().__init__(ring, record, rate)
        self._pieces = Pieces(rate, min(_LONGEST_PIECE_S, _RING_SHARE * ring.capacity / rate))
        self._gaps_seen = 0

    @property
    def piece_s(self) -> float:
        """As `StreamView` has it."""
        return self._pieces.seconds

    def refresh(self) -> None:
        """Feeds the clock model, by what happened since."""
        for gap in self._new_gaps():
            self._hear(gap)
        before = self.piece_s
        self._pieces.forget(self._last_call)
        self._change(before, self._last_call)
        super().refresh()

    def _new_gaps(self) -> Iterator[Gap]:
        record = self._record
        count, size = int(record["gap_count"][0]), record["gap_until"].shape[1]
        self._fence()
        for index in range(max(self._gaps_seen, count - size // 2), count):
            slot = index % size
            frames, block = int(record["gap_frames"][0, slot]), int(record["gap_block"][0, slot])
            since, until = float(record["gap_since"][0, slot]), float(record["gap_until"][0, slot])
            yield Gap(frames, block, since, until)
        self._gaps_seen = count

    def _hear(self, gap: Gap) -> None:
        """Takes a pause: in a source of pieces, the end of one."""
        before = self.piece_s
        self._pieces.note(gap)
        self._change(before, gap.until_s)
        if self.piece_s:
            self.clock.update(gap.frames - gap.block, gap.since_s)

    def _change(self, before: float, now: float) -> None:
        """Begins the clock anew where the source has turned out to be of the other kind."""
        if bool(before) != bool(self.piece_s):
            super()._resume(now)
            self._follow()

    @property
    def _pause_s(self) -> float:
        return max(_PAUSE_S, 2 * self.piece_s)

    def _resume(self, now: float) -> None:
        if self.piece_s:
            self._pieces.clear()
        super()._resume(now)

    def _follow(self) -> None:
        if not self.piece_s:
            super()._follow()
