"""The worker's control side, in this process: what it answers, and how it ends."""

from __future__ import annotations

import multiprocessing as mp
import os
import threading
from types import SimpleNamespace

import pytest

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
from inference.engine.messages import EngineParams, VoiceFailed, VoiceReady
from inference.engine.shared import SharedBlock
from voices.builtin import find_voice
from voices.tuning import Tuning

INFO = StreamInfo(48_000, 48_000, 0, True, 0.0, 0.0)


class LeftError(Exception):
    """Stands for the end of the process."""


def end(status: int) -> None:
    raise LeftError(status)


@pytest.fixture
def shared() -> SharedBlock:
    return SharedBlock(SimpleNamespace(buf=bytearray(SharedBlock.size()), name="in this process"))


def answers(shared: SharedBlock, monkeypatch: pytest.MonkeyPatch, *commands: object) -> tuple[list, int]:
    """What a worker says to these commands, and the exit status it ends with when the pipe closes."""
    monkeypatch.setattr(os, "_exit", end)
    ours, theirs = mp.Pipe()
    for command in commands:
        ours.send(command)
    made = worker._Worker(shared, theirs)
    status = []

    def listen() -> None:
        try:
            made.listen()
        except LeftError as left:
            status.append(left.args[0])

    thread = threading.Thread(target=listen)
    thread.start()
    said = []
    while len(said) <= len(commands) and ours.poll(20.0):
        said.append(ours.recv())
    ours.close()
    thread.join(30)
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


def test_an_end_while_starting_is_an_end(shared, monkeypatch) -> None:
    monkeypatch.setattr(os, "_exit", end)
    ours, theirs = mp.Pipe()
    ours.close()
    with pytest.raises(LeftError):
        worker._Worker(shared, theirs).listen()


class Wake:
    """A semaphore that ends the loop after a number of wake-ups."""

    def __init__(self, count: int) -> None:
        self._count = count

    def acquire(self) -> None:
        self._count -= 1
        if self._count < 0:
            raise LeftError


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
