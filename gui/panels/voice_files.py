"""Voice files on their way in and out of the window: dialogs and drags."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QMimeData, QObject
from PySide6.QtWidgets import QWidget

from gui.control.library import SUFFIX, LibraryController
from gui.control.rvc_content import CONTENT_SUFFIXES
from gui.file_dialogs import SOUND_FILES, FileDialogs, Kind
from inference.rvc.importing import INDEX_SUFFIX
from inference.rvc.importing import SUFFIX as RVC_SUFFIX
from voices.voice import Voice

FILTER = f"Voices (*{SUFFIX})"
VOICE_SUFFIXES = (SUFFIX, RVC_SUFFIX, INDEX_SUFFIX, *CONTENT_SUFFIXES)
IMPORT_FILTER = f"Voices ({' '.join('*' + suffix for suffix in VOICE_SUFFIXES)})"


def file_name(voice: Voice) -> str:
    """Returns a voice's name as every file system takes it."""
    plain = re.sub(r'[<>:"/\\|?*\x00-\x1f]+', " ", voice.name).strip(" .")
    return f"{plain or voice.id}{SUFFIX}"


def voice_files(mime: QMimeData) -> list[Path]:
    """Returns the voice files of a drag, those of RVC voices and their content model among them."""
    paths = [Path(url.toLocalFile()) for url in mime.urls() if url.isLocalFile()]
    return [path for path in paths if path.suffix.casefold() in VOICE_SUFFIXES]


class DragFolder(QObject):
    """Keeps files for drags out of the window, each under its voice's name, until the window closes."""

    def __init__(self, library: LibraryController) -> None:
        super().__init__(library)
        self._library = library
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def file(self, voice_id: str) -> Path | None:
        """Returns a fresh file of a voice; None where it can't be written."""
        voice = self._library.find(voice_id)
        if voice is None:
            return None
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="menura-drag-")
        path = Path(self._folder.name) / file_name(voice)
        try:
            self._library.library.export_file(voice_id, path)
        except (ValueError, OSError):
            return None
        return path


def ask_import(dialogs: FileDialogs, parent: QWidget, then: Callable[[list[Path]], None]) -> None:
    """Lets the user choose voice files."""
    dialogs.files(parent, "Add voices", Kind.VOICES, then, IMPORT_FILTER)


def ask_export(dialogs: FileDialogs, parent: QWidget, voice: Voice, then: Callable[[Path], None]) -> None:
    """Lets the user choose where a voice file goes."""
    dialogs.save(parent, f"Export {voice.name}", Kind.VOICES, file_name(voice), then, FILTER)


def ask_recordings(
    dialogs: FileDialogs, parent: QWidget, voice: Voice, then: Callable[[list[Path]], None]
) -> None:
    """Lets the user choose recordings to refine a voice with."""
    title = f"Recordings of {voice.name}: 1 to 20 minutes in all"
    dialogs.files(parent, title, Kind.SOUNDS, then, SOUND_FILES)
