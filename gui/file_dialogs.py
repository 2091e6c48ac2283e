"""Where the user chooses files: dialogs that begin where the last one for such files ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path

from PySide6.QtCore import QStandardPaths, Qt
from PySide6.QtWidgets import QFileDialog, QWidget

Place = QStandardPaths.StandardLocation
Then = Callable[[Path], None]
SOUND_FILES = "Sound files (*.wav *.flac *.ogg *.mp3 *.aiff *.aif *.opus *.m4a);;All files (*)"


class Kind(StrEnum):
    """What is chosen; the settings file remembers a folder under each name."""

    VOICES = "voices"
    SOUNDS = "sounds"
    PICTURES = "pictures"
    REPORTS = "reports"


_FIRST = {
    Kind.VOICES: Place.DownloadLocation,
    Kind.SOUNDS: Place.MusicLocation,
    Kind.PICTURES: Place.PicturesLocation,
    Kind.REPORTS: Place.DocumentsLocation,
}
"""Where such files are, for who has not shown another folder yet."""


class FileDialogs:
    """Opens dialogs that block nothing; each calls `then` with what was chosen, or never.

    `folders` is what the settings remember, by kind; `changed` is called when that is another one.

    >>> session.dialogs.files(self, "Recordings of one person", Kind.SOUNDS, deck.add_files, SOUND_FILES)
    """

    def __init__(self, folders: dict[str, str], changed: Callable[[], None]) -> None:
        self._folders, self._changed = folders, changed

    def start(self, kind: Kind) -> Path:
        """Where a dialog begins: the folder remembered, the user's folder for such files, the user's own."""
        known = self._folders.get(kind, ""), QStandardPaths.writableLocation(_FIRST[kind])
        return next((Path(name) for name in known if name and Path(name).is_dir()), Path.home())

    def files(
        self,
        parent: QWidget,
        title: str,
        kind: Kind,
        then: Callable[[list[Path]], None],
        filters: str = "",
    ) -> None:
        """Lets the user choose files that are there."""
        dialog = self._dialog(parent, title, self.start(kind), filters)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        dialog.filesSelected.connect(lambda names: then(self._noted(kind, names)))
        dialog.open()

    def file(self, parent: QWidget, title: str, kind: Kind, then: Then, filters: str = "") -> None:
        """Lets the user choose one file that is there."""
        dialog = self._dialog(parent, title, self.start(kind), filters)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(lambda name: then(self._noted(kind, [name])[0]))
        dialog.open()

    def folder(self, parent: QWidget, title: str, kind: Kind, then: Then, begin: Path | None = None) -> None:
        """Lets the user choose a folder; the dialog begins in `begin` where that is given."""
        dialog = self._dialog(parent, title, begin or self.start(kind), "")
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.fileSelected.connect(lambda name: then(self._noted(kind, [name])[0]))
        dialog.open()

    def save(self, parent: QWidget, title: str, kind: Kind, name: str, then: Then, filters: str) -> None:
        """Lets the user choose where a new file goes; `name` is proposed, and its suffix added."""
        dialog = self._dialog(parent, title, self.start(kind), filters)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix(Path(name).suffix.removeprefix("."))
        dialog.selectFile(name)
        dialog.fileSelected.connect(lambda chosen: then(self._noted(kind, [chosen])[0]))
        dialog.open()

    def _dialog(self, parent: QWidget, title: str, begin: Path, filters: str) -> QFileDialog:
        dialog = QFileDialog(parent, title, str(begin), filters)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        return dialog

    def _noted(self, kind: Kind, names: Sequence[str]) -> list[Path]:
        """The paths; the folder of the first is where the next dialog begins."""
        paths = [Path(name) for name in names]
        folder = paths[0] if paths[0].is_dir() else paths[0].parent
        if self._folders.get(kind) != str(folder):
            self._folders[kind] = str(folder)
            self._changed()
        return paths
