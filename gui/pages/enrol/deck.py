"""What the enrolment page knows: clips and their cards, the take going on, what is still missing."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QUndoCommand

from gui.control.worker import Worker
from gui.jobs import Jobs
from gui.pages.enrol.work import ClipReport, Wish, examine_file, make_voice_of, unfinished
from gui.session import Session
from inference.enrolment import MIN_SPEECH_S
from inference.quality.live import Advice
from inference.replay_player import Player
from inference.takes import TakeEnded, TakeFailed, TakeRecorder
from voices.home import home

POLL_MS = 40
_MAKE = "make"


def takes_folder() -> Path:
    """Where takes are kept until they are a voice."""
    return home() / "takes"


@dataclass(eq=False)
class Clip:
    """A recording on the page. `take`: it was recorded here. `report` comes when it has been heard."""

    path: Path
    take: bool
    number: int
    report: ClipReport | None = None
    problem: str = ""

    @property
    def title(self) -> str:
        """What the card is called."""
        return f"Take {self.number}" if self.take else self.path.name

    @property
    def refusal(self) -> str:
        """Why no voice can be made from it; empty where one can."""
        return self.problem or (self.report.card.refusal if self.report else "")


@dataclass
class Found:
    """Takes of an enrolment that was not finished."""

    paths: tuple[Path, ...] = ()
    seconds: float = 0.0


class EnrolDeck(QObject):
    """The page's logic; lives in the window's thread, works in processes beside it.

    `changed`: clips or their cards. `advised(Advice)`, `levelled(peak, rms)`, `timed(seconds, speech_s)`
    come while the microphone is open, `take_ended(problem)` after it. `made(Voice)`, `failed(sentence)` end
    `make`. `found(Found)`: an earlier enrolment was not finished.
    """

    changed = Signal()
    advised = Signal(object)
    levelled = Signal(float, float)
    timed = Signal(float, float)
    take_ended = Signal(str)
    made = Signal(object)
    failed = Signal(str)
    found = Signal(object)
    playing = Signal(object)

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.clips: list[Clip] = []
        self.making = False
        self.microphone: str | None = session.store.settings.devices.input
        self.takes = TakeRecorder()
        self.player = Player()
        self._worker = Worker(self)
        self._jobs = Jobs(self)
        self._jobs.finished.connect(self._done)
        self._jobs.failed.connect(self._gave_up)
        self._numbers = itertools.count(1)
        self._playing: Clip | None = None
        self._recorded: set[Path] = set()
        self._timer = QTimer(self)
        self._timer.setInterval(POLL_MS)
        self._timer.timeout.connect(self.poll)

    def look_for_unfinished(self) -> None:
        """Asks the disk for takes that never became a voice."""
        self._worker.do(lambda: unfinished(takes_folder()), self._offer, self.failed.emit)

    def add_files(self, paths: Sequence[Path], take: bool = False) -> None:
        """Listens to sound files and shows a card for each; one that is there already is left alone."""
        known = {clip.path for clip in self.clips}
        for path in paths:
            if path not in known:
                clip = Clip(path, take, next(self._numbers) if take else 0)
                self._recorded |= {path} if take else set()
                self.clips.append(clip)
                self._jobs.submit(str(path), examine_file, path)
        self.changed.emit()

    def remove(self, clip: Clip) -> None:
        """Takes a clip off the page, as an undoable step; its file stays until the voice is made."""
        self.session.undo.push(_Removal(self, clip))

    def listen(self) -> None:
        """Opens the microphone: level and advice, nothing is kept yet."""
        self.stop_playing()
        self.takes.listen(self.microphone)
        self._timer.start()

    def record(self) -> None:
        """Begins a take."""
        self.takes.record(takes_folder())

    def finish(self, keep: bool = True) -> None:
        """Ends the take; `take_ended` follows."""
        self.takes.finish(keep)

    def play(self, clip: Clip) -> None:
        """Plays a clip from its start, or stops the one that plays."""
        if self._playing is clip:
            self.stop_playing()
            return
        devices = self.session.store.settings.devices
        self.player.load_file(clip.path, devices.monitor)
        self.player.play()
        self._playing = clip
        self.playing.emit(clip)
        self._timer.start()

    def stop_playing(self) -> None:
        """Falls silent."""
        if self._playing is not None:
            self.player.pause()
            self._playing = None
            self.playing.emit(None)

    @property
    def speech_s(self) -> float:
        """Seconds of speech in the clips that can be used."""
        return sum(c.report.card.speech_s for c in self.clips if c.report and not c.refusal)

    @property
    def waiting(self) -> bool:
        """Whether a clip has not been heard yet."""
        return any(clip.report is None and not clip.problem for clip in self.clips)

    def missing(self) -> str:
        """What the recordings lack for a voice: a sentence, empty where nothing does."""
        if not self.clips:
            return "Record yourself, or add at least one sound file."
        if self.waiting:
            return "Listening to the recordings …"
        refused = next((clip for clip in self.clips if clip.refusal), None)
        if refused:
            return f"{refused.title} cannot be used: remove it, or replace it by a better one."
        if self.speech_s < MIN_SPEECH_S:
            return f"{self.speech_s:.0f} s of speech are too few: {MIN_SPEECH_S:.0f} s at least, better 30 s."
        return ""

    def make(self, wish: Wish) -> None:
        """Makes the voice of what is on the page; `made` or `failed` follows."""
        self.stop_playing()
        self.making = True
        self._jobs.submit(_MAKE, make_voice_of, wish)
        self.changed.emit()

    def clear(self) -> None:
        """Begins anew after a voice was made: takes are deleted, the voice keeps their best parts."""
        for path in self._recorded:
            path.unlink(missing_ok=True)
        self._recorded.clear()
        self.clips.clear()
        self.changed.emit()

    def close(self) -> None:
        """Ends the processes; a take that goes on is kept."""
        self._timer.stop()
        self.takes.close()
        self.player.close()
        self._jobs.close()
        self._worker.close()

    def poll(self) -> None:
        """Hands on what recorder and player have to say."""
        for event in self.takes.poll():
            match event:
                case Advice():
                    self.advised.emit(event)
                case TakeEnded(files, _, problem):
                    self.add_files(files, take=True)
                    self.take_ended.emit(problem)
                case TakeFailed(reason):
                    self.take_ended.emit(reason)
                    self.look_for_unfinished()
        for failure in self.player.poll():
            self.stop_playing()
            self.failed.emit(failure.reason)
        if self._playing is not None and not self.player.playing:
            self.stop_playing()
        self.levelled.emit(self.takes.peak, self.takes.rms)
        self.timed.emit(self.takes.seconds, self.takes.speech_s)

    def _done(self, key: str, result: object) -> None:
        if key == _MAKE:
            self.making = False
            self.made.emit(result)
        elif isinstance(result, ClipReport):
            for clip in self.clips:
                if str(clip.path) == key:
                    clip.report = result
        self.changed.emit()

    def _offer(self, takes: Sequence[tuple[Path, float]]) -> None:
        here = {clip.path for clip in self.clips}
        left = [(path, seconds) for path, seconds in takes if path not in here]
        if left:
            self.found.emit(Found(tuple(p for p, _ in left), sum(s for _, s in left)))

    def _gave_up(self, key: str, sentence: str) -> None:
        if key == _MAKE:
            self.making = False
            self.failed.emit(sentence)
        for clip in self.clips:
            if str(clip.path) == key:
                clip.problem = sentence
        self.changed.emit()


class _Removal(QUndoCommand):
    """A clip taken off the page."""

    def __init__(self, deck: EnrolDeck, clip: Clip) -> None:
        super().__init__(f"Remove {clip.title}")
        self._deck, self._clip = deck, clip
        self._at = deck.clips.index(clip)

    def redo(self) -> None:
        """Takes it off."""
        if self._clip in self._deck.clips:
            self._deck.stop_playing()
            self._deck.clips.remove(self._clip)
            self._deck.changed.emit()

    def undo(self) -> None:
        """Puts it back, if its file is still there."""
        if not self._clip.path.exists():
            return
        self._deck.clips.insert(min(self._at, len(self._deck.clips)), self._clip)
        self._deck.changed.emit()
