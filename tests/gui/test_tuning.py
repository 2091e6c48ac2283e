"""Finding a sound: knobs, snapshots, presets, undo, and all of it still there the next day."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from audio.gate import OFF_DB
from gui.tuning import CONTROLS, GROUPS, KNOBS
from gui.widgets.knob_row import KnobRow
from gui.widgets.name_dialog import NameDialog
from gui.widgets.number_field import NumberField
from inference.engine.messages import EngineParams, MonitorSource
from tests.gui.conftest import Factory, Studio
from tests.gui.test_library import names, open_dialog
from voices.tuning import RANGES, Tuning
from voices.voice import Voice, VoiceKind

SHIFT = Qt.KeyboardModifier.ShiftModifier
ALT = Qt.KeyboardModifier.AltModifier


def test_the_gate_can_be_switched_off(studio: Studio) -> None:
    studio.session.tuning.turn("gate_db", -1000.0)
    assert studio.engine.params[-1].gate_db == OFF_DB


def test_every_number_of_a_tuning_has_a_knob_with_its_range() -> None:
    knobs = {knob.name: knob for knob in KNOBS if knob.per_voice}
    assert {name: (knob.low, knob.high) for name, knob in knobs.items()} == RANGES
    for control in CONTROLS.values():
        owner = Tuning() if control.per_voice else EngineParams()
        assert getattr(owner, control.name) == control.default
        assert control.clamp(control.default) == control.default


def test_tune_snapshot_switch_voice_restart(open_studio: Factory) -> None:
    first = open_studio()
    panel, bar = first.window.live.tuning, first.window.live.tuning.snapshots
    panel.rows["pitch_semitones"].number.setValue(3.5)
    panel.switches["match_pitch"].setEnabled(True)
    panel.switches["match_pitch"].click()
    bar.slots["A"].click()
    assert bar.slots["A"].property("state") == "active"
    panel.rows["formant_semitones"].number.setValue(-2)
    assert bar.slots["A"].property("state") == "changed"
    first.session.choose_voice("robot")
    bar.slots["B"].click()
    bar.slots["A"].click()
    assert first.session.voice_id == "deep"
    assert first.engine.params[-1].tuning == Tuning(3.5, match_pitch=False)
    first.window.close()
    second = open_studio()
    assert second.session.voice_id == "deep"
    assert second.engine.params[0].tuning == Tuning(3.5, match_pitch=False)
    QTest.keyClick(second.window, Qt.Key.Key_2, ALT)
    assert second.session.voice_id == "robot"
    states = [b.property("state") for b in second.window.live.tuning.snapshots.slots.values()]
    assert states == ["full", "active", "empty", "empty"]


def test_storing_over_a_snapshot_can_be_undone(studio: Studio) -> None:
    bar = studio.window.live.tuning.snapshots
    bar.slots["C"].click()
    studio.session.tuning.turn("low_db", 4)
    assert bar.store.isEnabled()
    bar.store.click()
    assert bar.slots["C"].property("state") == "active"
    studio.session.undo.undo()
    assert bar.slots["C"].property("state") == "changed"
    QTest.mouseClick(bar.slots["D"], Qt.MouseButton.LeftButton, SHIFT)
    assert studio.session.snapshots.stored("D").tuning.low_db == 4
    bar.slots["D"].cleared.emit("D")
    assert bar.slots["D"].property("state") == "empty"


def test_presets_are_saved_chosen_deleted_and_remembered(open_studio: Factory) -> None:
    studio = open_studio()
    panel = studio.window.live.tuning
    studio.session.tuning.turn("timbre", 0.6)
    assert panel.presets.currentText() == "Changed"
    panel.save.click()
    dialog = open_dialog(studio, NameDialog)
    dialog.field.setText("Evening")
    dialog.ok.click()
    assert panel.presets.currentText() == "Evening"
    panel.presets.activated.emit(panel.presets.findText("As it came"))
    assert studio.engine.params[-1].tuning == Tuning()
    studio.window.close()
    studio = open_studio()
    panel = studio.window.live.tuning
    panel.presets.activated.emit(panel.presets.findText("Evening"))
    assert studio.engine.params[-1].tuning.timbre == 0.6
    panel.delete.click()
    assert panel.presets.findText("Evening") == -1
    studio.session.undo.undo()
    assert panel.presets.currentText() == "Evening"
    studio.session.choose_voice("robot")
    assert panel.presets.findText("Evening") == -1


def test_keys_step_finely_and_coarsely(qtbot: QtBot) -> None:
    for knob in KNOBS:
        row = KnobRow(knob)
        qtbot.addWidget(row)
        got: list[float] = []
        row.turned.connect(got.append)
        row.show_value(knob.low)
        QTest.keyClick(row.slider, Qt.Key.Key_Right)
        QTest.keyClick(row.slider, Qt.Key.Key_Right, SHIFT)
        QTest.keyClick(row.slider, Qt.Key.Key_PageUp)
        steps = [knob.low + knob.step, knob.low + knob.step + knob.coarse]
        assert got == pytest.approx([*steps, steps[-1] + knob.coarse])


def test_shift_drags_finely(qtbot: QtBot) -> None:
    row = KnobRow(KNOBS[0])
    qtbot.addWidget(row)
    row.resize(300, 30)
    row.show()
    slider = row.slider
    left, middle = Qt.MouseButton.LeftButton, QPoint(slider.width() // 2, 10)
    QTest.mousePress(slider, left, pos=middle)
    at = slider.number()
    QTest.mouseMove(slider, middle + QPoint(1, 0))
    coarse = slider.number() - at
    assert coarse > 0
    assert row.slider.isSliderDown()
    QTest.mouseRelease(slider, left, pos=middle)


@pytest.mark.parametrize(
    ("typed", "value"), [("2,5", 2.5), ("−3 st", -3), ("-1.5 st", -1.5), ("+4", 4), ("99", 0)]
)
def test_numbers_are_read_as_people_type_them(qtbot: QtBot, typed: str, value: float) -> None:
    field = NumberField(KNOBS[0])
    qtbot.addWidget(field)
    field.lineEdit().selectAll()
    field.lineEdit().insert(typed)
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert field.value() == value


def test_folded_groups_say_what_they_hide_and_stay_folded(open_studio: Factory) -> None:
    studio = open_studio()
    fold = studio.window.live.tuning.groups["tone"]
    assert not next(g for g in GROUPS if g.id == "tone").open
    studio.session.tuning.turn("brightness_db", 3)
    assert fold.note.text() == "1 changed"
    QTest.mouseClick(fold.head, Qt.MouseButton.LeftButton)
    assert fold.note.text() == ""
    studio.window.close()
    assert open_studio().window.live.tuning.groups["tone"].head.isChecked()


def test_wheel_over_a_slider_scrolls_the_panel(studio: Studio) -> None:
    row = studio.window.live.tuning.rows["timbre"]
    assert not row.slider.hasFocus()
    before = studio.engine.params[-1]
    event = QWheelEvent(
        QPointF(5, 5), QPointF(5, 5), QPoint(0, 0), QPoint(0, 120), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(row.slider, event)
    assert studio.engine.params[-1] == before


def test_five_sources_and_the_headphones(studio: Studio) -> None:
    compare = studio.window.live.compare
    for source in MonitorSource:
        compare.monitor.button(source).click()
        assert studio.engine.params[-1].monitor is source
    assert compare.hears.text()
    compare.device.activated.emit(compare.device.findData("alsa:phones"))
    assert studio.session.devices.stream_config().monitor_device == "alsa:phones"


def test_keyboard_only_from_search_to_snapshot(studio: Studio) -> None:
    window, app = studio.window, QApplication.instance()
    window.activateWindow()
    QTest.keyClick(window, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClicks(app.focusWidget(), "robot")
    assert names(studio) == ["Robot"]
    QTest.keyClick(app.focusWidget(), Qt.Key.Key_Tab)
    QTest.keyClick(app.focusWidget(), Qt.Key.Key_Return)
    assert studio.session.voice_id == "robot"
    QTest.keyClick(window, Qt.Key.Key_1, ALT)
    studio.session.tuning.turn("pitch_semitones", 5)
    QTest.keyClick(window, Qt.Key.Key_1, ALT)
    assert studio.engine.params[-1].tuning.pitch_semitones == 0
    QTest.keyClick(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert studio.engine.params[-1].tuning.pitch_semitones == 5


def test_pages_are_made_when_first_seen_and_hidden_ones_read_no_signal(studio: Studio) -> None:
    window = studio.window
    other = next(page for page in window.stack.pages.values() if not page.frames)
    assert window.stack.made(other.id) is None
    studio.live()
    window.rail.buttons[other.id].click()
    assert window.stack.made(other.id) is window.stack.currentWidget()
    assert not studio.session.drawing
    QTest.keyClick(window, Qt.Key.Key_1, Qt.KeyboardModifier.ControlModifier)
    assert window.stack.current_id == "live"
    assert studio.session.drawing


def test_sliders_that_do_nothing_for_a_voice_are_grey_and_say_why(studio: Studio) -> None:
    panel = studio.window.live.tuning
    rvc = Voice("new", "Ada", "", VoiceKind.RVC, f0_median_hz=200.0, model="0" * 64)
    panel.show_voice(rvc)
    assert not panel.rows["breathiness"].isEnabled()
    assert "breath" in panel.rows["breathiness"].slider.toolTip()
    assert not panel.rows["timbre"].isEnabled()
    assert ".index" in panel.rows["timbre"].number.toolTip()
    assert panel.rows["formant_semitones"].isEnabled()
    assert panel.switches["match_pitch"].isEnabled()
    assert panel.say_pitch.isHidden()
    panel.show_voice(replace(rvc, f0_median_hz=0.0))
    assert not panel.switches["match_pitch"].isEnabled()
    assert "not known" in panel.switches["match_pitch"].toolTip()
    assert panel.rows["pitch_semitones"].isEnabled()
    assert not panel.say_pitch.isHidden()
    panel.show_voice(replace(rvc, kind=VoiceKind.MODEL_FREE, f0_median_hz=0.0))
    assert panel.rows["breathiness"].isEnabled()
    assert panel.rows["breathiness"].slider.toolTip().startswith("How much breath")
    assert not panel.switches["match_pitch"].isEnabled()
    assert "follows your pitch" in panel.switches["match_pitch"].toolTip()
    assert panel.say_pitch.isHidden()
