"""A computer too slow for a voice says so in words, once, and says when that is over."""

from __future__ import annotations

import multiprocessing as mp
from types import SimpleNamespace

import pytest

from inference.engine.internal import Attached
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
