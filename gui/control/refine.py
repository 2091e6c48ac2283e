"""Refining a voice beside the window: begun from recordings, stopped, gone on with, thrown away."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from gui.control.notice import Notice
from gui.jobs import end_with
from inference.refine.events import Begun, Ended, Event, Outcome, Progress
from inference.refine.job import Job, RefineError, check_voice, unfinished
from inference.refine.process import Begin, RefineProcess, missing_torch
from voices.voice import Voice, VoiceKind

if TYPE_CHECKING:
    from gui.session import Session

POLL_MS = 250


@dataclass(frozen=True)
class Work:
    """What is shown of a refinement.

    `going` is False where it was stopped and waits to be gone on with, `begun` while its recordings are
    being taken in: until then there is nothing to go on with.
    """

    voice_id: str
    name: str
    going: bool
    stage: str = ""
    share: float = 0.0
    left_s: float | None = None
    begun: bool = True


class _Running:
    """The process at work, apart from the controller, for when that is gone."""

    def __init__(self) -> None:
        self.process: RefineProcess | None = None

    def close(self) -> None:
        """Ends it."""
        if self.process is not None:
            self.process.close()
            self.process = None


class RefineController(QObject):
    """One refinement at a time. `changed(work)`: None where there is none."""

    changed = Signal(object)

    def __init__(
        self, session: Session, parent: QObject, start: Callable[[Begin], RefineProcess] = RefineProcess
    ) -> None:
        super().__init__(parent)
        self._session, self._start = session, start
        self.work: Work | None = None
        self._ending = False
        self._timer = QTimer(self)
        self._timer.setInterval(POLL_MS)
        self._timer.timeout.connect(self._poll)
        self._running = running = _Running()
        end_with(self, running.close)
        for job in unfinished()[:1]:
            self._show(Work(job.about.voice_id, job.about.voice_name, False, share=job.about.share))
        session.voice_changed.connect(self._look_at)

    def refusal(self, voice: Voice) -> str:
        """Why the voice cannot be refined now, as a sentence; empty where it can."""
        try:
            if voice.kind is not VoiceKind.RVC:
                check_voice(voice)
        except RefineError as error:
            return str(error)
        if self.work is not None:
            return f"{self.work.name} is being refined: wait for it, or throw that away first."
        return missing_torch()

    def begin(self, voice: Voice, paths: Sequence[Path]) -> None:
        """Refines a copy of the voice with recordings of its speaker; an RVC voice says any first."""
        sentence = self.refusal(voice)
        if sentence:
            self._session.say(Notice(sentence, "danger"))
        elif paths:
            self._show(Work(voice.id, voice.name, True, "Starting", begun=False))
            self._run(Begin(voice.id, self._session.library.library.path, files=tuple(paths)))

    def resume(self) -> None:
        """Goes on with what was stopped."""
        job = next((j for j in unfinished() if self.work and j.about.voice_id == self.work.voice_id), None)
        if job is None:
            self._show(None)
        elif self._running.process is None:
            self._go(job)

    def stop(self) -> None:
        """Ends the work soon; what is done is kept, of one that has not begun yet nothing."""
        if self._running.process is not None and self.work is not None:
            self._running.process.stop()
            self._ending = True
            self._show(replace(self.work, stage="Ending", left_s=None))

    def discard(self) -> None:
        """Throws away what was stopped."""
        if self._running.process is None and self.work is not None:
            for job in unfinished():
                if job.about.voice_id == self.work.voice_id:
                    try:
                        with job.lock():
                            job.discard()
                    except RefineError as error:
                        self._session.say(Notice(str(error), "danger"))
                        return
            self._show(None)

    def _go(self, job: Job) -> None:
        share = max(job.about.share, self.work.share if self.work else 0.0)
        self._show(Work(job.about.voice_id, job.about.voice_name, True, "Starting", share))
        self._run(Begin(job.about.voice_id, self._session.library.library.path))

    def _run(self, begin: Begin) -> None:
        self._running.process, self._ending = self._start(begin), False
        self._timer.start()

    def _poll(self) -> None:
        process = self._running.process
        if process is None:
            return
        for event in process.poll():
            self._take(event)

    def _take(self, event: Event) -> None:
        work = self.work
        if work is None:
            return
        match event:
            case Progress(stage, share, left_s) if not self._ending:
                # Gone on with, it listens again first: what was done is not undone.
                shown = max(share, work.share) if work.begun else share
                self._show(replace(work, going=True, stage=stage, share=shown, left_s=left_s))
            case Begun(about):
                self._show(Work(about.voice_id, about.voice_name, True, "Starting"))
                self._session.library.look()
            case Outcome():
                self._finish()
                self._show(None)
                self._tell(work, event)
            case Ended(reason, kept):
                self._finish()
                self._show(replace(work, going=False) if kept else None)
                if reason:
                    self._session.say(Notice(reason, "danger"))

    def _finish(self) -> None:
        self._timer.stop()
        self._running.close()

    def _tell(self, work: Work, outcome: Outcome) -> None:
        before, after = (f"{value:.0%}" for value in outcome.judgement.likeness)
        voice = outcome.voice
        if voice is None:
            self._session.say(Notice(f"{work.name} stays as it is. {outcome.reason}"))
            return
        sentence = f"{voice.name} stands beside {work.name} now: likeness {before} before, {after} after."
        self._session.library.look()
        self._session.say(Notice(sentence, "info", "Use it", lambda: self._session.choose_voice(voice.id)))

    def _show(self, work: Work | None) -> None:
        self.work = work
        self.changed.emit(work)

    def _look_at(self, voice: Voice | None) -> None:
        """Says so where the voice chosen was refined for networks of another version."""
        if voice is None or voice.refinement is None:
            return
        from inference.neural.models import ModelError, model_checksum

        try:
            fits = voice.refinement.base == model_checksum()
        except ModelError:
            return
        if not fits:
            sentence = f"{voice.name} was refined for other networks and speaks unrefined; refine it again."
            self._session.say(Notice(sentence))
