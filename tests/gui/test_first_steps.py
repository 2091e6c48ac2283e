"""Who has just installed it: every step leads where it says, and nothing that matters lies out of sight."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gui.panels.devices import FEEDBACK
from gui.panels.scope import START
from gui.settings import ThemeMode
from gui.theme import DARK, LIGHT, ThemeSwitch
from gui.widgets.tick_box import TickBox
from tests.fakes.fake_engine import DEVICES, FakeEngine
from tests.gui.conftest import Factory, Studio
from tests.gui.test_theme import contrast

SMALL = (1280, 760)
"""What a laptop with 1280 x 800 leaves: docks lie in tabs there."""


def is_seen(studio: Studio, name: str) -> bool:
    return not studio.window.live.docks[name].widget().visibleRegion().isEmpty()


def test_each_first_step_leads_to_its_panel_and_the_last_one_starts(studio: Studio) -> None:
    studio.window.resize(*SMALL)
    studio.bot.waitUntil(lambda: is_seen(studio, "voices") and not is_seen(studio, "devices"))
    steps = studio.window.live.scope.intro.steps
    steps["devices"].click()
    studio.bot.waitUntil(lambda: is_seen(studio, "devices"))
    steps["voices"].setFocus(Qt.FocusReason.TabFocusReason)
    QTest.keyClick(steps["voices"], Qt.Key.Key_Space)
    studio.bot.waitUntil(lambda: is_seen(studio, "voices"))
    steps[START].click()
    studio.bot.waitUntil(lambda: studio.window.transport.state.text() == "Live")
    assert studio.window.live.scope.intro.isHidden()


def test_the_tab_key_never_goes_where_nobody_sees_it(studio: Studio) -> None:
    window, app = studio.window, QApplication.instance()
    window.resize(*SMALL)
    studio.bot.waitUntil(lambda: is_seen(studio, "voices") and not is_seen(studio, "devices"))
    window.activateWindow()
    window.transport.start.setFocus()
    seen, unseen, nameless = [], [], []
    while (widget := app.focusWidget()) not in seen:
        seen.append(widget)
        studio.bot.wait(10)
        unseen += [widget] if widget.visibleRegion().isEmpty() else []
        nameless += [] if widget.accessibleName() or getattr(widget, "text", str)() else [widget]
        QTest.keyClick(widget, Qt.Key.Key_Tab)
    assert window.live.devices.block in seen
    assert window.live.compare.hold in seen
    assert (unseen, nameless) == ([], [])


@pytest.mark.parametrize("in_sight", [True, False])
def test_loudspeakers_are_told_where_the_hint_about_them_is_out_of_sight(
    open_studio: Factory, in_sight: bool
) -> None:
    loud = (DEVICES[0], replace(DEVICES[1], label="Internal Speakers"), *DEVICES[2:])
    studio = open_studio(FakeEngine(devices=loud))
    studio.window.resize(*((1400, 900) if in_sight else SMALL))
    studio.bot.waitUntil(lambda: is_seen(studio, "devices") is in_sight)
    studio.live()
    message = studio.window.message
    assert message.isVisible() is not in_sight
    if not in_sight:
        assert message.text.text() == FEEDBACK
        message.button.click()
        studio.bot.waitUntil(lambda: is_seen(studio, "devices"))


def test_no_level_stands_there_as_if_the_microphone_were_open_after_stop(studio: Studio) -> None:
    studio.live()
    levels = studio.window.live.levels
    studio.bot.waitUntil(lambda: levels._input_db.text().endswith("dB"))
    studio.window.transport.start.click()
    studio.bot.waitUntil(lambda: studio.window.transport.state.text() == "Stopped")
    studio.bot.wait(400)
    assert [levels._input_db.text(), levels.gate.text()] == ["–", "Stopped"]
    assert levels.input._shown == (0, 0, 0)


@pytest.mark.parametrize(("mode", "theme"), [(ThemeMode.DARK, DARK), (ThemeMode.LIGHT, LIGHT)])
def test_an_empty_tick_box_can_be_seen(qtbot: QtBot, qapp, mode, theme) -> None:
    themes = ThemeSwitch(qapp, mode)
    box = TickBox("I agree.")
    qtbot.addWidget(box)
    box.resize(box.sizeHint())
    picture = box.grab().toImage()
    outline = picture.pixelColor(picture.width() // 2, 1)
    assert contrast(outline.name(), theme.raised) >= 3
    box.setChecked(True)
    assert box.grab().toImage().pixelColor(3, 9) == QColor(theme.accent)
    themes.deleteLater()
