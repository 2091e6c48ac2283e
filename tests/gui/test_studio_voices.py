"""Voices in the window and what is made of them: chosen, found, loaded, tuned."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from gui.widgets.voice_model import Role
from inference.engine.messages import VoiceFailed
from tests.gui.conftest import VOICES, Studio


def test_clicking_a_card_switches_live(studio: Studio) -> None:
    studio.live()
    studio.click_card(1)
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


def test_voices_are_found_by_their_kind(studio: Studio) -> None:
    panel = studio.window.live.voices
    panel.search.setText("instant")
    assert panel.model.rowCount() == len(VOICES)
    panel.search.setText("neural")
    assert panel.model.rowCount() == 0


def test_star_marks_a_favourite_without_switching(studio: Studio) -> None:
    view = studio.window.live.voices.view
    rect = view.visualRect(view.model().index(2, 0))
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=rect.topRight() + QPoint(-18, 18))
    assert studio.session.store.settings.favourites == ["robot"]
    assert studio.engine.voices == [VOICES[0]]
    assert view.model().index(0, 0).data(Role.ID) == "robot"
    studio.click_card(1)
    assert studio.engine.voices[-1].id == "deep"


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


def test_tuning_is_kept_for_each_voice_but_the_gate_is_shared(studio: Studio) -> None:
    studio.session.tuning.turn("pitch_semitones", 5)
    studio.session.tuning.turn("gate_db", -50)
    studio.click_card(1)
    assert (studio.engine.params[-1].tuning.pitch_semitones, studio.engine.params[-1].gate_db) == (0, -50)
    studio.click_card(0)
    assert studio.engine.params[-1].tuning.pitch_semitones == 5


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


def test_undo_for_another_voice_does_not_touch_the_live_one(studio: Studio) -> None:
    studio.session.tuning.turn("pitch_semitones", 5)
    studio.session.choose_voice("bright")
    studio.session.undo.undo()
    assert studio.session.params.tuning.pitch_semitones == 0
    studio.session.choose_voice("deep")
    assert studio.session.params.tuning.pitch_semitones == 0
