"""Removed voices, kept for a while so that removing can be undone."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from voices.archive import SUFFIX, ArchiveError, read_manifest
from voices.files import sync_folder

_DAY_S = 86_400.0


@dataclass(frozen=True)
class Removed:
    """A voice in the trash: its id and name, where its file lies, when it came there (seconds, Unix)."""

    id: str
    name: str
    path: Path
    when: float

    @property
    def day(self) -> str:
        """The local date on which it was removed, ISO 8601."""
        return datetime.fromtimestamp(self.when).astimezone().date().isoformat()


class Trash:
    """Files named ID.MILLISECONDS.menura in a folder of their own. Methods raise OSError."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def take(self, path: Path, name: str) -> Removed:
        """Moves a voice file here in one step."""
        self._path.mkdir(exist_ok=True)
        voice_id = path.name.removesuffix(SUFFIX)
        moment = time.time_ns() // 1_000_000
        while (target := self._path / f"{voice_id}.{moment}{SUFFIX}").exists():
            moment += 1
        _move(path, target)
        return Removed(voice_id, name, target, moment / 1000)

    def give_back(self, removed: Removed, target: Path) -> None:
        """Moves a voice file back in one step."""
        _move(removed.path, target)

    def contents(self) -> tuple[Removed, ...]:
        """What is here, latest first."""
        found = [_describe(path) for path in self._path.glob(f"*.*{SUFFIX}")]
        return tuple(sorted(found, key=lambda removed: -removed.when))

    def empty(self, older_than_days: float) -> int:
        """Deletes what came longer ago than this; how many files."""
        oldest = time.time() - older_than_days * _DAY_S
        old = [path for path in self._path.glob(f"*.*{SUFFIX}") if _moment(path) <= oldest]
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)


def _describe(path: Path) -> Removed:
    voice_id = path.name.removesuffix(SUFFIX).rpartition(".")[0]
    try:
        name = read_manifest(path).voice.name
    except ArchiveError:
        name = voice_id
    return Removed(voice_id, name, path, _moment(path))


def _moment(path: Path) -> float:
    """When a file came here; now for one whose name does not say."""
    text = path.name.removesuffix(SUFFIX).rpartition(".")[2]
    return int(text) / 1000 if text.isascii() and text.isdigit() else time.time()


def _move(path: Path, target: Path) -> None:
    os.replace(path, target)
    sync_folder(path.parent)
    sync_folder(target.parent)
