"""What users do in the window, with an engine that has no audio."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication

from gui.app import EngineMaker
from gui.settings import ThemeMode
from gui.theme import DARK, LIGHT, current
from gui.widgets.voice_model import Role
from inference.engine.messages import EngineState, Mode, MonitorSource, StreamConfig, VoiceFailed
from inference.speakers import SpeakerMemory
from tests.fakes.fake_engine import DEVICES, FakeEngine
from tests.gui.conftest import VOICES, Factory, Studio
from voices.home import engine_lock


def click_card(studio: Studio, row: int) -> None:
    view = studio.window.live.voices.view
    rect = view.visualRect(view.model().index(row, 0))
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=rect.center())


def test_start_shows_live_and_stop_shows_stopped(studio: Studio) -> None:
    bar = studio.window.transport
    assert bar.state.text() == "Stopped"
    studio.live()
    assert bar.start.text() == "Stop"
    studio.bot.waitUntil(lambda: bar.latency.text().endswith(" ms"))
    bar.start.click()
    studio.bot.waitUntil(lambda: bar.state.text() == "Stopped")
    assert (len(studio.engine.starts), studio.engine.stops) == (1, 1)


def test_engine_learns_what_was_remembered_when_it_comes(studio: Studio) -> None:
    assert studio.engine.voices == [VOICES[0]]
    assert studio.engine.params[0].mode is Mode.CONVERTED


def test_clicking_a_card_switches_live(studio: Studio) -> None:
    studio.live()
    click_card(studio, 1)
    assert studio.engine.voices[-1].id == "bright"
    assert studio.window.transport.voice.text() == "Bright"
    assert len(studio.engine.starts) == 1


def test_search_finds_and_says_when_nothing_matches(studio: Studio) -> None:
    panel = studio.window.live.voices
    panel.search.setText("note")
    assert [panel.model.index(i).data() for i in range(panel.model.rowCount())] == ["Robot"]
    panel.search.setText("zebra")
    assert "zebra" in panel._nothing.text()
    assert panel._pages.currentIndex() == 1


def test_star_marks_a_favourite_without_switching(studio: Studio) -> None:
    view = studio.window.live.voices.view
    rect = view.visualRect(view.model().index(2, 0))
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=rect.topRight() + QPoint(-18, 18))
    assert studio.session.store.settings.favourites == ["robot"]
    assert studio.engine.voices == [VOICES[0]]
    assert view.model().index(0, 0).data(Role.ID) == "robot"
    click_card(studio, 1)
    assert studio.engine.voices[-1].id == "deep"


def test_slider_reaches_the_engine_and_undo_takes_it_back(studio: Studio) -> None:
    row = studio.window.live.tuning.rows["pitch_semitones"]
    QTest.mouseClick(row.slider, Qt.MouseButton.LeftButton, pos=QPoint(row.slider.width() - 3, 10))
    assert studio.engine.params[-1].tuning.pitch_semitones == 24
    assert row.number.value() == studio.engine.params[-1].tuning.pitch_semitones
    studio.window.live.tuning.undo.click()
    assert studio.engine.params[-1].tuning.pitch_semitones == 0
    studio.window.live.tuning.redo.click()
    assert studio.engine.params[-1].tuning.pitch_semitones > 23


def test_a_drag_is_one_undo_step_and_knobs_do_not_mix(studio: Studio) -> None:
    for value in (1, 2, 3):
        studio.session.tuning.turn("pitch_semitones", value)
    studio.session.tuning.turn("formant_semitones", 1)
    assert studio.session.undo.count() == 2
    studio.session.undo.undo()
    assert (studio.session.params.tuning.pitch_semitones, studio.session.params.tuning.formant_semitones) == (
        3,
        0,
    )


def test_number_field_reset_and_double_click(studio: Studio) -> None:
    row = studio.window.live.tuning.rows["formant_semitones"]
    row.number.setValue(4.5)
    assert studio.engine.params[-1].tuning.formant_semitones == 4.5
    row.reset.click()
    assert studio.engine.params[-1].tuning.formant_semitones == 0
    row.number.setValue(-3)
    QTest.mouseDClick(row.slider, Qt.MouseButton.LeftButton)
    assert studio.engine.params[-1].tuning.formant_semitones == 0


def test_tuning_is_kept_for_each_voice_but_the_gate_is_shared(studio: Studio) -> None:
    studio.session.tuning.turn("pitch_semitones", 5)
    studio.session.tuning.turn("gate_db", -50)
    click_card(studio, 1)
    assert (studio.engine.params[-1].tuning.pitch_semitones, studio.engine.params[-1].gate_db) == (0, -50)
    click_card(studio, 0)
    assert studio.engine.params[-1].tuning.pitch_semitones == 5


def test_undo_for_another_voice_does_not_touch_the_live_one(studio: Studio) -> None:
    studio.session.tuning.turn("pitch_semitones", 5)
    studio.session.choose_voice("bright")
    studio.session.undo.undo()
    assert studio.session.params.tuning.pitch_semitones == 0
    studio.session.choose_voice("deep")
    assert studio.session.params.tuning.pitch_semitones == 0


def test_call_hears_own_is_shown_in_words_and_red(studio: Studio) -> None:
    studio.window.live.compare.mode.button(Mode.BYPASS).click()
    assert studio.engine.params[-1].mode is Mode.BYPASS
    assert not studio.window.live.compare.warning.isHidden()
    assert studio.window.transport.hears.property("kind") == "danger"


def test_hold_to_compare_changes_only_what_the_user_hears(studio: Studio) -> None:
    studio.window.live.compare.monitor.button(MonitorSource.CONVERTED).click()
    hold = studio.window.live.compare.hold
    QTest.mousePress(hold, Qt.MouseButton.LeftButton)
    assert studio.engine.params[-1].monitor is MonitorSource.OWN
    QTest.mouseRelease(hold, Qt.MouseButton.LeftButton)
    assert studio.engine.params[-1].monitor is MonitorSource.CONVERTED
    assert {p.mode for p in studio.engine.params} == {Mode.CONVERTED}


def test_theme_toggle_changes_colours_and_is_remembered(studio: Studio) -> None:
    studio.window.set_theme(ThemeMode.DARK)
    before = studio.window.grab().toImage().pixelColor(2, 2)
    studio.window.transport.theme.click()
    assert current() is LIGHT
    assert studio.window.grab().toImage().pixelColor(2, 2) != before
    studio.window.transport.theme.click()
    assert current() is DARK
    assert studio.session.store.settings.theme is ThemeMode.DARK


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


def test_failing_voice_shows_the_reason_on_its_card(studio: Studio) -> None:
    studio.engine.events.append(VoiceFailed("robot", "its file is damaged."))
    studio.bot.waitUntil(studio.window.message.isVisible)
    assert studio.window.message.text.text() == "Robot could not be loaded: its file is damaged."
    assert studio.window.live.voices.model.index(2).data(Role.STATUS) == "its file is damaged."


def test_failing_voice_gives_way_to_the_one_before(studio: Studio) -> None:
    studio.live()
    studio.session.tuning.turn("pitch_semitones", 2)
    studio.session.choose_voice("robot")
    studio.engine.events[:] = [VoiceFailed("robot", "its file is damaged.")]
    studio.bot.waitUntil(studio.window.message.isVisible)
    assert studio.window.transport.voice.text() == "Deep"
    assert studio.engine.params[-1].tuning.pitch_semitones == 2
    assert not studio.session.loading


def test_loading_voice_is_told(studio: Studio) -> None:
    studio.live()
    studio.session.choose_voice("robot")
    assert "loading" in studio.window.transport.hears.text()
    studio.bot.waitUntil(lambda: studio.window.transport.hears.text() == "the call hears this voice")


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


def test_everything_is_remembered(open_studio: Factory) -> None:
    first = open_studio()
    click_card(first, 1)
    first.session.tuning.turn("pitch_semitones", 3.5)
    first.session.set_favourite("robot", True)
    first.window.live.compare.monitor.button(MonitorSource.CONVERTED).click()
    first.window.set_theme(ThemeMode.LIGHT)
    first.window.live.docks["health"].close()
    first.window.live.scope.intro.button.click()
    first.window.close()
    assert first.engine.closed
    second = open_studio()
    assert second.engine.voices == [VOICES[1]]
    params = second.engine.params[0]
    assert (params.tuning.pitch_semitones, params.monitor) == (3.5, MonitorSource.CONVERTED)
    assert second.window.live.voices.view.model().index(0, 0).data(Role.ID) == "robot"
    assert current() is LIGHT
    assert second.window.live.docks["health"].isHidden()
    assert not second.window.live.docks["voices"].isHidden()
    assert second.window.live.scope.intro.button.isHidden()
    second.window.live.reset_layout()
    assert not second.window.live.docks["health"].isHidden()


def test_bypass_is_never_remembered(open_studio: Factory) -> None:
    first = open_studio()
    first.session.set_mode(Mode.BYPASS)
    first.window.close()
    assert open_studio().engine.params[0].mode is Mode.CONVERTED


def test_broken_settings_are_kept_aside_and_told(open_studio: Factory, home) -> None:
    (home / "settings.json").write_text('{"version": 1, "voices": ')
    studio = open_studio()
    assert "settings.bad" in studio.window.message.text.text()
    assert (home / "settings.bad").read_text().startswith('{"version"')
    studio.window.close()
    assert json.loads((home / "settings.json").read_text())["version"] == 1


def test_hidden_window_reads_no_frames(studio: Studio) -> None:
    studio.live()
    studio.bot.waitUntil(lambda: studio.engine.reads > 3)
    studio.window.hide()
    assert not studio.session.drawing
    reads = studio.engine.reads
    studio.bot.wait(120)
    assert studio.engine.reads == reads
    studio.window.show()
    assert studio.session.drawing
    studio.window.setWindowState(Qt.WindowState.WindowMinimized)
    studio.bot.waitUntil(lambda: not studio.session.drawing)


def test_keys_alone_are_enough(studio: Studio) -> None:
    window, app = studio.window, QApplication.instance()
    window.activateWindow()
    window.live.tuning.rows["pitch_semitones"].slider.setFocus()
    for _ in range(3):
        QTest.keyClick(app.focusWidget(), Qt.Key.Key_Right)
    assert studio.engine.params[-1].tuning.pitch_semitones == pytest.approx(0.3)
    QTest.keyClick(app.focusWidget(), Qt.Key.Key_Space)
    studio.bot.waitUntil(lambda: studio.session.state is EngineState.RUNNING)
    for key, mode in (("2", Mode.BYPASS), ("3", Mode.MUTE), ("1", Mode.CONVERTED)):
        QTest.keyClicks(app.focusWidget(), key)
        assert studio.engine.params[-1].mode is mode
    QTest.keyClicks(app.focusWidget(), "m")
    assert studio.engine.params[-1].monitor is MonitorSource.OWN
    QTest.keyClick(window, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert app.focusWidget() is window.live.voices.search
    QTest.keyClick(app.focusWidget(), Qt.Key.Key_Tab)
    assert app.focusWidget() is window.live.voices.view
    QTest.keyClick(app.focusWidget(), Qt.Key.Key_Down)
    QTest.keyClick(app.focusWidget(), Qt.Key.Key_Return)
    assert studio.engine.voices[-1].id == "bright"
    QTest.keyClick(window, Qt.Key.Key_F5)
    studio.bot.waitUntil(lambda: studio.session.state is EngineState.STOPPED)


def test_every_control_is_reached_by_tab_and_has_a_name(studio: Studio) -> None:
    window, app = studio.window, QApplication.instance()
    window.activateWindow()
    window.transport.start.setFocus()
    seen = []
    for _ in range(100):
        widget = app.focusWidget()
        if widget in seen:
            break
        seen.append(widget)
        QTest.keyClick(widget, Qt.Key.Key_Tab)
    assert window.live.compare.hold in seen
    assert window.live.tuning.rows["breathiness"].slider in seen
    assert window.live.tuning.groups["microphone"].head in seen
    assert window.live.tuning.snapshots.slots["D"] in seen
    assert window.rail.buttons["live"] in seen
    assert [w for w in seen if not (w.accessibleName() or getattr(w, "text", str)())] == []


def test_sample_rate_is_chosen_and_reopens(studio: Studio) -> None:
    studio.live()
    box = studio.window.live.devices.rate
    box.activated.emit(3)
    assert studio.engine.starts[-1].sample_rate == 96_000
    box.activated.emit(0)
    assert studio.engine.starts[-1].sample_rate is None


def test_docks_are_closed_by_keys(studio: Studio) -> None:
    dock = studio.window.live.docks["devices"]
    button = next(b for b in dock.findChildren(QAbstractButton) if b.accessibleName() == "Close Devices")
    button.setFocus(Qt.FocusReason.TabFocusReason)
    QTest.keyClick(button, Qt.Key.Key_Space)
    assert dock.isHidden()


def test_voices_are_found_by_their_kind(studio: Studio) -> None:
    panel = studio.window.live.voices
    panel.search.setText("instant")
    assert panel.model.rowCount() == len(VOICES)
    panel.search.setText("neural")
    assert panel.model.rowCount() == 0


def test_another_menura_is_named_in_its_own_words(open_studio: Factory) -> None:
    studio = open_studio()
    lock, makers = engine_lock(), EngineMaker()
    studio.session.engine = None
    studio.session.connect_engine(makers)
    assert studio.window.message.text.text().startswith("Menura is already running; close it first")
    makers.close()
    lock.release()
