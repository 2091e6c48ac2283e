"""The voices a user has: built-in ones and those in the library's folder, one voice file each.

>>> library = Library.open()
>>> voice = library.import_file("ada.menura")
>>> removed = library.remove(voice.id)
>>> library.restore(removed)

Every write is one rename of a finished file under a lock that all processes share, so a crash leaves
what was there or what was meant to be. `voices()` reads no file; `refresh()` looks for what others did.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from voices.archive import (
    SUFFIX,
    ArchiveError,
    VoiceArchive,
    read_archive,
    read_clips,
    read_manifest,
    read_picture,
    write_archive,
)
from voices.builtin import UnknownVoiceError, builtin_archive, builtin_picture, builtin_voices, find_voice
from voices.clip import Clip
from voices.folder import DamagedVoice, Folder, LibraryError
from voices.home import home
from voices.manifest import MAX_NAME, Manifest, check_name
from voices.models import FOLDER, sweep
from voices.names import free_id, free_name
from voices.trash import Removed, Trash
from voices.voice import Voice, VoiceKind

_WAIT_S = 10.0
_TRASH_DAYS = 30.0
_FIXED = {"id", "kind", "builtin"}


class Library:
    """The voices of one folder after the built-in ones; `models` holds those of its RVC voices.

    Methods that write raise LibraryError, or ArchiveError and FileError of the file they could not read
    or write.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._folder = Folder(path, frozenset(voice.id for voice in builtin_voices()))
        self._trash = Trash(path / "trash")
        self._lock = FileLock(path / ".lock")
        self.models = path / FOLDER

    @classmethod
    def open(cls, folder: str | Path | None = None) -> Library:
        """Reads the library of `folder`, by default `home()/voices`. Raises LibraryError."""
        try:
            path = Path(folder) if folder is not None else home() / "voices"
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LibraryError(
                f"The voice library cannot be opened ({error.strerror}); "
                "set MENURA_HOME to a folder you may write to."
            ) from error
        library = cls(path)
        library.refresh()
        return library

    def voices(self) -> tuple[Voice, ...]:
        """Every voice that can be used: built-in ones first, then by name."""
        return (*builtin_voices(), *self._folder.voices())

    @property
    def revision(self) -> int:
        """Another number whenever `voices()` or `damaged()` may have changed, by whomever."""
        return self._folder.revision

    def damaged(self) -> tuple[DamagedVoice, ...]:
        """Files in the library's folder that hold no usable voice, and why."""
        return self._folder.damaged()

    def find(self, name: str) -> Voice:
        """Returns the voice with this id or name. Raises UnknownVoiceError, LibraryError if damaged."""
        try:
            return find_voice(name, self.voices())
        except UnknownVoiceError:
            wanted = name.strip().casefold()
            for damaged in self.damaged():
                if wanted in (damaged.id.casefold(), damaged.path.name.casefold()):
                    raise LibraryError(f"The voice '{damaged.id}' cannot be used: {damaged.reason}") from None
            raise

    def find_id(self, name: str) -> str:
        """The id of a voice with this id or name, damaged or not. Raises UnknownVoiceError."""
        damaged = next((d.id for d in self.damaged() if name.strip() in (d.id, d.path.name)), "")
        return damaged or find_voice(name, self.voices()).id

    def find_removed(self, name: str) -> Removed:
        """The voice removed last under this id or name. Raises LibraryError."""
        wanted = name.strip().casefold()
        for removed in self.removed():
            if wanted in (removed.id.casefold(), removed.name.casefold()):
                return removed
        raise LibraryError(f"There is no '{name}' in the trash; `menura voices trash` lists what is.")

    def refresh(self) -> bool:
        """Takes over what other processes changed; whether there was anything. Cheap: look every second."""
        return self._folder.refresh()

    def manifest(self, voice_id: str) -> Manifest:
        """Consent, date, encoder and list of clips of a voice. Raises LibraryError."""
        if self._is_builtin(voice_id):
            return builtin_archive(find_voice(voice_id)).manifest()
        return self._folder.manifest(voice_id)

    def clips(self, voice_id: str) -> tuple[Clip, ...]:
        """The reference clips of a voice, read now and not yet decoded; none for built-in voices."""
        return () if self._is_builtin(voice_id) else read_clips(self._file(voice_id))

    def picture(self, voice_id: str) -> bytes:
        """The bytes of a voice's picture (PNG or JPEG), read now; empty where there is none."""
        if self._is_builtin(voice_id):
            return builtin_picture(voice_id)
        return read_picture(self._file(voice_id)) if self.manifest(voice_id).picture else b""

    def free_name(self, name: str) -> str:
        """The name, cut to what fits, with a number after it if another voice has it."""
        name = name.strip()[: MAX_NAME - 4].strip() or "Voice"
        return free_name(name, self._names())

    def check_new_name(self, name: str) -> str:
        """Returns the name without outer blanks. Raises ArchiveError when no voice may be called so,
        LibraryError when one is called so already."""
        name = check_name(name)
        self._check_free(name)
        return name

    def add(self, archive: VoiceArchive) -> Voice:
        """Keeps a new voice under an id of its own. The name must be free. Draws a picture if it has none."""
        archive = _with_face(archive)
        with self._writing():
            name = self.check_new_name(archive.voice.name)
            return self._write(archive, self._free_id(name), name=name)

    def import_file(self, path: str | Path) -> Voice:
        """Checks a voice file of a stranger as a whole and keeps a copy, renamed if the name is taken."""
        archive = read_archive(path)
        if archive.voice.kind is VoiceKind.RVC and not (self.models / archive.voice.model).is_dir():
            raise LibraryError("This is an RVC voice without its model; import its .pth file instead.")
        archive = _with_face(archive)
        with self._writing():
            name = self.free_name(archive.voice.name)
            return self._write(archive, self._free_id(name), name=name)

    def export_file(self, voice_id: str, path: str | Path) -> None:
        """Writes the voice file to share; not of RVC voices, whose model is no part of it."""
        archive = self.archive(voice_id)
        if archive.voice.kind is VoiceKind.RVC:
            raise LibraryError(
                f"'{archive.voice.name}' is an RVC voice: share the .pth file that it was imported from."
            )
        write_archive(path, archive)

    def archive(self, voice_id: str) -> VoiceArchive:
        """All of a voice, read and checked now."""
        if self._is_builtin(voice_id):
            return builtin_archive(find_voice(voice_id))
        return read_archive(self._file(voice_id))

    def copy(self, voice_id: str, name: str, **changes: Any) -> Voice:
        """Keeps a second voice like this one under a new name, with `changes` of its fields."""
        archive = self.archive(voice_id)
        changed = _changed(archive.voice, {**changes, "name": name})
        return self.add(replace(archive, voice=changed))

    def rename(self, voice_id: str, name: str) -> Voice:
        """Gives a voice another name; its id stays."""
        return self.update(voice_id, name=name)

    def update(self, voice_id: str, **changes: Any) -> Voice:
        """Changes fields of a voice (not id or kind) and returns the new one."""
        self._check_own(voice_id, "copy it first and change the copy")
        with self._writing():
            archive = self.archive(voice_id)
            if "name" in changes:
                changes["name"] = check_name(changes["name"])
                self._check_free(changes["name"], voice_id)
            changed = _changed(archive.voice, changes)
            return self._write(replace(archive, voice=changed), voice_id)

    def relearn(self, voice_id: str, learn: Callable[[VoiceArchive], VoiceArchive]) -> Voice:
        """Replaces a voice, perhaps one made with another speaker model, by what `learn` makes of it."""
        self._check_own(voice_id, "it needs no learning")
        with self._writing():
            return self._write(learn(read_archive(self._file(voice_id))), voice_id)

    def set_picture(self, voice_id: str, picture: bytes) -> None:
        """Gives a voice another picture (PNG or JPEG), or none."""
        self._check_own(voice_id, "copy it first and change the copy")
        with self._writing():
            self._write(replace(self.archive(voice_id), picture=picture), voice_id)

    def remove(self, voice_id: str) -> Removed:
        """Moves a voice, damaged or not, to the trash of the library, from where `restore` takes it."""
        self._check_own(voice_id, "it cannot be removed")
        with self._writing():
            path = self._file(voice_id)
            name = next((v.name for v in self._folder.voices() if v.id == voice_id), voice_id)
            return self._trash.take(path, name)

    def restore(self, removed: Removed) -> Voice:
        """Brings a removed voice back, under another id or name only where its own is taken by now."""
        with self._writing():
            voice_id = removed.id
            name = free_name(removed.name, self._names())
            if voice_id.casefold() in self._taken() or name != removed.name:
                archive = read_archive(removed.path)
                voice_id = self._write(archive, self._free_id(name), name=name).id
                removed.path.unlink()
            else:
                self._trash.give_back(removed, self._file_of(voice_id))
        return self.find(voice_id)

    def removed(self) -> tuple[Removed, ...]:
        """What is in the trash, latest first."""
        return self._trash.contents()

    def empty_trash(self, older_than_days: float = 0.0) -> int:
        """Deletes for good what was removed longer ago than this; how many voices."""
        with self._writing():
            count = self._trash.empty(older_than_days)
            self._sweep_models()
            return count

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """The right to change the folder, of which the latest state is known. Raises LibraryError."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=_WAIT_S)
        except Timeout as error:
            raise LibraryError("Another Menura is changing the voice library; try again.") from error
        except OSError as error:
            raise LibraryError(
                f"The voice library in {self.path} cannot be changed ({error.strerror}); "
                "make it writable, with room on its disk."
            ) from error
        try:
            self._folder.clear_leftovers()
            self.refresh()
            with suppress(OSError):
                if self._trash.empty(_TRASH_DAYS):
                    self._sweep_models()
            yield
        except OSError as error:
            raise LibraryError(
                f"The voice library could not be changed ({error.strerror or error}); nothing was lost."
            ) from error
        finally:
            self._lock.release()
            self.refresh()

    def _write(self, archive: VoiceArchive, voice_id: str, **changes: Any) -> Voice:
        voice = replace(archive.voice, **changes, id=voice_id, builtin=False)
        write_archive(self._file_of(voice_id), replace(archive, voice=voice))
        self.refresh()
        return self._folder.manifest(voice_id).voice

    def _free_id(self, name: str) -> str:
        return free_id(name, self._taken())

    def _taken(self) -> frozenset[str]:
        """Ids that a new voice cannot have, in lower case: some file systems know no other."""
        own = (*self._folder.ids(), *(voice.id for voice in builtin_voices()))
        return frozenset(voice_id.casefold() for voice_id in own)

    def _check_free(self, name: str, but: str = "") -> None:
        """Raises LibraryError when a voice is called so, except the one with the id `but`."""
        if name.casefold() in self._names(but):
            raise LibraryError(f"There is a voice called '{name}' already; choose another name.")

    def _names(self, but: str = "") -> frozenset[str]:
        """Names that another voice than the one with the id `but` cannot have, in lower case.

        The ids of built-in voices are among them: who says `--voice deep` means those.
        """
        taken = [voice.name for voice in self.voices() if voice.id != but]
        taken += [voice.id for voice in builtin_voices()]
        return frozenset(name.casefold() for name in taken)

    def _check_own(self, voice_id: str, otherwise: str) -> None:
        if self._is_builtin(voice_id):
            raise LibraryError(f"'{find_voice(voice_id).name}' is built in; {otherwise}.")

    def _sweep_models(self) -> None:
        """Deletes models that neither a voice nor the trash names; none while a file cannot be read."""
        if self._folder.damaged():
            return
        removed = (read_manifest(removed.path).voice for removed in self._trash.contents())
        with suppress(ArchiveError):
            sweep(self.models, [voice.model for voice in (*self.voices(), *removed)])

    @staticmethod
    def _is_builtin(voice_id: str) -> bool:
        return any(voice.id == voice_id for voice in builtin_voices())

    def _file(self, voice_id: str) -> Path:
        """The file of a voice there is. Raises LibraryError."""
        if voice_id not in self._folder.ids():
            raise LibraryError(f"There is no voice '{voice_id}' in the library.")
        return self._file_of(voice_id)

    def _file_of(self, voice_id: str) -> Path:
        return self.path / f"{voice_id}{SUFFIX}"


def _changed(voice: Voice, changes: dict[str, Any]) -> Voice:
    if fixed := _FIXED & changes.keys():
        raise TypeError(f"{', '.join(fixed)} of a voice cannot change")
    return replace(voice, **changes)


def _with_face(archive: VoiceArchive) -> VoiceArchive:
    """The same with a picture and, if it has the colour of every voice, one of its own."""
    if archive.picture:
        return archive
    from voices.portrait import colour_of, draw_portrait  # numpy: not for who only looks

    voice = archive.voice
    if voice.embedding and voice.colour == Voice.colour:
        voice = replace(voice, colour=colour_of(voice.embedding))
    return replace(archive, voice=voice, picture=draw_portrait(voice))


def find_anywhere(name: str) -> Voice:
    """The voice with this id or name, of the user's library or built in: those need no library to open.

    Raises UnknownVoiceError, LibraryError.
    """
    try:
        return find_voice(name)
    except UnknownVoiceError:
        return Library.open().find(name)
