"""Work that takes longer than a frame, done beside the window in a process of low priority."""

from __future__ import annotations

import logging
import multiprocessing as mp
import os
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from PySide6.QtCore import QCoreApplication, QObject, Qt, Signal

from inference.background import be_gentle, uninterrupted

_log = logging.getLogger(__name__)

WORKERS = max(1, min(3, (os.cpu_count() or 1) // 4))
"""The call, the window and other programs need their share of the processor."""

OURS = {"audio", "gui", "inference", "voices"}
"""Packages whose exceptions carry a sentence for the user."""


class Jobs(QObject):
    """Runs module-level functions in a few processes that start with the first of them.

    `finished(key, result)` and `failed(key, sentence)` arrive in the window's thread; a job whose key was
    submitted again, or cancelled, is not heard of any more.

    >>> jobs = Jobs(parent)
    >>> jobs.finished.connect(lambda key, take: ...)
    >>> jobs.submit("A", render, source, voice, tuning)
    """

    finished = Signal(str, object)
    failed = Signal(str, str)
    _arrived = Signal(str, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool: ProcessPoolExecutor | None = None
        self._wanted: dict[str, Future[Any]] = {}
        self._arrived.connect(self._deliver, Qt.ConnectionType.QueuedConnection)

    @property
    def busy(self) -> bool:
        """Whether anything is still to come."""
        return bool(self._wanted)

    def submit(self, key: str, function: Callable[..., object], *arguments: object) -> None:
        """Runs `function(*arguments)`; both must be picklable."""
        self.cancel(key)
        if self._pool is None:
            context = mp.get_context("spawn")
            self._pool = ProcessPoolExecutor(WORKERS, mp_context=context, initializer=be_gentle)
        with uninterrupted():
            future = self._pool.submit(function, *arguments)
        self._wanted[key] = future
        future.add_done_callback(lambda done: self._pass_on(key, done))

    def cancel(self, key: str) -> None:
        """Forgets a job; one that runs goes on unheard."""
        future = self._wanted.pop(key, None)
        if future is not None:
            future.cancel()

    def close(self) -> None:
        """Forgets all and ends the processes after the jobs they are at."""
        self._wanted.clear()
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None

    def _pass_on(self, key: str, future: Future[Any]) -> None:
        """Runs in a thread of the pool."""
        try:
            self._arrived.emit(key, future)
        except RuntimeError:
            # The window is gone, and nobody waits.
            return

    def _deliver(self, key: str, future: Future[Any]) -> None:
        if self._wanted.get(key) is not future:
            return
        del self._wanted[key]
        try:
            result = future.result()
        except CancelledError:
            return
        except BrokenProcessPool:
            self._pool = None
            self.failed.emit(key, "The helper process stopped unexpectedly; try again.")
        except Exception as error:  # noqa: BLE001 whatever a job raises becomes a sentence
            self.failed.emit(key, self._sentence(error))
        else:
            self.finished.emit(key, result)

    def _sentence(self, error: Exception) -> str:
        if type(error).__module__.partition(".")[0] in OURS:
            return str(error)
        _log.error("a background job failed", exc_info=error)
        return f"That did not work ({type(error).__name__}); the log has the details."


def end_with(owner: QObject, close: Callable[[], object]) -> None:
    """Calls `close` when `owner` is destroyed or the application ends; `close` may use no child of it."""
    owner.destroyed.connect(lambda: close())
    app = QCoreApplication.instance()
    if app is not None:
        app.aboutToQuit.connect(close)
