"""File dialogs begin where the user's files are, and remember where that was."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QStandardPaths
from PySide6.QtWidgets import QFileDialog, QWidget

from gui.file_dialogs import FileDialogs, Kind
from tests.gui.conftest import Factory


def only(parent: QWidget) -> QFileDialog:
    [dialog] = [d for d in parent.findChildren(QFileDialog) if d.isVisible()]
    return dialog


def test_the_first_dialog_begins_in_the_users_folder_for_such_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    music = tmp_path / "Music"
    monkeypatch.setattr(QStandardPaths, "writableLocation", lambda place: str(music))
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    dialogs = FileDialogs({}, lambda: None)
    assert dialogs.start(Kind.SOUNDS) == tmp_path
    music.mkdir()
    assert dialogs.start(Kind.SOUNDS) == music


def test_the_next_one_begins_where_the_last_one_ended_also_after_a_restart(
    open_studio: Factory, tmp_path: Path
) -> None:
    takes = tmp_path / "Takes"
    takes.mkdir()
    (takes / "one.wav").touch()
    first, chosen = open_studio(), []
    first.session.dialogs.files(first.window, "Recordings", Kind.SOUNDS, chosen.extend)
    only(first.window).filesSelected.emit([str(takes / "one.wav")])
    assert chosen == [takes / "one.wav"]
    only(first.window).close()
    first.window.close()
    second = open_studio()
    second.session.dialogs.file(second.window, "Recording", Kind.SOUNDS, chosen.append)
    assert Path(only(second.window).directory().absolutePath()) == takes
    assert second.session.dialogs.start(Kind.PICTURES) != takes
    takes.joinpath("one.wav").unlink()
    takes.rmdir()
    assert second.session.dialogs.start(Kind.SOUNDS).is_dir()


def test_a_chosen_folder_is_where_the_next_one_begins(open_studio: Factory, tmp_path: Path) -> None:
    studio, chosen = open_studio(), []
    studio.session.dialogs.folder(studio.window, "Folder", Kind.SOUNDS, chosen.append, begin=Path("/"))
    assert only(studio.window).directory().absolutePath() == "/"
    only(studio.window).fileSelected.emit(str(tmp_path))
    assert (chosen, studio.session.dialogs.start(Kind.SOUNDS)) == ([tmp_path], tmp_path)


def test_a_new_file_has_the_name_proposed_and_its_suffix(open_studio: Factory) -> None:
    studio = open_studio()
    studio.session.dialogs.save(studio.window, "Export", Kind.REPORTS, "report.zip", print, "Zip (*.zip)")
    dialog = only(studio.window)
    assert [Path(name).name for name in dialog.selectedFiles()] == ["report.zip"]
    assert dialog.defaultSuffix() == "zip"
