"""What is in the library's folder: one voice file each, read once and again when it changed."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from voices.archive import SUFFIX, ArchiveError, read_manifest
from voices.encoder import shipped_encoder
from voices.files import TEMPORARY_PREFIX
from voices.index import Signature, read_index, write_index
from voices.manifest import Manifest
from voices.voice import Voice

_COARSEST_CLOCK_S = 2.0
"""Two changes of a folder within this may leave the same time on it (FAT: 2 s)."""

_MANY = 16
"""So many files read at once make a new index worth its while."""


class LibraryError(ValueError):
    """Something the library cannot do; the message is one sentence for the user."""


@dataclass(frozen=True)
class DamagedVoice:
    """A file that holds no usable voice: its id, where it lies, and a sentence that says why."""

    id: str
    path: Path
    reason: str


@dataclass(frozen=True)
class _Entry:
    signature: Signature
    found: Manifest | DamagedVoice


class Folder:
    """The voice files of a folder by id (the file's stem). `reserved` ids are never those of a file.

    `revision` counts the changes that `refresh` found.
    """

    def __init__(self, path: Path, reserved: frozenset[str]) -> None:
        self._path = path
        self._reserved = reserved
        self._entries: dict[str, _Entry] = {}
        self._voices: tuple[Voice, ...] = ()
        self._seen: tuple[int, float] = (0, 0.0)
        self._lock = threading.Lock()
        self.revision = 0

    def voices(self) -> tuple[Voice, ...]:
        """The usable voices by name, as of the last `refresh`."""
        return self._voices

    def damaged(self) -> tuple[DamagedVoice, ...]:
        """The files that are no voices, as of the last `refresh`."""
        found = (entry.found for entry in self._entries.values())
        return tuple(sorted((f for f in found if isinstance(f, DamagedVoice)), key=lambda f: f.id))

    def ids(self) -> frozenset[str]:
        """Of all voice files, damaged ones too."""
        return frozenset(self._entries)

    def manifest(self, voice_id: str) -> Manifest:
        """What the file of a voice says. Raises LibraryError."""
        entry = self._entries.get(voice_id)
        if entry is None:
            raise LibraryError(f"There is no voice '{voice_id}' in the library.")
        if isinstance(entry.found, DamagedVoice):
            raise LibraryError(f"The voice '{voice_id}' cannot be used: {entry.found.reason}")
        return entry.found

    def refresh(self) -> bool:
        """Reads what changed since the last time; whether anything did.

        One look at the folder's time as long as nothing changes: every change here is a rename.
        """
        with self._lock:
            modified = self._modified()
            seen, looked = self._seen
            if modified == seen and looked - seen / 1e9 > _COARSEST_CLOCK_S:
                return False
            self._seen = (modified, time.time())
            signatures = self._scan()
            known = {key: entry.signature for key, entry in self._entries.items()}
            if signatures == known:
                return False
            if not known:
                self._entries = {key: _Entry(*entry) for key, entry in read_index(self._path).items()}
            self._take_over(signatures)
            self.revision += 1
            return True

    def _take_over(self, signatures: dict[str, Signature]) -> None:
        """Reads the files whose signature is new and forgets those that are gone."""
        before = self._entries
        self._entries = {key: self._entry(key, value) for key, value in signatures.items()}
        usable = {
            key: (entry.signature, entry.found)
            for key, entry in self._entries.items()
            if isinstance(entry.found, Manifest)
        }
        voices = (manifest.voice for _, manifest in usable.values())
        self._voices = tuple(sorted(voices, key=lambda voice: (voice.name.casefold(), voice.id)))
        if sum(self._entries[key] is not before.get(key) for key in usable) >= _MANY:
            write_index(self._path, usable)

    def clear_leftovers(self) -> None:
        """Deletes what a crash left half written. Only for who holds the right to write."""
        for path in self._path.glob(f"{TEMPORARY_PREFIX}*"):
            path.unlink(missing_ok=True)

    def _entry(self, voice_id: str, signature: Signature) -> _Entry:
        known = self._entries.get(voice_id)
        if known and known.signature == signature:
            return known
        path = self._path / f"{voice_id}{SUFFIX}"
        if voice_id in self._reserved:
            reason = "its file has the name of a built-in voice; give it another one."
            return _Entry(signature, DamagedVoice(voice_id, path, reason))
        try:
            manifest = read_manifest(path)
        except ArchiveError as error:
            return _Entry(signature, DamagedVoice(voice_id, path, str(error)))
        if manifest.encoder and manifest.encoder.sha256 != shipped_encoder().sha256:
            reason = f"it was made with another speaker model; `menura voices relearn {voice_id}` mends that."
            return _Entry(signature, DamagedVoice(voice_id, path, reason))
        return _Entry(signature, manifest)

    def _modified(self) -> int:
        try:
            return self._path.stat().st_mtime_ns
        except OSError:
            return 0

    def _scan(self) -> dict[str, Signature]:
        """Time, size and inode of each voice file; nothing where the folder cannot be read."""
        found: dict[str, Signature] = {}
        try:
            with os.scandir(self._path) as entries:
                for entry in entries:
                    if entry.name.endswith(SUFFIX) and not entry.name.startswith("."):
                        status = entry.stat()
                        signature = (status.st_mtime_ns, status.st_size, status.st_ino)
                        found[entry.name.removesuffix(SUFFIX)] = signature
        except OSError:
            return found
        return found
