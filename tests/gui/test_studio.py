"""What users do in the window, with an engine that has no audio."""

from __future__ import annotations

import json

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from gui.settings import ThemeMode
from gui.theme import DARK, LIGHT, current
from gui.widgets.voice_model import Role
from inference.engine.messages import Mode, MonitorSource
from tests.gui.conftest import VOICES, Factory, Studio


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


def test_everything_is_remembered(open_studio: Factory) -> None:
    first = open_studio()
    first.click_card(1)
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
