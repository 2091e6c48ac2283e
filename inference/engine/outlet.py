"""Where finished samples go: keeps an output ring at its delay, whatever the clocks do."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audio.drift import DriftController
from inference.engine.lengthen import Lengthener
from inference.engine.margin import Margin
from inference.engine.pacing import first_margin, turnaround_frames
from inference.engine.stream_view import StreamView

_LOST_S = 0.03
"""An error no resampling ratio should be asked to mend: silence or a cut does it at once."""

_EPISODE_S, _START_S = 0.2, 0.5
"""The margin grows once in this time, and not in the first half second."""

_BUNCH_S = 0.1
"""Underruns this soon after an xrun of the audio system are its doing."""


@dataclass(frozen=True)
class Moment:
    """Where the input stands when a block of output is ready; `pending_s` of it is still in the chain.

    `piece_s`: how long the source keeps sound back, to deliver it at once.
    """

    source: int
    time_s: float
    pending_s: float
    piece_s: float = 0.0


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
        self._compute_s, self._piece_s = compute_s, 0.0
        self._began: float | None = None
        self._drift = DriftController()
        self._settling = True
        self._underruns, self._xruns = stream.underruns, stream.xruns
        self._grown_at, self._xrun_at, self._resumed_at = 0.0, -math.inf, -math.inf
        self._zeros = np.zeros(stream.ring.capacity // 2, np.float32)
        self._lengthener = Lengthener(stream.rate)
        self._lengthening = False
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
        return self._least_s + self.margin.seconds

    @property
    def _least_s(self) -> float:
        turnaround = sum(turnaround_frames(self.stream.block, self._hop, self._duplex))
        return turnaround / self.stream.rate + self._piece_s

    def spare_s(self, now: float) -> float:
        """Seconds until the device asks for what is delivered next."""
        return self.stream.due(self.stream.landing) - now

    def deliver(self, y: NDArray[np.float32], moment: Moment, now: float, quiet: bool) -> None:
        """Pushes `y`: (n,) float32, keeping the delay; may change `y`. `quiet` allows small cuts."""
        self.stream.refresh()
        self._take_piece(moment.piece_s)
        if self.stream.stalled(now):
            self.dropped += len(y) if self.started else 0
            self._settling = True
            return
        if self._began is None:
            self._begin(now)
        margin_s = self.margin.seconds
        needed_s = self._note_spare(now, self._delay(moment, len(y)))
        self._note_underruns(now, needed_s)
        if self._is_telling(now) and self.started:
            self.margin.observe(now, needed_s)
        self._lengthening |= self.margin.seconds > margin_s
        excess = round((self._delay(moment, len(y)) - self.target_s) * self.stream.rate)
        if self._settling:
            y = self._settle(y, excess)
        elif excess < 0 and (self._duplex or self._lengthening):
            y = self._lengthener.lengthen(y, -excess)
        elif self._duplex:
            y = self._trim(y, excess) if quiet and excess > 0 else y
        elif self._lengthening:
            self._lengthening = False
            self._drift.reset()
        else:
            self._steer(excess / self.stream.rate, len(y) / self.stream.rate)
        self._lengthener.note(y)
        self.dropped += len(y) - self.stream.ring.push(y)
        self.delay_s = self._delay(moment, 0)

    def _take_piece(self, piece_s: float) -> None:
        """Keeps in store what the source delivers at once; what it cost until that was known is no load."""
        if bool(piece_s) != bool(self._piece_s):
            self._began = None
        self._piece_s = piece_s

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

    def resume(self, now: float) -> None:
        """Says that the input has begun again after a pause: what happened then is no load."""
        self._settling, self._resumed_at = True, now

    def _delay(self, moment: Moment, coming: int) -> float:
        """Seconds from the input's next frame to where output would go after `coming` more frames."""
        landing = self.stream.landing + coming
        if self._duplex:
            return (landing - moment.source) / self.stream.rate + moment.pending_s
        return self.stream.clock.time_at(landing) - moment.time_s + moment.pending_s

    def _note_underruns(self, now: float, needed_s: float) -> None:
        underruns, xruns = self.stream.underruns, self.stream.xruns
        if xruns != self._xruns:
            self._xruns, self._xrun_at = xruns, now
        if underruns == self._underruns:
            return
        self._underruns = underruns
        self._settling = True
        if self._is_telling(now) and now > self._grown_at + _EPISODE_S:
            self.margin.underrun(now, needed_s)
            self._grown_at = now

    def _is_telling(self, now: float) -> bool:
        """Whether a late hop says anything of those to come.

        Not while everything starts, also after a pause. And where the system lost time, its callbacks come
        in a bunch afterwards: more margin would not bring that time back.
        """
        assert self._began is not None
        began = max(self._began, self._resumed_at, self.stream.resumed_at)
        return now > max(began + _START_S, self._xrun_at + _BUNCH_S)

    def _note_spare(self, now: float, delay_s: float) -> float:
        """Counts a late hop; returns the least margin, seconds, with which it would have been in time."""
        spare = self.spare_s(now)
        if spare < 0 and self.started and not self._settling:
            self.late_blocks += 1
        if not self._duplex:
            # Blocks and hops wander against each other: the margin must do for the worst moment of that.
            spare = self.stream.due_at_worst(self.stream.landing) - now
        return delay_s - self._least_s - spare

    def _settle(self, y: NDArray[np.float32], excess: int) -> NDArray[np.float32]:
        """Silence or a cut that brings the delay to its target, then a fade-in."""
        if excess < 0:
            # Never more than a ring is meant to hold: a clock model that has just begun may be far off.
            self.stream.ring.push(self._zeros[: min(-excess, round(2 * self.target_s * self.stream.rate))])
        y = self._trim(y, max(0, excess))
        if len(y):
            y *= np.linspace(0.0, 1.0, len(y), dtype=np.float32)
            self._settling = self._lengthening = False
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
