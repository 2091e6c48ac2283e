"""A refinement as a job on disk: begun, stopped, gone on with after a restart, finished or thrown away.

A job is a folder, `home()/refine/ID-OF-THE-VOICE`: the recordings, `job.json`, written last when it is made,
and the tuning's `state.npz`, replaced whole every few steps. No torch here: `work` does the tuning.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from voices.files import TEMPORARY_PREFIX, FileError, write_bytes, write_text
from voices.home import home
from voices.voice import Voice, VoiceKind

if TYPE_CHECKING:
    from inference.refine.material import Material

FORMAT = 1
_ABOUT, _STATE, _LOCK = "job.json", "state.npz", ".lock"


class RefineError(ValueError):
    """A refinement that cannot be begun or gone on with; the message is one sentence for the user."""


@dataclass(frozen=True)
class About:
    """What a job is for: the voice tuned, and what the new voice is to be called."""

    voice_id: str
    voice_name: str
    name: str
    speech_s: float
    share: float = 0.0


@dataclass(frozen=True)
class Job:
    """One job on disk. `about.share` is how far it was when it was last looked at, 0 to 1."""

    folder: Path
    about: About

    @staticmethod
    def begin(voice: Voice, name: str, material: Material, root: Path | None = None) -> Job:
        """Makes the folder. Raises RefineError, FileError."""
        check_voice(voice)
        folder = (root or jobs_folder()) / voice.id
        if _read(folder) is not None:
            raise RefineError(
                f"'{voice.name}' is being refined already; go on with that, or throw it away first."
            )
        try:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RefineError(
                f"{folder} cannot be written ({error.strerror}); make room and try again."
            ) from error
        about = About(voice.id, voice.name, name, round(material.speech_s, 1))
        try:
            material.save(folder)
            write_text(folder / _ABOUT, json.dumps({"format": FORMAT, **asdict(about)}))
        except FileError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return Job(folder, about)

    def material(self) -> Material:
        """The recordings. Raises MaterialError."""
        from inference.refine.material import Material  # scipy, which the window starts without

        return Material.load(self.folder)

    def state(self) -> bytes:
        """What the tuning saved last; empty before it did."""
        try:
            return (self.folder / _STATE).read_bytes()
        except OSError:
            return b""

    def keep(self, state: bytes, share: float) -> None:
        """Replaces the tuning's state. Raises FileError."""
        write_bytes(self.folder / _STATE, state)
        about = {"format": FORMAT, **asdict(self.about), "share": round(share, 3)}
        write_text(self.folder / _ABOUT, json.dumps(about))

    @contextmanager
    def lock(self) -> Iterator[None]:
        """In the block nobody else works on it. Raises RefineError where another one does or did."""
        lock = FileLock(self.folder / _LOCK)
        try:
            lock.acquire(timeout=0)
        except (Timeout, OSError) as error:
            if _read(self.folder) is None:
                raise self._ended() from error
            raise RefineError(
                f"'{self.about.voice_name}' is being refined by another Menura; wait for it."
            ) from error
        try:
            if _read(self.folder) is None:
                raise self._ended()
            yield
        finally:
            lock.release()

    def discard(self) -> None:
        """Throws it away; whoever does has its `lock`.

        At one stroke: another process may begin a new one of this name while files are still being deleted.
        """
        gone = self.folder.with_name(f"{TEMPORARY_PREFIX}{secrets.token_hex(8)}")
        try:
            os.replace(self.folder, gone)
        except OSError:
            # Windows, where the lock's file is open; without its `job.json` it is no job.
            gone = self.folder
            with suppress(OSError):
                (gone / _ABOUT).unlink()
        shutil.rmtree(gone, ignore_errors=True)

    def _ended(self) -> RefineError:
        return RefineError(
            f"'{self.about.voice_name}' is not being refined any more: that was finished or thrown away."
        )


def jobs_folder() -> Path:
    """Where jobs lie."""
    return home() / "refine"


def unfinished(root: Path | None = None) -> list[Job]:
    """Jobs that were begun and neither finished nor thrown away; remains of a crash are not among them."""
    try:
        folders = sorted(path for path in (root or jobs_folder()).iterdir() if path.is_dir())
    except OSError:
        return []
    found = [(folder, _read(folder)) for folder in folders]
    return [Job(folder, about) for folder, about in found if about is not None]


def check_voice(voice: Voice) -> None:
    """Raises RefineError for a voice that has no style to tune."""
    if voice.kind is not VoiceKind.NEURAL or not voice.embedding:
        raise RefineError(f"'{voice.name}' is no neural voice of Menura; only those can be refined.")


def _read(folder: Path) -> About | None:
    try:
        found = json.loads((folder / _ABOUT).read_text())
        if found.pop("format") != FORMAT:
            return None
        about = About(**found)
        return about if 0 <= float(about.share) <= 1 and about.voice_id == folder.name else None
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
