"""One run of the call check: streams, far end, phrase, judgement; beside the window's thread throughout."""

from __future__ import annotations

from enum import Enum, auto
from math import inf
from time import monotonic
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer, Signal

from audio.cables import far_end
from audio.devices import Device
from gui.control.worker import Worker
from gui.jobs import Jobs, end_with
from inference.call_check import Evidence, Result, judge, phrase, sent_during
from inference.converter import MODEL_RATE
from inference.engine.messages import EngineState, Mode
from inference.engine.phrase import PhraseError
from inference.engine.telemetry import Telemetry
from inference.f0 import median_hz
from inference.far_end import FarEnd, FarEndFailed, Listening, Recording

if TYPE_CHECKING:
    from gui.engine_port import EnginePort
    from gui.session import Session

TICK_MS = 50
_PATIENCE_S = 30.0
_HISTORY_S = 20.0
_SETTLE_S = 1.0
"""A sound server that gets another listener plans anew, and may be late once: no fault of the call."""

_SHARES = (0.15, 0.85)
"""Of the progress: until the phrase begins, and until it has ended."""


class Step(Enum):
    """Where a run is."""

    IDLE = auto()
    STARTING = auto()
    LISTENING = auto()
    SPEAKING = auto()
    COLLECTING = auto()
    JUDGING = auto()


def _measured_phrase() -> tuple[NDArray[np.float32], float]:
    """What is said, and the median F0 of who says it."""
    samples = phrase()
    return samples, median_hz(samples, MODEL_RATE)


class CallCheckController(QObject):
    """`changed`: the step, the progress, the result or the problem did. One run at a time.

    >>> check = CallCheckController(session, parent)
    >>> check.start()                  # goes live where it is not
    >>> check.result, check.problem    # one of them, in the end
    """

    changed = Signal()

    def __init__(self, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self.step, self.progress = Step.IDLE, 0.0
        self.result: Result | None = None
        self.problem = ""
        self._far: FarEnd | None = None
        self._no_far_end, self._ready_at = "", inf
        self._recording: Recording | None = None
        self._phrase: tuple[NDArray[np.float32], float] | None = None
        self._ticket = 0
        self._before = Telemetry()
        self._deadline = 0.0
        self._worker = Worker(self)
        self.jobs = Jobs(self)
        self.jobs.finished.connect(lambda _, result: self._finish(result))
        self.jobs.failed.connect(lambda _, sentence: self._fail(sentence))
        self._timer = QTimer(self)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self._tick)
        self._checked: tuple[str | None, str] = (None, "")
        session.devices.changed.connect(self._keep_if_true)
        session.voice_changed.connect(lambda _: self._keep_if_true())
        jobs = self.jobs
        end_with(self, jobs.close)

    @property
    def busy(self) -> bool:
        """Whether a run is under way."""
        return self.step is not Step.IDLE

    def start(self) -> None:
        """Begins a run."""
        if self.busy:
            return
        self.result, self.problem = None, ""
        self._checked = self._subject()
        self._no_far_end, self._ready_at, self._recording = "", inf, None
        if self._session.params.mode is not Mode.CONVERTED:
            self._fail("The call does not hear the converted voice now: choose Converted on the Live page.")
            return
        if not self._session.running:
            self._session.start()
        self._worker.do(_measured_phrase, self._take_phrase, self._fail)
        self._go(Step.STARTING, 0.0)
        self._timer.start()

    def stop(self) -> None:
        """Ends a run without a result."""
        if self.busy:
            self._fail("")

    def _subject(self) -> tuple[str | None, str]:
        """What a result is about: the call output and the voice."""
        return self._session.devices.settings.output, self._session.voice_id

    def _keep_if_true(self) -> None:
        """Drops a result that is about another output or voice than those chosen now."""
        if (self.result or self.problem) and not self.busy and self._subject() != self._checked:
            self.result, self.problem = None, ""
            self.changed.emit()

    def _take_phrase(self, measured: tuple[NDArray[np.float32], float]) -> None:
        self._phrase = measured

    def _go(self, step: Step, progress: float) -> None:
        self.step, self.progress = step, progress
        self._deadline = monotonic() + _PATIENCE_S
        self.changed.emit()

    def _tick(self) -> None:
        engine, session = self._session.engine, self._session
        if engine is None or session.state in (EngineState.FAILED, EngineState.STOPPED):
            self._fail("The engine stopped, so there is nothing to check: start it and check again.")
        elif monotonic() > self._deadline:
            self._fail("The check did not get on in time: stop and start the engine, then check again.")
        else:
            self._advance(engine)

    def _advance(self, engine: EnginePort) -> None:
        self._listen_to_far_end()
        match self.step:
            case Step.STARTING if engine.telemetry().running and not self._session.loading:
                self._open_far_end()
            case Step.LISTENING if self._phrase is not None and monotonic() >= self._ready_at:
                self._speak(engine, *self._phrase)
            case Step.SPEAKING:
                self._follow(engine)
            case Step.COLLECTING if self._recording is not None or self._far is None:
                self._judge(engine)

    def _open_far_end(self) -> None:
        """Opens the cable's other end, where there is one."""
        output = self._output()
        end = far_end(output, self._session.devices.listed) if output else None
        if end is not None:
            self._far = FarEnd(end.name)
        else:
            self._ready_at = 0.0
            name = f"'{output.label}'" if output else "The output"
            self._no_far_end = (
                f"{name} is no virtual cable that can be recorded, so this is what Menura sent there. For a "
                "call, choose a cable as output."
            )
        self._go(Step.LISTENING, 0.05)

    def _output(self) -> Device | None:
        devices = self._session.devices
        wanted = devices.settings.output
        return next(
            (d for d in devices.listed if d.name == wanted or (not wanted and d.is_default_output)), None
        )

    def _listen_to_far_end(self) -> None:
        for event in self._far.poll() if self._far else []:
            match event:
                case Listening():
                    self._ready_at = monotonic() + _SETTLE_S
                case Recording():
                    self._recording = event
                case FarEndFailed(reason):
                    self._no_far_end, self._ready_at = reason, 0.0
                    self._close_far_end()

    def _speak(self, engine: EnginePort, samples: NDArray[np.float32], speaker_hz: float) -> None:
        self._before = engine.telemetry()
        try:
            self._ticket = engine.play_phrase(samples, speaker_hz)
        except PhraseError as error:
            self._fail(str(error))
            return
        self._go(Step.SPEAKING, _SHARES[0])

    def _follow(self, engine: EnginePort) -> None:
        at = engine.phrase_progress(self._ticket)
        begin, end = _SHARES
        if not at.over:
            self.progress = begin + (end - begin) * at.played / max(1, at.hops)
            self.changed.emit()
        elif not at.complete:
            self._fail("The check was interrupted, for the streams stopped or were opened anew: check again.")
        else:
            if self._far:
                self._far.finish()
            self._go(Step.COLLECTING, end)

    def _judge(self, engine: EnginePort) -> None:
        progress = engine.phrase_progress(self._ticket)
        voice = self._session.voice
        evidence = Evidence(
            sent=sent_during(engine.history(_HISTORY_S), progress),
            began_at=progress.began_at,
            far_end=self._recording,
            before=self._before,
            after=engine.telemetry(),
            target=voice.embedding if voice else (),
            no_far_end=self._no_far_end,
        )
        self._close_far_end()
        self._timer.stop()
        self.jobs.submit("judge", judge, evidence)
        self._go(Step.JUDGING, 0.9)

    def _finish(self, result: object) -> None:
        if isinstance(result, Result):
            self.result = result
            self._session.journal.add(result.summary)
        self._go(Step.IDLE, 0.0)

    def _fail(self, sentence: str) -> None:
        """Ends the run; nothing of it goes on."""
        self._timer.stop()
        self.jobs.cancel("judge")
        if self.step is Step.SPEAKING and self._session.engine:
            self._session.engine.stop_phrase()
        self._close_far_end()
        self.problem = sentence
        if sentence:
            self._session.journal.add(f"Call check: {sentence}")
        self._go(Step.IDLE, 0.0)

    def _close_far_end(self) -> None:
        far, self._far = self._far, None
        if far:
            self._worker.do(far.close, lambda _: None, lambda _: None)
