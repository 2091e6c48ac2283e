"""A device that stops calling, on either side, is opened anew; a pause of everything is not its fault."""

from __future__ import annotations

import multiprocessing as mp
import signal
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from audio.streams import Tap, input_callback
from inference.engine import supervisor as module
from inference.engine.internal import Attach, Attached, StreamInfo, UseParams, UseVoice
from inference.engine.messages import EngineState, Event, SetVoice, StateChanged, StreamConfig
from inference.engine.progress import HangWatch, Progress, wants_to_run
from inference.engine.shared import SharedBlock
from inference.engine.supervisor import Supervisor
from tests.rig.caller import wait_until
from voices.builtin import find_voice


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


class Loop:
    """A ring of 48 kHz that is filled, by turns read and not, and watched ten times a second."""

    def __init__(self) -> None:
        shared = SharedBlock(SimpleNamespace(buf=bytearray(SharedBlock.size()), name="in this process"))
        shared["input_stream"]["rate"] = 48_000
        self.ring, self.now = shared.input_ring, 100.0
        self.watch = HangWatch(self.ring, shared["input_stream"])

    def fill(self, seconds: float) -> None:
        self.ring.push(np.zeros(round(48_000 * seconds), np.float32))

    def looks(
        self, seconds: float, *, attached: bool = True, read: int = 0, every_s: float = 0.1
    ) -> list[bool]:
        """Whether each look finds more than 0.55 s; `read` samples are taken before each."""
        said = []
        for _ in range(round(seconds / every_s)):
            self.now += every_s
            self.ring.skip(read)
            said.append(self.watch.look(self.now, attached) > 0.55)
        return said


def test_only_a_ring_that_nobody_reads_is_a_loop_that_hangs() -> None:
    loop = Loop()
    loop.fill(0.5)
    assert not any(loop.looks(2.0, read=10))
    assert not any(loop.looks(1.0, attached=False))
    assert loop.looks(0.7) == [False] * 6 + [True]


def test_a_ring_with_nothing_to_read_is_no_loop_that_hangs() -> None:
    loop = Loop()
    loop.fill(0.09)
    assert not any(loop.looks(5.0))
    loop.fill(0.09)
    assert any(loop.looks(1.0))


def test_time_in_which_nobody_looked_counts_for_little() -> None:
    """As where the machine stood still, or this program was pushed aside: the loop was as well."""
    loop = Loop()
    loop.fill(0.5)
    assert not any(loop.looks(0.2))
    assert not any(loop.looks(1.8, every_s=1.8))
    assert not any(loop.looks(0.1, read=10))
    assert not any(loop.looks(3.6, every_s=1.8))
    assert any(loop.looks(3.6, every_s=1.8))


def test_a_pause_of_everything_is_forgotten() -> None:
    loop = Loop()
    loop.fill(0.5)
    assert not any(loop.looks(0.5))
    loop.watch.reset()
    assert loop.looks(0.7) == [False] * 6 + [True]


class Taken:
    """A process that was taken; it only notes what it is told."""

    alive = True

    pid = 1234

    def __init__(self) -> None:
        self.told: list[object] = []
        self.closed = False

    def send(self, message: object) -> None:
        self.told.append(message)

    def messages(self) -> list[object]:
        return []

    def close(self, patience_s: float = 0.5) -> None:
        self.closed = True


def hung(monkeypatch: pytest.MonkeyPatch, busy: bool = False) -> tuple[Watched, Taken, Taken]:
    """Streams whose worker is attached, takes nothing, and is going to be replaced."""
    watched, old, new = Watched(monkeypatch), Taken(), Taken()
    monkeypatch.setattr(module, "wants_to_run", lambda pid: busy and pid == old.pid)
    supervisor, deep = watched.supervisor, find_voice("deep")
    supervisor._worker, supervisor._attached = old, True  # type: ignore[assignment]
    supervisor._voice = supervisor._spoken = deep
    supervisor._standby = SimpleNamespace(take=lambda _target: new)  # type: ignore[assignment]
    watched.shared["input_stream"]["rate"] = 48_000
    watched.shared.input_ring.push(np.zeros(24_000, np.float32))
    return watched, old, new


def test_a_loop_that_hangs_is_replaced_by_one_that_has_its_voice_and_streams(monkeypatch) -> None:
    watched, old, new = hung(monkeypatch)
    assert watched.run(0.7, "input", "output") == ""
    assert "silence until it is back" in watched.run(0.3, "input", "output")
    assert old.closed
    assert [type(message) for message in new.told] == [UseParams, UseVoice, Attach]


def test_a_loop_that_may_only_lack_a_core_is_given_more_time(monkeypatch) -> None:
    watched, old, _ = hung(monkeypatch, busy=True)
    assert watched.run(1.1, "input", "output") == ""
    assert not old.closed
    watched.run(0.3, "input", "output")
    assert old.closed


def test_a_loop_may_wait_longer_while_a_voice_is_loaded(monkeypatch) -> None:
    watched, old, _ = hung(monkeypatch)
    watched.supervisor._obey(SetVoice(find_voice("child")))
    assert watched.run(1.5, "input", "output") == ""
    assert not old.closed
    watched.run(0.3, "input", "output")
    assert old.closed


class Stored:
    """A store that counts how often it was asked to fill itself."""

    child = None

    def __init__(self) -> None:
        self.asked = 0

    def prepare(self, _now: float) -> None:
        self.asked += 1


def test_a_process_is_put_in_store_once_all_is_well(monkeypatch) -> None:
    watched, store = Watched(monkeypatch), Stored()
    supervisor = watched.supervisor
    supervisor._standby = store  # type: ignore[assignment]
    supervisor._keep_standby(watched.now)
    assert not store.asked  # nothing is attached
    supervisor._hear(Attached())
    supervisor._keep_standby(watched.now + 2.0)
    assert not store.asked  # what has just come back needs the machine first
    supervisor._keep_standby(watched.now + 4.0)
    assert store.asked == 1


def test_the_next_process_loads_while_a_device_is_waited_for(monkeypatch) -> None:
    watched, store = Watched(monkeypatch), Stored()
    supervisor = watched.supervisor
    supervisor._standby = store  # type: ignore[assignment]
    supervisor._lost("It is gone.")
    supervisor._keep_standby(watched.now)
    assert not store.asked  # at once the first time
    supervisor._lost("It is still gone.")
    supervisor._keep_standby(watched.now)
    assert store.asked == 1


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what threads do")
def test_a_process_that_waits_or_is_stopped_does_not_want_to_run() -> None:
    loop = "import sys\nprint('running', flush=True)\nsys.stdin.readline()\nwhile True: pass"
    with subprocess.Popen(
        [sys.executable, "-c", loop], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        try:
            assert child.stdin
            assert child.stdout
            child.stdout.readline()
            wait_until(lambda: not wants_to_run(child.pid), 20.0)
            child.stdin.write(b"\n")
            child.stdin.flush()
            wait_until(lambda: wants_to_run(child.pid), 20.0)
            child.send_signal(signal.SIGSTOP)
            wait_until(lambda: not wants_to_run(child.pid), 20.0)
        finally:
            child.kill()
    assert wants_to_run(child.pid)  # it is gone: nobody can tell
