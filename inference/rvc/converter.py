"""An RVC voice in a call: hops in and out, blocks through the networks on a thread of their own.

The engine's hops come and go every 10 ms; a block of several is handed over whole, and its sound goes out
`wait` hops later. That wait is known beforehand and is part of the latency. A block that is not ready by
then leaves silence, which is counted, and the wait grows by what was missing, as the engine's margin does.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections import deque
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Protocol

import numpy as np

from audio.apple import urgent
from inference.converter import HOP, MODEL_RATE, Block, PitchFrame
from inference.f0 import finite
from inference.median import RunningMedian
from inference.rvc.pitch import PitchFollower
from inference.rvc.synthesis import Array, Timbre
from voices.tuning import Tuning

_SOON = 0.2
"""Share of the newest block in the load that is told."""

_MOST_BLOCKS = 3
"""Blocks handed over and not given back, beyond which the machine is too slow: the next is dropped."""


class BlockStream(Protocol):
    """What makes a block of sound of a block of speech: `inference.rvc.stream.RvcStream`."""

    @property
    def latency_samples(self) -> int:
        """Samples at MODEL_RATE by which a block given back trails the block given."""

    def reset(self) -> None:
        """Forgets the past."""

    def render(self, x: Array, f0: Array, timbre: Timbre) -> Array:
        """x (n * HOP,), f0 (n,) -> (n * HOP,)."""


@dataclass(frozen=True)
class _Job:
    """A block to convert. `life` counts the resets before it, `number` the blocks since."""

    life: int
    number: int
    audio: Array
    f0: Array
    timbre: Timbre


@dataclass(frozen=True)
class _Result:
    """The sound of a block, and what computing it took; silence where that `failed`."""

    job: _Job
    speech: Array
    seconds: float
    failed: bool


class RvcConverter:
    """Speaks through `stream`, `block` hops at a time, each due `wait` hops after it is complete.

    >>> converter = RvcConverter(stream, block=20, wait=15, target_hz=voice.f0_median_hz)
    >>> y = converter.process(x, Tuning())      # (240,) float32 -> (240,) float32
    """

    def __init__(self, stream: BlockStream, block: int, wait: int, target_hz: float) -> None:
        self._block, self._first_wait = block, wait
        self._cut = stream.latency_samples
        self._follower = PitchFollower(target_hz)
        self._audio, self._f0 = np.zeros(block * HOP, np.float32), np.zeros(block, np.float32)
        self._silence = np.zeros(HOP, np.float32)
        self._output = np.zeros(HOP, np.float32)
        self._life = -1
        self._handed = self._returned = 0
        self.load = 0.0
        # A put takes a lock that nobody holds for longer than another put or get.
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._done: deque[_Result] = deque()
        self.reset()
        work = threading.Thread(target=_work, args=(stream, self._jobs, self._done), daemon=True, name="rvc")
        work.start()
        weakref.finalize(self, self._jobs.put, None)

    @property
    def latency_samples(self) -> int:
        """Algorithmic latency beyond the hop itself, samples at `MODEL_RATE`."""
        return self.block_samples + self.compute_samples + self._cut

    @property
    def block_samples(self) -> int:
        """How much of the latency is waiting for a block to fill."""
        return (self._block - 1) * HOP

    @property
    def compute_samples(self) -> int:
        """How much of the latency is time given to the computer."""
        return self._wait * HOP

    @property
    def pitch(self) -> PitchFrame:
        """Pitch of the hop processed last."""
        return self._pitch

    @property
    def speaker(self) -> RunningMedian:
        """What is known of the speaker's range; it may be told what to expect."""
        return self._follower.speaker

    def reset(self) -> None:
        """Forgets the past: the same input gives the same bits again."""
        self._life += 1
        self._follower.reset()
        self._pitch = PitchFrame()
        self._wait = self._first_wait
        self._heard = self._said = 0
        self._speech = self._silence
        self._audible = False
        self.late_hops = 0

    def warm_up(self) -> None:
        """Runs the tracker; the networks ran when the block was chosen."""
        for _ in range(4):
            self._follower.step(self._silence, Tuning())
        self.reset()

    def process(self, block: Block, tuning: Tuning) -> Block:
        """Returns the next `HOP` output samples for the next `HOP` input samples.

        `block`: (240,) float32 in [-1, 1]; non-finite samples count as silence. The array returned
        belongs to the converter and is valid until the next call.
        """
        place = self._heard % self._block
        heard = self._audio[place * HOP : (place + 1) * HOP]
        heard[:] = finite(block)
        self._pitch = self._follower.step(heard, tuning)
        self._f0[place] = self._pitch.output_hz
        due = self._heard >= self._block - 1 + self._wait
        self._output[:] = self._next() if due else self._silence
        self._heard += 1
        if place == self._block - 1:
            self._hand_over(tuning)
        return self._output

    def _hand_over(self, tuning: Tuning) -> None:
        """Gives the block just filled to the thread, unless that is far behind."""
        if self._handed - self._returned - len(self._done) >= _MOST_BLOCKS:
            return
        timbre = Timbre.of(tuning.formant_semitones, tuning.timbre)
        number = self._heard // self._block - 1
        self._jobs.put(_Job(self._life, number, self._audio.copy(), self._f0.copy(), timbre))
        self._handed += 1

    def _next(self) -> Block:
        """The hop that is due, or silence with a soft edge on both sides where it is not ready."""
        place = self._said % self._block
        if place == 0 and not self._take():
            self._wait += 1
            self.late_hops += 1
            return self._silence
        hop = self._speech[place * HOP : (place + 1) * HOP]
        self._said += 1
        if not self._audible:
            hop *= _RISE
            self._audible = True
        if place == self._block - 1 and not self._done:
            hop *= _RISE[::-1]
            self._audible = False
        return hop

    def _take(self) -> bool:
        """Goes on to the next block that is ready; whether there is one. Dropped blocks are passed over."""
        while self._done:
            result = self._done.popleft()
            self._returned += 1
            self.load += _SOON * (result.seconds * MODEL_RATE / (HOP * self._block) - self.load)
            if result.job.life == self._life:
                self._said = result.job.number * self._block
                self._wait = self._heard - self._said - (self._block - 1)
                self._speech = result.speech
                self.late_hops += self._block if result.failed else 0
                return True
        return False


_RISE = (np.arange(HOP, dtype=np.float32) + 1) / HOP


def _work(stream: BlockStream, jobs: SimpleQueue[_Job | None], done: deque[_Result]) -> None:
    """The thread: converts until it is told None. A failure is a silent block, and counted."""
    urgent(beside=True)  # elsewhere it has inherited what its process has
    before: _Job | None = None
    while (job := jobs.get()) is not None:
        if before is None or (before.life, before.number + 1) != (job.life, job.number):
            stream.reset()
        before, begun, failed = job, time.perf_counter(), False
        try:
            speech = stream.render(job.audio, job.f0, job.timbre)
        except Exception:  # noqa: BLE001 - runtimes raise what they like; the call hears silence, never itself
            speech, before, failed = np.zeros_like(job.audio), None, True
        done.append(_Result(job, speech, time.perf_counter() - begun, failed))
