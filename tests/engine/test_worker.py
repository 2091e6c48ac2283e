"""The worker's control side, in this process: what it answers, and how it ends."""

from __future__ import annotations

import multiprocessing as mp
import os
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from inference.converter import Converter
from inference.engine import worker
from inference.engine.internal import (
    Attach,
    Attached,
    Detach,
    Detached,
    Fault,
    Ready,
    StreamInfo,
    UseParams,
    UseVoice,
)
from inference.engine.messages import EngineParams, Mode, VoiceFailed, VoiceReady
from inference.engine.shared import SharedBlock
from inference.registry import UnsupportedVoiceError
from voices.builtin import find_voice
from voices.tuning import Tuning
from voices.voice import Voice

pytestmark = pytest.mark.filterwarnings(
    r"ignore:(?s).*LeftError:pytest.PytestUnhandledThreadExceptionWarning"
)

INFO = StreamInfo(48_000, 48_000, 0, True, 0.0, 0.0)


class LeftError(BaseException):
    """Stands for the end of the process."""


def end(status: int) -> None:
    raise LeftError(status)


@pytest.fixture
def shared() -> SharedBlock:
    return SharedBlock(SimpleNamespace(buf=bytearray(SharedBlock.size()), name="in this process"))


@pytest.fixture(autouse=True)
def builders_end(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Ends the builder threads: a worker's process takes its own along, here they would stay."""
    made: list[worker._Worker] = []

    class Noted(worker._Worker):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments)
            made.append(self)

    monkeypatch.setattr(worker, "_Worker", Noted)
    yield
    for one in made:
        one._obey = end
        for _ in range(2):  # The one that waits for the first order has looked up what to do with it.
            one._orders.put(None)
    for thread in [t for t in threading.enumerate() if t.name == "builder"]:
        thread.join(10)
        assert not thread.is_alive()


def answers(shared: SharedBlock, monkeypatch: pytest.MonkeyPatch, *commands: object) -> tuple[list, int]:
    """What a worker says to these commands, and the exit status it ends with when the pipe closes."""
    status: list[int] = []

    def leave(code: int) -> None:
        status.append(code)
        end(code)

    monkeypatch.setattr(os, "_exit", leave)
    ours, theirs = mp.Pipe()
    for command in commands:
        ours.send(command)
    made = worker._Worker(shared, theirs)
    thread = threading.Thread(target=made.listen)
    thread.start()
    said = []
    while len(said) <= len(commands) and ours.poll(60.0):
        said.append(ours.recv())
    ours.close()
    thread.join(60)
    return said, status[0]


def test_it_answers_and_ends_with_the_pipe(shared, monkeypatch) -> None:
    said, status = answers(shared, monkeypatch, UseVoice(find_voice("deep")), UseVoice(find_voice("child")))
    assert said == [Ready(), VoiceReady("deep"), VoiceReady("child")]
    assert status == 0


def test_a_runtime_that_raises_anything_fails_the_voice_alone(shared, monkeypatch) -> None:
    class RuntimeFault(Exception):
        pass

    def fail(_voice: object) -> None:
        raise RuntimeFault("no such operator")

    monkeypatch.setattr(worker, "make_converter", fail)
    said, status = answers(shared, monkeypatch, UseVoice(find_voice("deep")))
    assert said == [
        Ready(),
        VoiceFailed("deep", "The voice 'Cello' could not be loaded (no such operator)."),
    ]
    assert status == 0


def test_a_failure_of_the_control_thread_ends_the_process_with_a_reason(shared, monkeypatch) -> None:
    broken = StreamInfo(400_000, 48_000, 0, True, 0.0, 0.0)
    said, status = answers(shared, monkeypatch, UseVoice(find_voice("deep")), Attach(broken))
    assert isinstance(said[-1], Fault)
    assert "cannot resample 400000 Hz" in said[-1].reason
    assert "Traceback" in said[-1].trace
    assert status == 1


class Loading:
    """A worker in this process, and a voice that loads until `end`, in vain."""

    def __init__(self, shared: SharedBlock, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "_exit", end)
        self.ours, theirs = mp.Pipe()
        self.worker = worker._Worker(shared, theirs)
        self._loading, self._loaded = threading.Event(), threading.Event()
        self._make = worker.make_converter
        monkeypatch.setattr(worker, "make_converter", self._load)
        self._thread = threading.Thread(target=self.worker.listen)
        self._thread.start()
        assert self.ours.recv() == Ready()
        self.ours.send(UseVoice(find_voice("child")))
        assert self._loading.wait(60)

    def _load(self, voice: Voice) -> Converter:
        if voice.id != "child":
            return self._make(voice)
        self._loading.set()
        self._loaded.wait(60)
        raise UnsupportedVoiceError("not this one")

    def end(self) -> None:
        """Lets the voice fail."""
        assert not self.ours.poll()  # it still loads
        self._loaded.set()
        assert self.ours.recv() == VoiceFailed("child", "not this one")

    def close(self) -> None:
        """Ends the worker."""
        self.ours.close()
        self._thread.join(60)


@pytest.fixture
def loading(shared: SharedBlock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Loading]:
    made = Loading(shared, monkeypatch)
    yield made
    made.close()


def test_who_mutes_is_not_kept_waiting_for_a_voice_that_loads(loading: Loading) -> None:
    ours, made = loading.ours, loading.worker
    for _ in range(2000):  # as a slider that is dragged, more than a pipe holds
        ours.send(UseParams(EngineParams(mode=Mode.CONVERTED)))
    ours.send(UseParams(EngineParams(mode=Mode.MUTE)))
    deadline = time.monotonic() + 20
    while made._params.mode is not Mode.MUTE and time.monotonic() < deadline:
        time.sleep(0.005)
    assert made._params.mode is Mode.MUTE
    loading.end()


def test_streams_that_close_while_a_voice_loads_are_left_at_once(loading: Loading) -> None:
    def look() -> object:
        with pytest.raises(LeftError):
            loading.worker.loop(Wake(1))
        return loading.ours.recv() if loading.ours.poll() else None

    for command in (Attach(INFO), Detach()):
        loading.ours.send(command)
    deadline = time.monotonic() + 20
    while (said := look()) is None and time.monotonic() < deadline:
        time.sleep(0.005)
    assert said == Detached()
    loading.ours.send(Attach(INFO))
    loading.end()
    assert loading.ours.recv() == VoiceReady("deep")  # the first voice there is, for the streams
    # The streams that were closed are not attached any more, those that came afterwards are.
    said = []
    while len(said) < 1 and time.monotonic() < deadline:
        said += [answer for answer in [look()] if answer]
    time.sleep(0.05)
    assert [*said, look()] == [Attached(), None]


def test_an_end_while_starting_is_an_end(shared, monkeypatch) -> None:
    monkeypatch.setattr(os, "_exit", end)
    monkeypatch.setattr(worker, "raise_priority", lambda role: "")  # this process runs other tests too
    ours, theirs = mp.Pipe()
    ours.close()
    with pytest.raises(LeftError):
        worker._Worker(shared, theirs).listen()


class Wake:
    """A semaphore that ends the loop after a number of wake-ups."""

    def __init__(self, count: int) -> None:
        self._count = count

    def acquire(self, block: bool = True) -> bool:
        if self._count == 0 and not block:
            return False
        self._count -= 1
        if self._count < 0:
            raise LeftError
        return True


def test_attach_and_detach_are_answered_by_the_loop(shared, monkeypatch) -> None:
    ours, theirs = mp.Pipe()
    made = worker._Worker(shared, theirs)
    for command in (UseParams(EngineParams(tuning=Tuning(2))), Attach(INFO), Detach()):
        made._obey(command)
    with pytest.raises(LeftError):
        made.loop(Wake(2))
    said = []
    while ours.poll():
        said.append(ours.recv())
    assert said == [VoiceReady("deep"), Attached(), Detached()]
    assert shared["telemetry"]["running"][0] == 0.0


def test_the_time_of_a_hop_is_not_stretched_by_other_programs(monkeypatch) -> None:
    """Every other hop loses 50 ms to something else; it takes 2 ms by itself."""
    clock = SimpleNamespace(wall=0.0, own=0.0, hops=0)

    def process(_block: object, _tuning: object) -> None:
        clock.hops += 1
        clock.own += 0.002
        clock.wall += 0.052 if clock.hops % 2 else 0.002

    fake = SimpleNamespace(perf_counter=lambda: clock.wall, thread_time=lambda: clock.own)
    monkeypatch.setattr(worker, "time", fake)
    converter = SimpleNamespace(process=process, reset=lambda: None)
    assert worker.time_hop(converter) == pytest.approx(0.002)


def test_the_time_of_a_hop_counts_what_computes_elsewhere(monkeypatch) -> None:
    clock = SimpleNamespace(wall=0.0)

    def process(_block: object, _tuning: object) -> None:
        clock.wall += 0.006

    fake = SimpleNamespace(perf_counter=lambda: clock.wall, thread_time=lambda: 0.0)
    monkeypatch.setattr(worker, "time", fake)
    converter = SimpleNamespace(process=process, reset=lambda: None)
    assert worker.time_hop(converter) == pytest.approx(0.006)


class _Busy:
    """A session that has hops piled up, each of which takes `hop_s` of a clock of its own."""

    ahead = False

    def __init__(self, hops: int, hop_s: float) -> None:
        self.left, self.hop_s, self.now, self.pauses = hops, hop_s, 0.0, []

    def step(self, params: EngineParams) -> bool:
        if self.left == 0:
            end(0)
        self.left -= 1
        self.now += self.hop_s
        return True

    def sleep(self, seconds: float) -> None:
        self.pauses.append(self.now)


def test_what_has_piled_up_is_computed_with_pauses_that_the_kernel_counts(shared, monkeypatch) -> None:
    busy = _Busy(hops=100, hop_s=0.008)
    made = worker._Worker(shared, mp.Pipe()[1])
    made._session = busy
    monkeypatch.setattr(worker, "time", SimpleNamespace(monotonic=lambda: busy.now, sleep=busy.sleep))
    with pytest.raises(LeftError):
        made.loop(Wake(1))
    gaps = [b - a for a, b in zip([0.0, *busy.pauses], [*busy.pauses, busy.now], strict=True)]
    assert len(busy.pauses) > 5
    assert max(gaps) < 0.1
