"""Voices in and out of the window: dropped, dragged, renamed, removed, brought back, damaged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QBuffer, QIODevice, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QDialog

from gui.control.pictures import decoded
from gui.panels.voice_details import DetailsDialog
from gui.panels.voice_files import file_name, voice_files
from gui.widgets.name_dialog import NameDialog
from gui.widgets.voice_model import Role
from tests.gui.conftest import VOICES, Factory, Studio
from voices.archive import Consent, VoiceArchive, write_archive
from voices.library import Library
from voices.voice import Voice, VoiceKind


def voice_file(folder: Path, name: str, picture: bytes = b"") -> Path:
    """Writes a voice file."""
    voice = Voice(name.casefold(), name, f"Spoken by {name}", VoiceKind.MODEL_FREE)
    path = folder / f"{name}.menura"
    write_archive(path, VoiceArchive(voice, Consent(name, "2026-11-22"), picture=picture))
    return path


def drop(studio: Studio, *paths: Path) -> None:
    """Drops files onto the window."""
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    buttons, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    studio.window.dropEvent(QDropEvent(QPointF(9, 9), Qt.DropAction.CopyAction, mime, buttons, none))


def names(studio: Studio) -> list[str]:
    """What the list shows."""
    model = studio.window.live.voices.model
    return [model.index(row).data() for row in range(model.rowCount())]


def settled(studio: Studio) -> None:
    """Waits until the library's files are as wished."""
    studio.bot.waitUntil(lambda: not studio.session.library.worker.busy)


def open_dialog(studio: Studio, kind: type[QDialog]) -> QDialog:
    """Returns the dialog that is open."""
    return next(d for d in studio.window.findChildren(kind) if d.isVisible())


def test_several_files_dropped_are_added_and_can_be_undone(studio: Studio, tmp_path: Path) -> None:
    drop(studio, voice_file(tmp_path, "Ada"), voice_file(tmp_path, "Bo"), tmp_path / "notes.txt")
    studio.bot.waitUntil(lambda: names(studio)[-2:] == ["Ada", "Bo"])
    toast = studio.window.toast
    assert toast.text.text() == "Ada, Bo added."
    toast.button.click()
    studio.bot.waitUntil(lambda: names(studio) == [v.name for v in VOICES])
    studio.session.undo.redo()
    studio.bot.waitUntil(lambda: names(studio)[-2:] == ["Ada", "Bo"])


def test_a_file_that_is_no_voice_is_told_and_the_others_are_added(studio: Studio, tmp_path: Path) -> None:
    broken = tmp_path / "broken.menura"
    broken.write_bytes(b"not a zip")
    drop(studio, broken, voice_file(tmp_path, "Ada"))
    studio.bot.waitUntil(lambda: "Ada" in names(studio))
    assert studio.window.message.text.text().startswith("broken.menura could not be added")


def test_removing_the_chosen_voice_falls_back_and_undo_brings_both_back(
    studio: Studio, tmp_path: Path
) -> None:
    drop(studio, voice_file(tmp_path, "Ada"))
    studio.bot.waitUntil(lambda: "Ada" in names(studio))
    studio.session.choose_voice("ada")
    view = studio.window.live.voices.view
    view.setFocus()
    QTest.keyClick(view, Qt.Key.Key_Delete)
    studio.bot.waitUntil(lambda: "Ada" not in names(studio))
    assert studio.session.voice_id == "deep"
    assert studio.engine.voices[-1].id == "deep"
    QTest.keyClick(studio.window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    studio.bot.waitUntil(lambda: studio.session.voice_id == "ada")
    assert "Ada" in names(studio)


def test_built_in_voices_stay(studio: Studio) -> None:
    view = studio.window.live.voices.view
    QTest.keyClick(view, Qt.Key.Key_Delete)
    QTest.keyClick(view, Qt.Key.Key_F2)
    settled(studio)
    assert names(studio) == [v.name for v in VOICES]
    assert studio.session.undo.count() == 0


def test_rename_by_key_and_undo(studio: Studio, tmp_path: Path) -> None:
    drop(studio, voice_file(tmp_path, "Ada"))
    studio.bot.waitUntil(lambda: "Ada" in names(studio))
    panel = studio.window.live.voices
    panel.view.setCurrentIndex(panel.model.index(panel.model.row_of("ada")))
    QTest.keyClick(panel.view, Qt.Key.Key_F2)
    dialog = open_dialog(studio, NameDialog)
    dialog.field.setText("Ada the Second")
    dialog.ok.click()
    studio.bot.waitUntil(lambda: "Ada the Second" in names(studio))
    studio.session.undo.undo()
    studio.bot.waitUntil(lambda: names(studio)[-1] == "Ada")


def test_damaged_voice_is_shown_with_reason_and_way_out(open_studio: Factory, home: Path) -> None:
    (home / "voices").mkdir()
    (home / "voices" / "echo.menura").write_bytes(b"PK half a file")
    studio = open_studio()
    panel = studio.window.live.voices
    index = panel.model.index(panel.model.row_of("echo"))
    assert index.data(Role.STATUS)
    panel.view.scrollTo(index)
    box = panel.view.visualRect(index)
    QTest.mouseClick(panel.view.viewport(), Qt.MouseButton.LeftButton, pos=box.center())
    dialog = open_dialog(studio, DetailsDialog)
    assert studio.session.voice_id == "deep"
    remove = next(b for b in dialog.findChildren(QAbstractButton) if b.text() == "Remove")
    remove.click()
    studio.bot.waitUntil(lambda: "echo" not in names(studio))
    studio.window.toast.button.click()
    studio.bot.waitUntil(lambda: "echo" in names(studio))


def test_what_another_process_adds_appears(studio: Studio, tmp_path: Path) -> None:
    Library.open(studio.home / "voices").import_file(voice_file(tmp_path, "Ada"))
    studio.bot.waitUntil(lambda: "Ada" in names(studio), timeout=10_000)


def test_details_tell_who_agreed(studio: Studio, tmp_path: Path) -> None:
    drop(studio, voice_file(tmp_path, "Ada"))
    studio.bot.waitUntil(lambda: "Ada" in names(studio))
    panel = studio.window.live.voices
    menu = panel.make_menu(panel.model.index(panel.model.row_of("ada")))
    next(action for action in menu.actions() if action.text() == "Details").trigger()
    dialog = open_dialog(studio, DetailsDialog)
    texts = [child.text() for child in dialog.findChildren(type(studio.window.message.text))]
    assert "Ada, 2026-11-22" in texts
    dialog.close()


def test_dragged_out_voice_is_a_file_of_its_name(studio: Studio) -> None:
    model = studio.window.live.voices.model
    mime = model.mimeData([model.index(1)])
    [path] = voice_files(mime)
    assert path.name == "Bright.menura"
    assert path.stat().st_size > 100
    assert file_name(replace(VOICES[0], name="a/b:c?")) == "a b c.menura"


def test_exported_voice_comes_back(studio: Studio, tmp_path: Path) -> None:
    drop(studio, voice_file(tmp_path, "Ada"))
    studio.bot.waitUntil(lambda: "Ada" in names(studio))
    target = tmp_path / "shared.menura"
    studio.session.library.export_file("ada", target)
    studio.bot.waitUntil(target.exists)
    settled(studio)
    drop(studio, target)
    studio.bot.waitUntil(lambda: len(names(studio)) == len(VOICES) + 2)


def test_pictures_are_shown_once_read(studio: Studio, tmp_path: Path) -> None:
    image = QImage(64, 32, QImage.Format.Format_RGB32)
    image.fill(0xFF00FF00)
    image.save(str(tmp_path / "face.png"))
    drop(studio, voice_file(tmp_path, "Ada", (tmp_path / "face.png").read_bytes()))
    studio.bot.waitUntil(lambda: "Ada" in names(studio))
    panel = studio.window.live.voices
    index = panel.model.index(panel.model.row_of("ada"))
    studio.bot.waitUntil(lambda: index.data(Role.PICTURE) is not None)
    panel.view.scrollTo(index)
    box = panel.view.visualRect(index)
    shot = panel.view.viewport().grab().toImage()
    assert shot.pixelColor(box.topLeft() + QPoint(31, box.height() // 2)).green() > 200


@pytest.mark.parametrize("name", ["ada", "bo"])
def test_library_that_cannot_be_read_leaves_the_built_in_voices(
    open_studio: Factory, home: Path, name: str
) -> None:
    (home / "voices").mkdir()
    (home / "voices" / f"{name}.menura").mkdir()
    assert names(open_studio())[:3] == [v.name for v in VOICES]


def test_a_picture_is_read_in_its_own_format_alone() -> None:
    square = QImage(8, 6, QImage.Format.Format_RGB32)
    square.fill(Qt.GlobalColor.red)
    for kind in ("PNG", "JPG", "BMP"):
        buffer = QBuffer()
        buffer.open(QIODevice.OpenModeFlag.WriteOnly)
        square.save(buffer, kind)
        image = decoded(buffer.data().data())
        assert image.isNull() == (kind == "BMP")
        assert kind == "BMP" or (image.width(), image.height()) == (8, 6)
    assert decoded(b"<svg xmlns='http://www.w3.org/2000/svg'/>").isNull()
