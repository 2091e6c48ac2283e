"""The voices in the window: which there are, and what the user does with them, undoable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from gui.control.notice import Notice
from gui.control.worker import Worker
from gui.tuning import Change
from inference.usual_pitch import UsualPitch
from voices.folder import DamagedVoice
from voices.library import Library
from voices.trash import Removed
from voices.voice import Voice

if TYPE_CHECKING:
    from gui.session import Session

LOOK_MS = 1000
SUFFIX = ".menura"


@dataclass
class _Taken:
    """Voices of one undoable step: in the library, or in its trash."""

    voices: list[str]
    removed: list[Removed]
    chosen: str = ""


class LibraryController(QObject):
    """Does everything with files beside the window's thread; `changed`: other voices, or damaged ones."""

    changed = Signal()

    def __init__(self, session: Session, library: Library) -> None:
        super().__init__(session)
        self._session = session
        self.library = library
        self.worker = Worker(self)
        self._revision = library.revision
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self.look)

    @property
    def voices(self) -> tuple[Voice, ...]:
        """Every voice that can be used: built-in ones first."""
        return self.library.voices()

    @property
    def damaged(self) -> tuple[DamagedVoice, ...]:
        """Files that hold no usable voice."""
        return self.library.damaged()

    def find(self, voice_id: str) -> Voice | None:
        """Returns the voice with this id."""
        return next((v for v in self.voices if v.id == voice_id), None)

    def watch(self, on: bool) -> None:
        """Looks once a second for what other processes changed."""
        if on:
            self._timer.start()
        else:
            self._timer.stop()

    def look(self) -> None:
        """Takes over what other processes changed."""
        if not self.worker.busy:
            self.worker.do(self.library.refresh, lambda _: self._refresh(), self._fail)

    def import_files(self, paths: Sequence[Path]) -> None:
        """Adds voice files, as one undoable step; says which could not be added and why."""
        if paths:
            self.worker.do(partial(self._import, tuple(paths)), self._show_imported, self._fail)

    def take_in(self, voice: Voice) -> None:
        """Shows a voice that another process has just added, as an undoable step."""
        self.worker.do(self.library.refresh, lambda _: self._show_imported(([voice], [])), self._fail)

    def export_file(self, voice_id: str, path: Path) -> None:
        """Writes a voice file to share."""
        voice = self.find(voice_id)
        if voice is None:
            return
        done = Notice(f"{voice.name} was written to {path.name}.", "toast")
        self.worker.do(
            lambda: self.library.export_file(voice_id, path), lambda _: self._session.say(done), self._fail
        )

    def rename(self, voice_id: str, name: str) -> None:
        """Gives a voice another name, as an undoable step."""
        voice = self.find(voice_id)
        if voice and name != voice.name:
            self._session.undo.push(
                Change(f"Rename {voice.name}", voice.name, name, partial(self._rename, voice_id))
            )

    def set_pitch(self, voice_id: str, pitch: UsualPitch) -> None:
        """Says where a voice usually speaks, as an undoable step."""
        voice = self.find(voice_id)
        old = UsualPitch.of(voice) if voice else pitch
        if pitch != old:
            what = f"Usual pitch of {voice.name if voice else voice_id}"
            self._session.undo.push(Change(what, old, pitch, partial(self._set_pitch, voice_id)))

    def remove(self, voice_id: str) -> None:
        """Moves a voice, damaged or not, to the library's trash, as an undoable step."""
        voice = self.find(voice_id)
        name = voice.name if voice else voice_id
        chosen = voice_id if voice_id == self._session.voice_id else ""
        taken = _Taken([voice_id], [], chosen)
        undo = self._session.undo
        undo.push(Change(f"Remove {name}", False, True, lambda gone: self._put(taken, bool(gone))))
        self._session.say(Notice(f"{name} was removed.", "toast", "Undo", undo.undo))

    def close(self) -> None:
        """Finishes what was begun."""
        self._timer.stop()
        self.worker.close()

    def _import(self, paths: tuple[Path, ...]) -> tuple[list[Voice], list[str]]:
        """Runs in the worker's thread."""
        added, problems = [], []
        for path in paths:
            try:
                added.append(self.library.import_file(path))
            except (ValueError, OSError) as error:
                problems.append(f"{path.name} could not be added: {error}")
        return added, problems

    def _show_imported(self, result: tuple[list[Voice], list[str]]) -> None:
        added, problems = result
        self._refresh()
        if added:
            names = ", ".join(v.name for v in added[:3]) + (f" and {len(added) - 3} more" * (len(added) > 3))
            taken = _Taken([v.id for v in added], [])
            first = _Once(lambda there: self._put(taken, not there))
            undo = self._session.undo
            undo.push(Change(f"Add {names}", False, True, first))
            self._session.say(Notice(f"{names} added.", "toast", "Undo", undo.undo))
        if problems:
            more = f" ({len(problems) - 1} more files failed.)" if len(problems) > 1 else ""
            self._session.say(Notice(problems[0] + more, "danger"))

    def _put(self, taken: _Taken, gone: bool) -> None:
        """Takes voices out of the library, or brings them back."""

        def work() -> None:
            if gone:
                taken.removed = [self.library.remove(voice_id) for voice_id in taken.voices]
            else:
                taken.voices = [self.library.restore(removed).id for removed in taken.removed]

        def then(_: None) -> None:
            self._refresh()
            if taken.chosen and not gone:
                self._session.choose_voice(taken.voices[0])

        self.worker.do(work, then, self._fail)

    def _rename(self, voice_id: str, name: object) -> None:
        self.worker.do(
            lambda: self.library.rename(voice_id, str(name)), lambda _: self._refresh(), self._fail
        )

    def _set_pitch(self, voice_id: str, pitch: UsualPitch) -> None:
        self.worker.do(
            lambda: self.library.update(voice_id, **pitch.fields()), lambda _: self._refresh(), self._fail
        )

    def _refresh(self) -> None:
        if self.library.revision != self._revision:
            self._revision = self.library.revision
            self.changed.emit()

    def _fail(self, sentence: str) -> None:
        self._refresh()
        self._session.say(Notice(sentence, "danger"))


class _Once:
    """Passes the first call over: a step that is put on the undo stack when it has been done already."""

    def __init__(self, apply: object) -> None:
        self._apply = apply
        self._done = True

    def __call__(self, value: object) -> None:
        if self._done:
            self._done = False
        else:
            self._apply(value)  # type: ignore[operator]
