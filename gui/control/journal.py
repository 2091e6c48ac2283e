"""What happened to the call, a line each: for people to read, kept in a file, exported with the black box."""

from __future__ import annotations

import logging
import re
from collections import deque
from datetime import datetime
from functools import partial
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from gui.control.worker import Worker
from inference.engine.messages import EngineState, Mode, StreamsOpened
from inference.engine.telemetry import Telemetry

if TYPE_CHECKING:
    from gui.session import Session

LINES = 500
"""Lines kept in memory; the file keeps more."""

READ_MS = 5000
_FILE_BYTES = 256 * 1024

_STATES = {
    EngineState.STOPPED: "Stopped",
    EngineState.STARTING: "Starting",
    EngineState.RUNNING: "Live",
    EngineState.DEGRADED: "Limited",
    EngineState.FAILED: "Failed",
}
_PLURAL = re.compile(r"(?<=\w\w)s\b")
_HEARS = {Mode.CONVERTED: "the chosen voice", Mode.BYPASS: "your own voice", Mode.MUTE: "nothing"}


class Journal(QObject):
    """`added(line)`: something happened. While the engine runs, its counters are looked at every 5 s.

    `looked(telemetry)` passes each such reading on; it comes where the window is hidden too.
    """

    added = Signal(str)
    looked = Signal(object)
    exported = Signal(str)
    failed = Signal(str)

    def __init__(self, session: Session, folder: Path) -> None:
        super().__init__(session)
        self._session = session
        self.lines: deque[str] = deque(maxlen=LINES)
        self._file = _open(folder / "journal.log")
        self._worker = Worker(self)
        self._counted: dict[str, int] = {}
        self._timer = QTimer(self)
        self._timer.setInterval(READ_MS)
        self._timer.timeout.connect(self._look)
        session.state_changed.connect(self._state)
        session.streams_opened.connect(self._opened)
        session.voice_ready.connect(lambda voice_id: self.add(f"Voice: {self._name(voice_id)}."))
        session.voice_failed.connect(
            lambda voice_id, why: self.add(f"Voice {self._name(voice_id)} failed: {why}")
        )
        session.params_changed.connect(lambda params: self._mode(params.mode))
        self._last_mode = session.params.mode
        self._last_state = (session.state, "")

    def add(self, sentence: str) -> None:
        """Notes a line with the time of day."""
        line = f"{datetime.now().astimezone():%Y-%m-%d %H:%M:%S}  {sentence}"
        self.lines.append(line)
        self._file.info(line)
        self.added.emit(line)

    def export(self, path: Path) -> None:
        """Writes the black box there, beside the window's thread; `exported` or `failed` follows."""
        # Reads sound files: not wanted at the window's start.
        from inference.blackbox import SECONDS, write_black_box

        engine = self._session.engine
        if engine is None:
            self.failed.emit("Nothing was recorded yet: start the engine first.")
            return
        work = partial(write_black_box, path, engine.history(SECONDS), engine.telemetry(), tuple(self.lines))
        self._worker.do(work, lambda _: self.exported.emit(str(path)), self.failed.emit)

    def close(self) -> None:
        """Finishes what is being written."""
        self._timer.stop()
        self._worker.close()
        for handler in list(self._file.handlers):
            handler.close()
            self._file.removeHandler(handler)

    def _state(self, state: EngineState, reason: str) -> None:
        # The session says that it starts, and then the engine does.
        if (state, reason) != self._last_state:
            self._last_state = (state, reason)
            self.add(f"{_STATES[state]}{': ' if reason else '.'}{reason}")
        if self._session.running and not self._timer.isActive():
            self._counted = {}
            self._timer.start()
        elif not self._session.running:
            self._timer.stop()

    def _opened(self, streams: StreamsOpened) -> None:
        self.add(
            f"Devices: '{streams.input_device}' to '{streams.output_device}', {streams.sample_rate} Hz, "
            f"blocks of {streams.block_frames or 'any'} frames."
        )

    def _name(self, voice_id: str) -> str:
        return next((voice.name for voice in self._session.voices if voice.id == voice_id), voice_id)

    def _mode(self, mode: Mode) -> None:
        if mode != self._last_mode:
            self._last_mode = mode
            self.add(f"The call hears {_HEARS[mode]}.")

    def _look(self) -> None:
        if self._session.engine is None:
            return
        telemetry = self._session.engine.telemetry()
        now = counters(telemetry)
        told = [
            _counted(now[name] - self._counted[name], name)
            for name in self._counted
            if now[name] > self._counted[name]
        ]
        if told:
            self.add(f"In {READ_MS // 1000} s: {', '.join(told)}; latency {telemetry.latency.total:.0f} ms.")
        self._counted = now
        self.looked.emit(telemetry)


def counters(telemetry: Telemetry) -> dict[str, int]:
    """What a listener may have noticed, counted since the engine began."""
    return {
        "late cycles of the device": telemetry.xruns.total,
        "late hops": telemetry.xruns.late_blocks,
        "ms of sound lost": round(1000 * telemetry.lost_s),
        "restarts of the converter": telemetry.worker_restarts,
        "restarts of the streams": telemetry.stream_restarts,
        "failures of Core ML, ONNX Runtime speaks": telemetry.runtime_failures,
    }


def _counted(count: int, name: str) -> str:
    """The number with its name, which is in the plural."""
    return f"{count} {name}" if count > 1 else f"{count} {_PLURAL.sub('', name, count=1)}"


def _open(path: Path) -> logging.Logger:
    """A log of its own for this file; where it cannot be written, lines live in memory alone."""
    log = logging.Logger(f"menura.journal.{path}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(path, maxBytes=_FILE_BYTES, backupCount=1, encoding="utf-8")
    except OSError:
        return log
    handler.setFormatter(logging.Formatter("%(message)s"))
    log.addHandler(handler)
    return log
