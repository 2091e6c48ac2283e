"""A computer too slow for a voice says so in words, once, and says when that is over."""

from __future__ import annotations

import multiprocessing as mp
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.engine.internal import Attached, StreamInfo
from inference.engine.load import LoadWatch
from inference.engine.messages import EngineState, Event, StateChanged, VoiceReady
from inference.engine.shared import SharedBlock
from inference.engine.supervisor import Supervisor
from voices.builtin import find_voice


class Loaded:
    """A supervisor whose worker reports a load; no process runs."""

    def __init__(self) -> None:
        self.shared = SharedBlock(SimpleNamespace(buf=bytearray(SharedBlock.size()), name="in this process"))
        self.events: list[Event] = []
        self.supervisor = Supervisor(self.shared, mp.Pipe()[0], self.events.append)
        self.supervisor._voice = find_voice("deep")
        self.supervisor._info = StreamInfo(48_000, 48_000, 0, True, 0.0, 0.0)
        self.supervisor._hear(VoiceReady("deep"))
        self.supervisor._hear(Attached())
        self.now = 100.0

    def work(self, factor: float, seconds: float) -> None:
        """Has the worker report this real-time factor for a while."""
        self.shared["telemetry"]["real_time_factor"] = factor
        for _ in range(round(2 * seconds)):
            self.supervisor._watch_load(self.now)
            self.now += 0.5

    @property
    def states(self) -> list[EngineState]:
        """The states told so far."""
        return [event.state for event in self.events if isinstance(event, StateChanged)]


def test_too_slow_is_said_once_with_the_name_of_the_voice_and_taken_back() -> None:
    engine = Loaded()
    engine.work(1.2, 6.0)
    assert engine.states == [EngineState.RUNNING, EngineState.DEGRADED]
    assert "too slow for 'Cello'" in engine.events[-1].reason
    engine.work(0.9, 3.0)
    assert engine.states[-1] == EngineState.DEGRADED
    engine.work(0.5, 1.0)
    assert engine.states == [EngineState.RUNNING, EngineState.DEGRADED, EngineState.RUNNING]


@pytest.mark.parametrize(("factor", "seconds"), [(0.9, 30.0), (3.0, 1.5)])
def test_a_full_load_or_a_short_stutter_is_no_news(factor: float, seconds: float) -> None:
    engine = Loaded()
    engine.work(factor, seconds)
    engine.work(0.3, 2.0)
    assert engine.states == [EngineState.RUNNING]


class Watched:
    """A watch that is looked at twice a second."""

    def __init__(self, cores_percent: float = 99.0) -> None:
        self.watch = LoadWatch(lambda: cores_percent)
        self.now = 50.0
        self.told: list[str] = []
        self.state = EngineState.RUNNING

    def spend(
        self, seconds: float, extra_ms: float = 0.0, factor: float = 0.4, piece_ms: float = 0.0
    ) -> None:
        for _ in range(round(2 * seconds)):
            told = self.watch.look(self.now, factor, extra_ms, "'Cello'", piece_ms)
            self.told += [told.reason] if told else []
            self.state = told.state if told else self.state
            self.now += 0.5


def test_more_delay_is_told_once_and_so_is_its_end() -> None:
    call = Watched()
    for extra_ms in (0.0, 5.0, 10.0):
        call.spend(0.5, extra_ms)
    call.spend(60.0, 10.0)
    assert call.told == ["The computer is busy: 10 ms more delay so that nothing stutters."]
    call.spend(5.0, 0.0)
    assert call.told[1:] == ["The computer has time again: the delay is as before."]
    call.spend(20.0, 0.0)
    assert call.told[2:] == [""]


def test_still_more_delay_is_told_again() -> None:
    call = Watched()
    call.spend(3.0, 10.0)
    call.spend(3.0, 12.0)
    call.spend(3.0, 25.0)
    assert [sentence.split()[4] for sentence in call.told] == ["10", "25"]


def test_with_idle_cores_it_is_not_the_computer() -> None:
    call = Watched(cores_percent=10.0)
    call.spend(3.0, 10.0)
    assert call.told == ["Sound comes unevenly: 10 ms more delay so that nothing stutters."]


@pytest.mark.parametrize("extra_ms", [0.0, 3.0])
def test_little_more_delay_is_no_news(extra_ms: float) -> None:
    call = Watched()
    call.spend(30.0, extra_ms)
    assert call.told == []


def test_a_computer_that_is_too_slow_is_told_instead_of_the_delay() -> None:
    call = Watched()
    call.spend(10.0, 80.0, factor=0.6)
    call.spend(10.0, 80.0, factor=1.3)
    call.spend(10.0, 80.0, factor=0.6)
    assert [sentence.split(":")[0] for sentence in call.told] == [
        "The computer is busy",
        "This computer is too slow for 'Cello' just now",
        "",
        "The computer is busy",
    ]


def test_a_microphone_of_pieces_is_told_for_as_long_as_it_is_one() -> None:
    call = Watched()
    call.spend(5.0, piece_ms=97.0)
    call.spend(5.0, piece_ms=103.0)
    assert call.told == [
        "The microphone delivers its sound in pieces of 100 ms: 100 ms more delay so that nothing stutters."
    ]
    assert call.state is EngineState.RUNNING
    call.spend(5.0, piece_ms=595.0)
    assert call.told[1].startswith("The microphone delivers its sound in pieces of 600 ms, and all that is")
    assert "choose another one" in call.told[1]
    assert call.state is EngineState.DEGRADED
    call.spend(5.0)
    assert call.told[2:] == [""]
    assert call.state is EngineState.RUNNING


def test_pieces_are_told_again_when_a_load_is_over() -> None:
    call = Watched()
    call.spend(3.0, piece_ms=595.0)
    call.spend(3.0, piece_ms=595.0, factor=1.2)
    call.spend(3.0, piece_ms=595.0)
    call.spend(3.0, piece_ms=595.0, extra_ms=10.0)
    call.spend(20.0, piece_ms=595.0)
    assert [sentence[:20] for sentence in call.told] == [
        "The microphone deliv",
        "This computer is too",
        "The microphone deliv",
        "The computer is busy",
        "The computer has tim",
        "The microphone deliv",
    ]
    assert call.state is EngineState.DEGRADED


@given(
    st.lists(
        st.tuples(st.floats(0, 80, allow_subnormal=False), st.floats(0, 2, allow_subnormal=False)),
        max_size=80,
    )
)
def test_whatever_comes_it_ends_by_saying_that_all_is_well(readings: list[tuple[float, float]]) -> None:
    call = Watched()
    for extra_ms, factor in readings:
        call.spend(0.5, extra_ms, factor)
    call.spend(30.0, 0.0)
    assert not call.told or call.told[-1] == ""
    assert all(a != b for a, b in zip(call.told, call.told[1:], strict=False))
