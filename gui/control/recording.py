"""Recording the call: begun, ended, told about; and what a crash left, finished at the next start."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from audio.recorder import RecordingEnded, RecordingError, recover
from gui.control.notice import Notice
from gui.pages.recordings_store import RecordingStore, recordings_folder
from inference.engine.messages import RecordWhat
from inference.engine.recording import RecordingProgress
from voices.files import FileError

if TYPE_CHECKING:
    from gui.session import Session

PAGE = "recordings"
_RECOVER_MS = 1500
"""After the start, when the window has been painted."""


class RecordingController(QObject):
    """At most one recording at a time. `changed`: it began or ended, or the folder holds something new."""

    changed = Signal()
    _recovered = Signal(object)

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self._voice = ""
        self.going = self.ending = False
        self._recovered.connect(self._tell_recovered)
        QTimer.singleShot(_RECOVER_MS, self, self._recover)

    @property
    def progress(self) -> RecordingProgress | None:
        """How far the recording is; None when there is none."""
        return self._session.engine.recording if self._session.engine and self.going else None

    def toggle(self, what: RecordWhat = RecordWhat.BOTH) -> None:
        """Begins or ends."""
        if self.going:
            self.stop()
        else:
            self.start(what)

    def start(self, what: RecordWhat = RecordWhat.BOTH) -> None:
        """Begins to record; without a call running, says what to do first."""
        engine = self._session.engine
        if engine is None or not self._session.running:
            self._complain("There is nothing to record yet: press Start first.")
            return
        try:
            engine.start_recording(recordings_folder(), what)
        except RecordingError as error:
            self._complain(str(error))
            return
        except OSError as error:
            self._complain(f"The folder for recordings cannot be made ({error.strerror}).")
            return
        self._voice = self._session.voice.name if self._session.voice else ""
        self.going = True
        self.changed.emit()

    def stop(self) -> None:
        """Ends it; `finish` follows when its files are whole, which is seconds later on a busy computer."""
        if self._session.engine and self.going:
            self.ending = True
            self._session.engine.stop_recording()
            self.changed.emit()

    def finish(self, ended: RecordingEnded) -> None:
        """Takes what the engine says about the end."""
        self.going = self.ending = False
        if ended.files:
            self._note(ended.files)
            self._session.say(
                Notice(
                    f"Recorded {clock(ended.seconds)}.", "toast", "Show", lambda: self._session.go_to(PAGE)
                )
            )
        if ended.problem:
            self._complain(ended.problem)
        elif ended.lost_samples:
            self._complain("This computer was too busy for a moment; the recording has short silences.")
        self.changed.emit()

    def _note(self, files: tuple[Path, ...]) -> None:
        try:
            RecordingStore(files[0].parent).note_voice(files, self._voice)
        except FileError as error:
            self._complain(str(error))

    def _recover(self) -> None:
        """Finishes what a crash left, in a thread: joining an hour takes seconds."""
        try:
            folder = recordings_folder()
        except OSError:
            return
        threading.Thread(target=self._look, args=(folder,), name="recover recordings", daemon=True).start()

    def _look(self, folder: Path) -> None:
        files = recover(folder)
        try:
            if files:
                self._recovered.emit(files)
        except RuntimeError:
            # The window is gone; the files are there at the next start.
            return

    def _tell_recovered(self, files: tuple[Path, ...]) -> None:
        names = " and ".join(path.stem for path in files[:2]) + (" and more" if len(files) > 2 else "")
        self._session.say(
            Notice(
                f"A recording that was cut short has been saved: {names}.",
                action="Show",
                do=lambda: self._session.go_to(PAGE),
            )
        )
        self.changed.emit()

    def _complain(self, sentence: str) -> None:
        self._session.say(Notice(sentence, "danger"))


def clock(seconds: float) -> str:
    """Returns minutes and seconds, with hours where there are any: 1:05, 1:02:03."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
