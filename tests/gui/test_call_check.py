"""The call check as users click it, against an engine that speaks and far ends that hear this or that."""

from __future__ import annotations

from time import monotonic

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel

from audio.devices import Device
from gui.control import call_check as control_module
from gui.pages.call import CallPage
from gui.pages.call_check import CheckSection
from inference.call_check import Grade, Line, Result, Verdict, phrase
from inference.engine.messages import DevicesListed, Mode
from inference.far_end import Event, FarEndFailed, Listening, Recording
from tests.fakes.fake_engine import DEVICES, FakeEngine
from tests.gui.conftest import Factory, Studio

CABLE = Device(91, "BlackHole 2ch · Core Audio", "BlackHole 2ch", "Core Audio", 2, 2, 48_000, 0.01, 0.01)
JUDGED_MS = 60_000
"""A process starts and loads scipy; a busy machine takes its time."""

_FAST = 20.0


@pytest.fixture
def fast(open_studio: Factory) -> Studio:
    """An engine for which time runs faster: the phrase takes half a second."""
    return open_studio(FakeEngine(clock=lambda: _FAST * monotonic()))


def section(studio: Studio) -> CheckSection:
    studio.window.go_to("call")
    made = studio.window.stack.made("call")
    assert isinstance(made, CallPage)
    return made.check


def through(studio: Studio) -> None:
    studio.engine.events.append(DevicesListed((*DEVICES, CABLE)))
    studio.bot.waitUntil(lambda: CABLE in studio.session.devices.listed)
    studio.session.devices.set_device("output", CABLE.name)


def check(studio: Studio) -> CheckSection:
    made = section(studio)
    QTest.mouseClick(made.run, Qt.MouseButton.LeftButton)
    assert made.control.busy or made.control.problem
    studio.bot.waitUntil(lambda: not made.control.busy, timeout=JUDGED_MS)
    return made


def far_end_that(monkeypatch: pytest.MonkeyPatch, first: Event, second: Event | None = None) -> None:
    """Puts a far end in the place of the process that records."""

    class Scripted:
        def __init__(self, device: str) -> None:
            assert device == CABLE.name
            self._events: list[Event] = [first]

        def poll(self) -> list[Event]:
            events, self._events = self._events, []
            return events

        def finish(self) -> None:
            if second:
                self._events.append(second)

        def close(self) -> None:
            pass

    monkeypatch.setattr(control_module, "FarEnd", Scripted)


def test_one_click_goes_live_speaks_and_says_what_a_call_gets(
    fast: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = np.repeat(phrase(), 2)
    heard = np.concatenate((np.zeros(24_000, np.float32), x, np.zeros(24_000, np.float32)))
    far_end_that(monkeypatch, Listening(), Recording(heard, 48_000, 0.0))
    through(fast)
    assert section(fast).run.text() == "Start and check the call"
    made = check(fast)
    assert not made.control.problem
    assert fast.engine.starts
    result = made.control.result
    assert result is not None
    assert {line.name for line in result.lines} == {"Level", "Latency", "Dropouts", "Words"}
    assert made.verdict.isVisibleTo(made)
    assert made.hear.isVisibleTo(made)
    assert made.run.text() == "Check the call"
    assert any("Call check: " in line and "dBFS" in line for line in fast.session.journal.lines)


def test_a_far_end_that_hears_nothing_is_told_in_red_with_a_remedy(
    fast: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    fast.window.resize(1000, 600)
    far_end_that(monkeypatch, Listening(), Recording(np.zeros(480_000, np.float32), 48_000, 0.0))
    through(fast)
    made = check(fast)
    assert made.verdict.text() == "Does not work"
    assert made.verdict.property("tone") == "danger"
    table = made._lines.itemAt(0).widget()
    fast.bot.waitUntil(lambda: table.visibleRegion().boundingRect().height() == table.height())
    assert "volume" in made.control.result.lines[0].advice  # type: ignore[union-attr]


@pytest.mark.parametrize("refused", [False, True])
def test_without_a_far_end_it_judges_what_was_sent_and_says_so(
    fast: Studio, monkeypatch: pytest.MonkeyPatch, refused: bool
) -> None:
    if refused:
        far_end_that(monkeypatch, FarEndFailed("It is taken."))
        through(fast)
    made = check(fast)
    assert made.verdict.text() == "Works with flaws"
    advice = made.control.result.lines[0].advice  # type: ignore[union-attr]
    assert advice == "It is taken." if refused else "no virtual cable" in advice


def shown(made: CheckSection) -> list[str]:
    return [text.text() for text in made.findChildren(QLabel) if text.isVisibleTo(made)]


def test_each_result_takes_the_place_of_the_one_before(studio: Studio) -> None:
    made = section(studio)
    for verdict, value in ((Verdict.GOOD, "0 ms"), (Verdict.FLAWS, "40 ms"), (Verdict.FLAWS, "60 ms")):
        line = Line("Dropouts", value, Grade.FAIR, f"What to do about {value}.")
        made.control.result = Result(verdict, (line,), np.zeros(0, np.float32))
        made.control.changed.emit()
        studio.bot.waitUntil(lambda value=value: f"What to do about {value}." in shown(made))
        assert [text for text in shown(made) if text.endswith(" ms")] == [value]


def test_a_result_goes_with_the_output_and_the_voice_it_is_about(studio: Studio) -> None:
    made = section(studio)
    for change in (
        lambda: through(studio),
        lambda: studio.session.choose_voice("bright"),
    ):
        made.control._checked = made.control._subject()
        line = Line("Dropouts", "0 ms", Grade.GOOD, "")
        made.control.result = Result(Verdict.GOOD, (line,), np.zeros(0, np.float32))
        made.control.changed.emit()
        studio.session.devices.set_device("monitor", DEVICES[2].name)
        assert "Good: a call hears the voice well." in shown(made)
        change()
        assert made.control.result is None
        assert "Good: a call hears the voice well." not in shown(made)


def test_a_muted_call_is_not_checked(fast: Studio) -> None:
    fast.session.set_mode(Mode.MUTE)
    made = check(fast)
    assert "choose Converted" in made.problem.text()
    assert not fast.engine.starts


def test_it_can_be_stopped_on_the_way(studio: Studio) -> None:
    made = section(studio)
    QTest.mouseClick(made.run, Qt.MouseButton.LeftButton)
    studio.bot.waitUntil(lambda: "speaks" in made.state.text(), timeout=JUDGED_MS)
    assert made.progress.isVisibleTo(made)
    QTest.mouseClick(made.run, Qt.MouseButton.LeftButton)
    assert not made.control.busy
    assert not made.problem.isVisibleTo(made)
    assert studio.engine.phrase_progress(0).over


def test_an_engine_that_stops_ends_the_check_with_a_sentence(studio: Studio) -> None:
    made = section(studio)
    QTest.mouseClick(made.run, Qt.MouseButton.LeftButton)
    studio.bot.waitUntil(lambda: "speaks" in made.state.text(), timeout=JUDGED_MS)
    studio.engine.fail("The microphone went away.")
    studio.bot.waitUntil(lambda: not made.control.busy)
    assert "check again" in made.problem.text()
    studio.bot.waitUntil(lambda: made.run.text() == "Start and check the call")


def test_the_far_end_is_not_played_into_the_call(fast: Studio) -> None:
    made = check(fast)
    said: list[str] = []
    fast.session.said.connect(lambda notice: said.append(notice.sentence))
    QTest.mouseClick(made.hear, Qt.MouseButton.LeftButton)
    assert "The call would hear this" in said[0]
    assert not made.player.playing
