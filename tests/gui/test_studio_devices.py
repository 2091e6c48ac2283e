"""Devices in the window: chosen, missing, opened anew, refused."""

from __future__ import annotations

from dataclasses import replace

from gui.app import EngineMaker
from inference.engine.messages import EngineState, StreamConfig
from inference.speakers import SpeakerMemory
from tests.fakes.fake_engine import DEVICES, FakeEngine
from tests.gui.conftest import Factory, Studio
from voices.home import engine_lock


def test_missing_device_is_kept_and_named(open_studio: Factory) -> None:
    first = open_studio()
    box = first.window.live.devices.boxes["input"]
    box.setCurrentIndex(1)
    box.activated.emit(1)
    first.window.close()
    second = open_studio(FakeEngine(devices=DEVICES[1:]))
    box = second.window.live.devices.boxes["input"]
    assert box.currentText() == "alsa:mic (missing)"
    assert second.window.live.devices.hint.text().startswith("alsa:mic is not connected")
    assert second.session.devices.stream_config().input_device == "alsa:mic"


def test_a_call_begins_with_who_spoke_into_that_microphone_before(open_studio: Factory) -> None:
    first = open_studio()
    first.live()
    assert first.engine.starts[-1].speakers == {}
    first.engine.speaker_hz = 118.3
    box = first.window.live.devices.boxes["input"]
    box.setCurrentIndex(1)
    box.activated.emit(1)  # another microphone, another speaker
    first.bot.waitUntil(lambda: not first.engine.events)
    first.engine.speaker_hz = 210.0
    first.session.stop()
    first.bot.waitUntil(lambda: not first.session.running)
    first.window.close()
    second = open_studio()
    second.live()
    assert second.engine.starts[-1].speakers == {"Studio Microphone": 118.3, "alsa:mic": 210.0}


def test_a_call_that_is_closed_with_the_window_is_remembered_too(open_studio: Factory) -> None:
    first = open_studio()
    first.live()
    first.engine.speaker_hz = 95.0
    first.window.close()
    assert SpeakerMemory().expecting(StreamConfig()).speakers == {"Studio Microphone": 95.0}


def test_no_microphone_and_loudspeakers_are_explained(open_studio: Factory) -> None:
    studio = open_studio(FakeEngine(devices=(replace(DEVICES[2], label="Internal Speakers"),)))
    assert studio.window.live.devices.hint.text().startswith("No microphone found")
    studio.engine.devices = (DEVICES[0], replace(DEVICES[1], label="Internal Speakers"))
    studio.window.live.devices.refresh.click()
    studio.bot.waitUntil(lambda: "headphones" in studio.window.live.devices.hint.text())


def test_changing_the_device_while_live_reopens(studio: Studio) -> None:
    studio.live()
    box = studio.window.live.devices.boxes["output"]
    box.setCurrentIndex(2)
    box.activated.emit(2)
    assert studio.engine.starts[-1].output_device == "alsa:phones"
    assert len(studio.engine.starts) == 2


def test_sample_rate_is_chosen_and_reopens(studio: Studio) -> None:
    studio.live()
    box = studio.window.live.devices.rate
    box.activated.emit(3)
    assert studio.engine.starts[-1].sample_rate == 96_000
    box.activated.emit(0)
    assert studio.engine.starts[-1].sample_rate is None


def test_failing_to_start_says_why_and_tries_again(open_studio: Factory) -> None:
    studio = open_studio(FakeEngine(opens=False))
    studio.window.transport.start.click()
    message = studio.window.message
    studio.bot.waitUntil(message.isVisible)
    assert message.text.text() == studio.engine.refusal
    assert studio.window.transport.reason.text() == studio.engine.refusal
    studio.engine.opens = True
    message.button.click()
    studio.bot.waitUntil(lambda: studio.session.state is EngineState.RUNNING)
    assert not message.isVisible()


def test_engine_that_cannot_be_made_is_tried_again(open_studio: Factory) -> None:
    studio = open_studio()
    session, made = studio.session, []

    def make() -> FakeEngine:
        made.append(True)
        if len(made) < 2:
            raise OSError("no shared memory")
        return studio.engine

    session.engine = None
    session.connect_engine(make)
    assert "no shared memory" in studio.window.message.text.text()
    studio.window.message.button.click()
    studio.bot.waitUntil(lambda: session.state is EngineState.RUNNING)
    assert len(made) == 2


def test_another_menura_is_named_in_its_own_words(open_studio: Factory) -> None:
    studio = open_studio()
    lock, makers = engine_lock(), EngineMaker()
    studio.session.engine = None
    studio.session.connect_engine(makers)
    assert studio.window.message.text.text().startswith("Menura is already running; close it first")
    makers.close()
    lock.release()
