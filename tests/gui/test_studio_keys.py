"""The window without a mouse."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication

from inference.engine.messages import EngineState, Mode, MonitorSource
from tests.gui.conftest import Studio


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


def test_docks_are_closed_by_keys(studio: Studio) -> None:
    dock = studio.window.live.docks["devices"]
    button = next(b for b in dock.findChildren(QAbstractButton) if b.accessibleName() == "Close Devices")
    button.setFocus(Qt.FocusReason.TabFocusReason)
    QTest.keyClick(button, Qt.Key.Key_Space)
    assert dock.isHidden()
