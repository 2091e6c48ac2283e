"""Where finished samples go: keeps an output ring at its delay, whatever the clocks do."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audio.clock import ClockModel
from audio.drift import DriftController
from audio.ring import Ring
from inference.engine.pacing import Margin, first_margin, turnaround_frames

_LOST_S = 0.03
"""An error no resampling ratio should be asked to mend: silence or a cut does it at once."""

_STALLED_S = 0.15
"""A device that has not asked for samples this long gets none: they would be stale when it does."""

_EPISODE_S, _START_S = 0.2, 0.5
"""The margin grows once in this time, and not in the first half second."""

_BUNCH_S = 0.1
"""Underruns this soon after an xrun of the audio system are its doing."""


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

    def refresh(self) -> None:
        """Feeds callbacks that happened since to the clock model."""
        count, size = int(self._record["log_count"][0]), self._record["log_time"].shape[1]
        for index in range(max(self._seen, count - size // 2), count):
            slot = index % size
            self._last_call = float(self._record["log_time"][0, slot])
            self._last_frames = int(self._record["log_frames"][0, slot])
            self.clock.update(self._last_frames, self._last_call)
        self._seen = count

    def stalled(self, now: float) -> bool:
        """Whether the device has not called for a while, or never."""
        return now - self._last_call > _STALLED_S

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


@dataclass(frozen=True)
class Moment:
    """Where the input stands when a block of output is ready; `pending_s` of it is still in the chain."""

    source: int
    time_s: float
    pending_s: float


class Outlet:
    """Delivers blocks to one output stream.

    On the input's clock (`duplex`) the delay is counted in frames and stays put; otherwise it is
    measured between the clock models and held by `ratio`, which the caller gives its resampler.
    """

    def __init__(
        self, stream: StreamView, armed: NDArray[np.int64], hop: int, duplex: bool, compute_s: float
    ) -> None:
        self.stream = stream
        self.margin = Margin(hop / stream.rate, 0.0)
        self.ratio = 0.0
        self.late_blocks = 0
        self.dropped = 0
        self._armed = armed
        self._hop = hop
        self._duplex = duplex
        self._compute_s = compute_s
        self._began: float | None = None
        self._drift = DriftController()
        self._settling = True
        self._underruns, self._xruns = stream.underruns, stream.xruns
        self._grown_at, self._xrun_at = 0.0, -math.inf
        self._zeros = np.zeros(stream.ring.capacity // 2, np.float32)
        self.delay_s = 0.0

    @property
    def started(self) -> bool:
        """Whether sound has been delivered; nothing can be lost or late before."""
        return bool(self._armed[0])

    @property
    def fill_s(self) -> float:
        """Time a sample may wait for its hop to fill."""
        return turnaround_frames(self.stream.block, self._hop, self._duplex)[1] / self.stream.rate

    @property
    def target_s(self) -> float:
        """Delay of the rings to keep, seconds."""
        least = sum(turnaround_frames(self.stream.block, self._hop, self._duplex)) / self.stream.rate
        return least + self.margin.seconds

    def deliver(self, y: NDArray[np.float32], moment: Moment, now: float, quiet: bool) -> None:
        """Pushes `y`: (n,) float32, keeping the delay; may change `y`. `quiet` allows small cuts."""
        self.stream.refresh()
        if self.stream.stalled(now):
            self.dropped += len(y) if self.started else 0
            self._settling = True
            return
        if self._began is None:
            self._begin(now)
        self._note_underruns(now)
        self._note_spare(now)
        excess = round((self._delay(moment, len(y)) - self.target_s) * self.stream.rate)
        if self._settling:
            y = self._settle(y, excess)
        elif self._duplex:
            y = self._trim(y, excess) if quiet and excess > 0 else y
        else:
            self._steer(excess / self.stream.rate, len(y) / self.stream.rate)
        self.dropped += len(y) - self.stream.ring.push(y)
        self.delay_s = self._delay(moment, 0)

    def _begin(self, now: float) -> None:
        """Chooses the first margin, now that the size of the device's blocks is known."""
        self._began = now
        block, rate = self.stream.block, self.stream.rate
        step = math.gcd(block, self._hop) / rate if self._duplex else 0.0
        first = first_margin(block / rate, self._compute_s, self._duplex)
        self.margin = Margin(self._hop / rate, first, step)

    def resettle(self) -> None:
        """Says that the input was cut; the delay is put right with the next block."""
        self._settling = True

    def _delay(self, moment: Moment, coming: int) -> float:
        """Seconds from the input's next frame to where output would go after `coming` more frames."""
        landing = self.stream.landing + coming
        if self._duplex:
            return (landing - moment.source) / self.stream.rate + moment.pending_s
        return self.stream.clock.time_at(landing) - moment.time_s + moment.pending_s

    def _note_underruns(self, now: float) -> None:
        underruns, xruns = self.stream.underruns, self.stream.xruns
        if xruns != self._xruns:
            self._xruns, self._xrun_at = xruns, now
        if underruns == self._underruns:
            return
        self._underruns = underruns
        self._settling = True
        assert self._began is not None
        # While everything starts, an underrun says nothing of what comes later. And where the system lost
        # time, its callbacks come in a bunch afterwards: more margin would not bring that time back.
        if now > max(self._grown_at + _EPISODE_S, self._began + _START_S, self._xrun_at + _BUNCH_S):
            self.margin.underrun(now)
            self._grown_at = now

    def _note_spare(self, now: float) -> None:
        if self._settling or not self.started:
            return
        spare = self.stream.due(self.stream.landing) - now
        if spare < 0:
            self.late_blocks += 1
        self.margin.observe(now, spare)

    def _settle(self, y: NDArray[np.float32], excess: int) -> NDArray[np.float32]:
        """Silence or a cut that brings the delay to its target, then a fade-in."""
        if excess < 0:
            # Never more than a ring is meant to hold: a clock model that has just begun may be far off.
            self.stream.ring.push(self._zeros[: min(-excess, round(2 * self.target_s * self.stream.rate))])
        y = self._trim(y, max(0, excess))
        if len(y):
            y *= np.linspace(0.0, 1.0, len(y), dtype=np.float32)
            self._settling = False
            self._drift.reset()
            self._armed[0] = 1
        return y

    def _trim(self, y: NDArray[np.float32], frames: int) -> NDArray[np.float32]:
        cut = min(frames, len(y))
        self.dropped += cut if self.started else 0
        return y[cut:]

    def _steer(self, error_s: float, elapsed_s: float) -> None:
        if abs(error_s) > _LOST_S:
            self._settling = True
            return
        # Too long a delay asks for fewer output samples.
        self.ratio = self._drift.update(error_s, elapsed_s)
