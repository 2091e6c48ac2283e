"""Reads likeness and clarity of the live signal every moment, beside the window's thread."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, Qt, Signal

from gui.jobs import end_with
from inference.converter import MODEL_RATE
from inference.engine.messages import Mode
from inference.engine.telemetry import Scope, Telemetry
from inference.likeness import WINDOW_S, Reading, read
from voices.voice import Voice

if TYPE_CHECKING:
    from gui.session import Session

EVERY_S = 1.5
"""Seconds of signal between two readings; one reading takes 80 ms of one core of the build machine."""

_LOOKED_FOR_MS = 120.0
"""Delay that a reading finds by itself, and some more."""

_SIZE = round(WINDOW_S * MODEL_RATE)


class LikenessController(QObject):
    """Listens to `Session.scope_read`, which rests while the live page cannot be seen; so does this.

    `reading_changed(reading, voice)`. A thread does the work, one reading at a time: onnxruntime and
    numpy let the window's thread run meanwhile.
    """

    reading_changed = Signal(object, object)
    _arrived = Signal(object)

    def __init__(self, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._heard, self._spoken = np.zeros(_SIZE, np.float32), np.zeros(_SIZE, np.float32)
        self._fresh = 0
        self._late = 0
        self._thread = ThreadPoolExecutor(1, "likeness")
        self._going: Future[Reading] | None = None
        self._arrived.connect(self._take, Qt.ConnectionType.QueuedConnection)
        session.scope_read.connect(self._listen)
        session.telemetry_read.connect(self._keep_step)
        session.voice_ready.connect(lambda _: self._forget())
        session.voice_changed.connect(lambda _: self._forget())
        session.state_changed.connect(lambda *_: self._forget())
        thread = self._thread
        end_with(self, lambda: thread.shutdown(wait=False, cancel_futures=True))

    def _listen(self, scope: Scope) -> None:
        for kept, new in ((self._heard, scope.input), (self._spoken, scope.output)):
            new = new[-_SIZE:]
            kept[: _SIZE - new.size] = kept[new.size :].copy()
            kept[_SIZE - new.size :] = new
        self._fresh += scope.input.size
        if self._fresh >= EVERY_S * MODEL_RATE and self._going is None:
            self._begin()

    def _keep_step(self, telemetry: Telemetry) -> None:
        """Notes by how much the voice is later than a reading looks for by itself."""
        parts = telemetry.latency
        late_ms = parts.hop + parts.lookahead + parts.compute_p99 - _LOOKED_FOR_MS
        self._late = min(max(0, round(late_ms * MODEL_RATE / 1000)), _SIZE // 2)

    def _begin(self) -> None:
        session = self._session
        voice = session.voice
        if voice is None or session.loading or session.params.mode is not Mode.CONVERTED:
            return
        self._fresh = 0
        heard, spoken = self._heard[: _SIZE - self._late].copy(), self._spoken[self._late :].copy()
        self._going = self._thread.submit(read, heard, spoken, voice.embedding)
        self._going.add_done_callback(self._pass_on)

    def _pass_on(self, future: Future[Reading]) -> None:
        """Runs in the thread."""
        try:
            self._arrived.emit(future)
        except RuntimeError:
            # The window is gone, and nobody waits.
            return

    def _take(self, future: Future[Reading]) -> None:
        if future is not self._going:
            return
        self._going = None
        if future.exception() is None:
            self._tell(future.result(), self._session.voice)

    def _forget(self) -> None:
        """Another voice: what the one before said counts no more."""
        self._heard[:] = 0.0
        self._spoken[:] = 0.0
        self._fresh, self._going = 0, None
        self._tell(Reading(), self._session.voice)

    def _tell(self, reading: Reading, voice: Voice | None) -> None:
        self.reading_changed.emit(reading, voice)
