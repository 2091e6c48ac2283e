"""RVC voices dropped onto the window."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PySide6.QtCore import QRect
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QPushButton

from gui.control.rvc_import import pair
from gui.pages.enrol.consent import OPEN
from gui.panels.rvc_import import RvcDialog
from gui.panels.usual_pitch import PitchDialog
from gui.panels.voice_details import DetailsDialog, rvc_facts
from inference.engine.messages import VoiceFailed
from inference.rvc import convert as conversion
from inference.rvc.importing import Done, Failed, Wish, Working, import_voice
from inference.usual_pitch import UsualPitch
from tests.gui.conftest import Studio
from tests.gui.conftest import home as home
from tests.gui.conftest import open_studio as open_studio
from tests.gui.conftest import studio as studio
from tests.gui.test_library import drop, names, open_dialog
from tests.rvc.golden import voice_file
from voices.archive import Consent, VoiceArchive
from voices.voice import Voice, VoiceKind


class HereImport:
    """Imports in this process, at the first look; tells two steps before."""

    def __init__(self, wish: Wish, folder: Path) -> None:
        self.wish, self.folder, self.cancelled, self.polls = wish, folder, False, 0

    def cancel(self) -> None:
        self.cancelled = True

    def poll(self) -> list[object]:
        from voices.library import Library

        self.polls += 1
        if self.polls < 3:
            return [Working("Converting the networks", 0.3)]
        if self.cancelled:
            return [Failed("")]
        return [Done(import_voice(self.wish, Library(self.folder), lambda *_: None)[0])]


@pytest.fixture
def here(templates: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """The golden voice's graphs are at hand as released ones are, and no process is started."""
    monkeypatch.setattr(conversion, "shipped_folder", lambda: templates("v1-40k"))
    monkeypatch.setattr("gui.control.rvc_import.RvcImport", HereImport)


class Low:
    """A screen."""

    def __init__(self, room: QRect) -> None:
        self.availableGeometry = lambda: room


def agree(dialog: RvcDialog) -> None:
    dialog.consent.own_who.setText("Ada Nowak")
    dialog.consent.own_sure.setChecked(True)


def test_a_dropped_voice_is_asked_about_and_then_in_the_library(studio: Studio, here: None) -> None:
    drop(studio, voice_file("v1-40k"))
    dialog = open_dialog(studio, RvcDialog)
    studio.bot.waitUntil(lambda: "RVC v1, 40 kHz" in dialog.step.about.text())
    assert not dialog.add.isEnabled()
    assert "who you are" in dialog.reason.text()
    dialog.step.name.setText("Ada")
    dialog.step.speaker.setCurrentIndex(2)
    dialog.step.pitch.number.setText("20")
    dialog.step.pitch.number.textEdited.emit("20")
    agree(dialog)
    assert "50 to 1000 Hz" in dialog.reason.text()
    assert not dialog.add.isEnabled()
    dialog.step.pitch.number.setText("230")
    dialog.step.pitch.number.textEdited.emit("230")
    assert dialog.add.isEnabled()
    dialog.add.click()
    assert not dialog.add.isEnabled()
    studio.bot.waitUntil(lambda: "Ada" in names(studio))
    voice = studio.session.library.find("ada")
    assert voice is not None
    assert (voice.kind, voice.speaker, voice.f0_median_hz) == (VoiceKind.RVC, 2, 230.0)
    assert studio.window.toast.text.text() == "Ada added."
    facts = dict(rvc_facts(voice))
    assert facts["Model"] == "RVC v1, 40 kHz"
    assert facts["Speaker"] == "number 2 of 4"
    studio.window.live.voices.details_wanted.emit("ada")
    details = open_dialog(studio, DetailsDialog)
    assert "Export…" not in [button.text() for button in details.findChildren(QPushButton)]


def test_a_low_screen_shows_the_buttons_and_scrolls_the_rest(studio: Studio, here: None) -> None:
    drop(studio, voice_file("v1-40k"))
    dialog = open_dialog(studio, RvcDialog)
    studio.bot.waitUntil(lambda: "RVC v1, 40 kHz" in dialog.step.about.text())
    room = dialog.screen().availableGeometry()
    scroll = dialog._area.verticalScrollBar()
    studio.bot.waitUntil(lambda: scroll.maximum() == 0 or dialog.height() <= room.height())
    assert dialog.add.geometry().bottom() < dialog.height() <= room.height()
    dialog.screen = lambda: Low(room.adjusted(0, 0, 0, 480 - room.height()))
    dialog.consent.kind.button(OPEN).click()
    studio.bot.waitUntil(lambda: dialog.height() <= 480)
    assert dialog.add.geometry().bottom() < dialog.height()
    assert scroll.maximum() > 0


def test_who_has_no_content_model_is_told_before_the_import_and_may_choose_its_file(studio: Studio) -> None:
    drop(studio, voice_file("v1-40k"))
    dialog = open_dialog(studio, RvcDialog)
    assert not dialog.step.no_content.isHidden()
    assert "hubert_base.pt" in dialog.step.no_content.text()
    dialog.reject()
    voice = Voice("new", "Ada", "An RVC voice.", VoiceKind.RVC, model="0" * 64)
    studio.session.library.library.add(VoiceArchive(voice, Consent("Ada", "2026-11-23")))
    studio.session.library.look()
    studio.bot.waitUntil(lambda: studio.session.library.find("ada") is not None)
    studio.engine.events.append(VoiceFailed("ada", "RVC voices need the content model."))
    message = studio.window.message
    studio.bot.waitUntil(message.isVisible)
    assert message.text.text().startswith("Ada cannot speak yet. RVC voices need the content model")
    message.button.click()
    asked = open_dialog(studio, QFileDialog)
    assert any("*.pt" in pattern for pattern in asked.nameFilters())


def test_the_usual_pitch_is_measured_and_set_afterwards(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    voice = Voice("new", "Ada", "An RVC voice.", VoiceKind.RVC, model="0" * 64)
    voice = studio.session.library.library.add(VoiceArchive(voice, Consent("Ada", "2026-11-23")))
    studio.session.library.look()
    studio.bot.waitUntil(lambda: studio.session.library.find("ada") is not None)
    studio.session.choose_voice("ada")
    tuning = studio.window.live.tuning
    tuning.say_pitch.click()
    dialog = open_dialog(studio, PitchDialog)
    height = dialog.sizeHint().height()
    QTest.keyClicks(dialog.field.number, "210")
    assert "brings your pitch there" in dialog.field.note.text()
    assert dialog.sizeHint().height() == height
    jobs = dialog.field._jobs
    monkeypatch.setattr(jobs, "submit", lambda *_: None)
    dialog.field.listen(Path("ada.wav"))
    jobs.finished.emit("ada.wav", UsualPitch(212.4, 170.0, 300.0))
    assert dialog.field.number.text() == "212"
    assert dialog.field.note.text() == "ada.wav: 212 Hz, mostly 170 to 300 Hz"
    dialog.ok.click()
    studio.bot.waitUntil(lambda: tuning.switches["match_pitch"].isEnabled())
    assert studio.engine.voices[-1].f0_median_hz == 212.4
    assert tuning.say_pitch.isHidden()
    studio.session.undo.undo()
    studio.bot.waitUntil(lambda: not tuning.switches["match_pitch"].isEnabled())
    menu = studio.window.live.voices.make_menu(studio.window.live.voices.view.currentIndex())
    [offer] = [action for action in menu.actions() if action.text() == "Usual pitch…"]
    assert offer.isEnabled()


def test_cancelling_closes_without_a_voice(studio: Studio, here: None) -> None:
    drop(studio, voice_file("v1-40k"))
    dialog = open_dialog(studio, RvcDialog)
    studio.bot.waitUntil(lambda: "RVC" in dialog.step.about.text())
    agree(dialog)
    dialog.add.click()
    dialog.cancel.click()
    studio.bot.waitUntil(lambda: not studio.window.findChildren(RvcDialog))
    assert [v for v in studio.session.library.voices if v.kind is VoiceKind.RVC] == []


def test_what_cannot_run_is_told_before_anything_is_asked(studio: Studio, tmp_path: Path) -> None:
    first, second = tmp_path / "first.pth", tmp_path / "second.pth"
    first.write_bytes(b"PK\3\4")
    torch.save({"unet.encoder.x": torch.zeros(1)}, second)
    drop(studio, first, second)
    for told in ("first.pth is damaged", "RMVPE"):
        dialog = open_dialog(studio, RvcDialog)
        studio.bot.waitUntil(lambda d=dialog, t=told: t in d.step.about.text())  # type: ignore[misc]
        assert not dialog.add.isVisible()
        assert not dialog.consent.isVisible()
        dialog.cancel.click()


def test_an_index_alone_is_told(studio: Studio, tmp_path: Path) -> None:
    drop(studio, tmp_path / "added_ada.index")
    assert "together with the voice's .pth" in studio.window.message.text.text()


def test_indexes_find_their_voices() -> None:
    ada, adam, one = Path("Ada.pth"), Path("Adam.pth"), Path("added_IVF9_adam_v2.index")
    two, other = Path("added_IVF7_ada_v2.index"), Path("x.index")
    assert pair([ada, other]) == ([(ada, other)], [])
    assert pair([ada, adam, one, two, other]) == ([(ada, two), (adam, one)], [other])
    assert pair([ada]) == ([(ada, None)], [])
    assert pair([other]) == ([], [other])
