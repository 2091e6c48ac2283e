"""Sound that a call missed in one go is told in a sentence; crackles are only counted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gui.control.losses import AGAIN_S, LossWatch
from inference.engine.messages import StreamsOpened
from inference.engine.telemetry import Telemetry, Xruns
from tests.gui.conftest import Studio

RATE = 48_000


def reading(seconds: float, lost_s: float) -> Telemetry:
    lost = Xruns(dropped_samples=round(lost_s * RATE))
    return Telemetry(running=True, seconds=seconds, sample_rate=RATE, xruns=lost)


def test_a_stall_is_told_with_its_length_and_what_to_do() -> None:
    watch = LossWatch()
    assert watch.hear(reading(5, 0.4)) == ""
    assert watch.hear(reading(10, 0.6)) == ""
    sentence = watch.hear(reading(15, 2.6))
    assert sentence.startswith("The call missed 2.0 s of sound")
    assert "choose another call output or a larger block" in sentence
    assert watch.hear(reading(20, 2.6)) == ""


def test_stalls_that_go_on_are_told_together_once_a_minute() -> None:
    watch = LossWatch()
    told = [watch.hear(reading(5.0 * i, 2.0 * i)) for i in range(26)]
    said = [(5 * i, sentence) for i, sentence in enumerate(told) if sentence]
    assert [at for at, _ in said] == [5, 5 + AGAIN_S, 5 + 2 * AGAIN_S]
    assert "missed 24.0 s" in said[1][1]


def test_many_small_losses_and_the_opening_of_streams_are_not_told() -> None:
    watch = LossWatch()
    assert [watch.hear(reading(5.0 * i, 0.3 * i)) for i in range(20)] == [""] * 20
    watch.forget()
    assert watch.hear(reading(2, 2.0)) == ""
    assert watch.hear(reading(7, 2.0)) == ""
    assert watch.hear(replace(reading(8, 9.0), running=False)) == ""


def test_the_window_says_it_and_leads_to_the_devices(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    studio.live()
    usual, lost = studio.engine.telemetry(), 0.0
    monkeypatch.setattr(
        studio.engine,
        "telemetry",
        lambda: replace(usual, sample_rate=RATE, xruns=Xruns(dropped_samples=round(lost * RATE))),
    )
    window, journal = studio.window, studio.session.journal
    window.hide()
    journal._look()
    lost = 2.1
    journal._look()
    window.show()
    assert window.message.text.text().startswith("The call missed 2.1 s of sound")
    window.go_to("call")
    window.live.docks["devices"].close()
    window.message.button.click()
    assert window.stack.current_id == "live"
    assert not window.live.docks["devices"].isHidden()
    studio.session.streams_opened.emit(StreamsOpened("mic", "cable", None, RATE, 240, True))
    lost = 9.0
    journal._look()
    assert not window.message.isVisible()
