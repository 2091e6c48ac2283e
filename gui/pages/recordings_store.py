"""The recordings on disk: listed, renamed, put aside and brought back. No Qt.

Files lie in `home()/recordings`; what is known of them beside their names (the voice) in `index.json` there;
what was deleted in `.trash`, for a month.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voices.files import write_text
from voices.home import home

TRASH_DAYS = 30
PEAK_COLUMNS = 1200
_INDEX, _TRASH = "index.json", ".trash"
_TITLE = "%Y-%m-%d %H-%M-%S"
_SOURCES = {"input": "You", "output": "Call"}
_READ_FRAMES = 1 << 16


class RecordingFileError(ValueError):
    """A recording that cannot be renamed, deleted or brought back; the message is one sentence."""


@dataclass(frozen=True)
class Recording:
    """A file. `heard` says who is on it, "You" or "Call", "" where that is not known."""

    path: Path
    when: datetime
    seconds: float
    size: int
    voice: str
    heard: str

    @property
    def name(self) -> str:
        """What the user calls it."""
        return self.path.stem


@dataclass(frozen=True)
class Trashed:
    """A deleted recording: where it was, where it is."""

    original: Path
    place: Path


class RecordingStore:
    """One folder of recordings; methods raise RecordingFileError unless they say otherwise.

    >>> store = RecordingStore(recordings_folder())
    >>> store.list()[0].name
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def list(self) -> list[Recording]:
        """Returns every readable recording, the newest first; opens each file's header. Raises nothing."""
        voices = self._index()
        found = [_describe(path, voices.get(path.name, "")) for path in self.folder.glob("[!.]*.flac")]
        return sorted((r for r in found if r), key=lambda r: r.when, reverse=True)

    def note_voice(self, files: Iterable[Path], voice: str) -> None:
        """Remembers whose voice spoke. Raises voices.files.FileError."""
        index = self._index() | {path.name: voice for path in files}
        present = {name: value for name, value in index.items() if (self.folder / name).exists()}
        write_text(self.folder / _INDEX, json.dumps({"version": 1, "voices": present}, indent=1))

    def rename(self, path: Path, name: str) -> Path:
        """Gives a recording another name and returns its new path."""
        clean = re.sub(r'[<>:"/\\|?*\x00-\x1f]+', " ", name).strip(" .")
        if not clean:
            raise RecordingFileError("A recording needs a name; type at least one letter.")
        target = path.with_name(f"{clean}{path.suffix}")
        if target == path:
            return path
        if target.exists():
            raise RecordingFileError(f"There is a recording called '{clean}' already; choose another name.")
        voice = self._index().get(path.name, "")
        _move(path, target)
        self.note_voice([target], voice)
        return target

    def remove(self, path: Path) -> Trashed:
        """Puts a recording into the trash."""
        trash = self.folder / _TRASH
        place = trash / f"{time.time_ns()} {path.name}"
        try:
            trash.mkdir(exist_ok=True)
        except OSError as error:
            raise RecordingFileError(f"{path.name} cannot be deleted ({error.strerror}).") from error
        _move(path, place)
        os.utime(place)
        return Trashed(path, place)

    def restore(self, trashed: Trashed) -> None:
        """Brings a recording back where it was."""
        if trashed.original.exists():
            raise RecordingFileError(f"There is another recording called '{trashed.original.stem}' now.")
        _move(trashed.place, trashed.original)

    def empty_trash(self, days: float = TRASH_DAYS) -> int:
        """Deletes for good what was put aside longer ago than this; how many files. Raises nothing."""
        old = [p for p in (self.folder / _TRASH).glob("*") if _age_days(p) > days]
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)

    def _index(self) -> dict[str, str]:
        """Voice by file name; empty where there is none or it is damaged: it is worth no more than that."""
        try:
            content: Any = json.loads((self.folder / _INDEX).read_text(encoding="utf-8"))
            return {str(k): str(v) for k, v in content["voices"].items()}
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return {}


def recordings_folder() -> Path:
    """Where recordings go; made if missing. Raises OSError."""
    folder = home() / "recordings"
    folder.mkdir(exist_ok=True)
    return folder


def scan(folder: Path) -> list[Recording]:
    """`RecordingStore.list` and a look at the trash, for a process beside the window."""
    store = RecordingStore(folder)
    store.empty_trash()
    return store.list()


def peaks(path: Path) -> NDArray[np.float32]:
    """Returns the highest absolute sample of each of `PEAK_COLUMNS` stretches: (PEAK_COLUMNS,) float32.

    Reads a piece at a time. Raises RecordingFileError.
    """
    import soundfile

    found = np.zeros(PEAK_COLUMNS, np.float32)
    try:
        with soundfile.SoundFile(path) as file:
            at, total = 0, max(1, file.frames)
            while len(block := file.read(_READ_FRAMES, dtype="float32", always_2d=True)):
                column = (at + np.arange(len(block))) * PEAK_COLUMNS // total
                np.maximum.at(found, np.minimum(column, PEAK_COLUMNS - 1), np.abs(block).max(axis=1))
                at += len(block)
    except (soundfile.LibsndfileError, OSError) as error:
        raise RecordingFileError(f"{path.name} cannot be read; it is missing or damaged.") from error
    return np.nan_to_num(found)


def _describe(path: Path, voice: str) -> Recording | None:
    import soundfile

    try:
        info, status = soundfile.info(str(path)), path.stat()
    except (soundfile.LibsndfileError, OSError):
        return None
    try:
        when = datetime.strptime(path.stem[:19], _TITLE)
    except ValueError:
        when = datetime.fromtimestamp(status.st_mtime)
    words = path.stem.split()
    heard = next((_SOURCES[word] for word in words if word in _SOURCES), "")
    return Recording(path, when, float(info.duration), status.st_size, voice, heard)


def _age_days(path: Path) -> float:
    try:
        return (time.time() - path.stat().st_mtime) / 86_400
    except OSError:
        return 0.0


def _move(path: Path, target: Path) -> None:
    try:
        path.rename(target)
    except OSError as error:
        reason = error.strerror or "unknown reason"
        raise RecordingFileError(f"{path.name} cannot be moved to {target.name} ({reason}).") from error
