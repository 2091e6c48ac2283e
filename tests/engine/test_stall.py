"""A device that stops calling, on either side, is opened anew; a pause of everything is not its fault."""

from __future__ import annotations

import multiprocessing as mp
from types import SimpleNamespace

import numpy as np
import pytest

from audio.ring import Ring
from audio.streams import Tap, input_callback
from inference.engine import supervisor as module
from inference.engine.internal import StreamInfo
from inference.engine.messages import EngineState, Event, StateChanged, StreamConfig
from inference.engine.progress import HangWatch, Progress
from inference.engine.shared import SharedBlock
from inference.engine.supervisor import Supervisor


class Watched:
    """A supervisor whose streams run; no process does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: self.now))
        self.shared = SharedBlock(SimpleNamespace(buf=bytearray(SharedBlock.size()), name="in this process"))
        self.events: list[Event] = []
        self.supervisor = Supervisor(self.shared, mp.Pipe()[0], self.events.append)
        self.supervisor._wanted, self.supervisor._ran = StreamConfig(), True
        self.supervisor._audio = SimpleNamespace(alive=True, close=lambda: None)  # type: ignore[assignment]
        self.supervisor._info = StreamInfo(48_000, 48_000, 0, False, 0.0, 0.0)
        self.supervisor._usage_at = float("inf")
        self.supervisor._breathe()

    def run(self, seconds: float, *calling: str) -> str:
        """Lets the streams of these names call for a while; what was said last."""
        for _ in range(round(10 * seconds)):
            self.now += 0.1
            for name in calling:
                self.shared[f"{name}_stream"]["callbacks"][0] += 20
            if self.supervisor._info:
                self.supervisor._watch_progress(self.now)
        return next((e.reason for e in reversed(self.events) if isinstance(e, StateChanged)), "")


@pytest.mark.parametrize(
    ("calling", "patience_s", "words"), [("output", 0.9, "gives no more"), ("input", 4.9, "takes no more")]
)
def test_either_side_is_missed_after_a_while(
    monkeypatch, calling: str, patience_s: float, words: str
) -> None:
    watched = Watched(monkeypatch)
    assert watched.run(10.0, "input", "output") == ""
    assert watched.run(patience_s, calling) == ""
    assert words in watched.run(0.4, calling)
    assert watched.events == [StateChanged(EngineState.DEGRADED, watched.run(0.0))]


def test_a_device_may_pause_when_it_has_just_begun(monkeypatch) -> None:
    """PulseAudio's ALSA plugin does: some calls, then up to 2 s without."""
    watched = Watched(monkeypatch)
    assert watched.run(0.2, "input", "output") == ""
    assert watched.run(2.2) == ""
    assert watched.run(5.0, "input", "output") == ""


def test_a_sleep_is_not_taken_for_a_device_that_stalls(monkeypatch) -> None:
    watched = Watched(monkeypatch)
    watched.run(10.0, "input", "output")
    watched.now += 600.0
    monkeypatch.setattr(watched.supervisor._time, "look", lambda: (600.0, ["The computer slept."]))
    watched.supervisor._watch_time()
    assert watched.run(2.0, "input", "output") == ""


def test_a_device_that_delivers_in_pieces_of_2_s_is_given_time(monkeypatch) -> None:
    """And is missed all the same when it gives no more."""
    now = 100.0
    clock = SimpleNamespace(perf_counter=lambda: now)
    monkeypatch.setattr("audio.streams.time", clock)
    shared = SharedBlock(SimpleNamespace(buf=bytearray(SharedBlock.size()), name="in this process"))
    record = shared["input_stream"]
    record["rate"] = 48_000
    give = input_callback(Tap(shared.input_ring, record, shared["armed"]), lambda: None)
    progress = Progress(record, patience_s=1.0)
    progress.breathe(now)
    fine, silence = SimpleNamespace(input_overflow=False), np.zeros((480, 1), np.float32)
    for tick in range(100):
        if tick % 20 == 5:
            for _ in range(200):
                give(silence, 480, None, fine)
        assert not progress.stalled(now)
        now += 0.1
    now += 2.0
    assert not progress.stalled(now)
    now += 2.0
    assert progress.stalled(now)


def test_only_a_ring_that_nobody_reads_is_a_loop_that_hangs() -> None:
    ring = Ring.create(1 << 10)
    hang = HangWatch(ring, fill=512, patience_s=0.5)
    ring.push(np.zeros(1024, np.float32))
    for tick in range(20):
        assert not hang.hangs(0.1 * tick, attached=True)
        ring.skip(10)
    assert not any(hang.hangs(2.0 + 0.1 * tick, attached=False) for tick in range(10))
    assert [hang.hangs(3.0 + 0.1 * tick, attached=True) for tick in range(7)] == [False] * 6 + [True]
