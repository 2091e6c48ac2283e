"""Work on the library's files beside the window's thread, one piece after the other."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from PySide6.QtCore import QObject, Qt, Signal

T = TypeVar("T")


class Worker(QObject):
    """One thread that does what it is given in order; results arrive in the window's thread.

    >>> worker.do(lambda: library.import_file(path), self._show_imported, self._say)
    """

    _arrived = Signal(object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._pool: ThreadPoolExecutor | None = None
        self._open = 0
        self._arrived.connect(lambda deliver: deliver(), Qt.ConnectionType.QueuedConnection)

    @property
    def busy(self) -> bool:
        """Whether anything is still to come."""
        return self._open > 0

    def do(self, work: Callable[[], T], then: Callable[[T], None], failed: Callable[[str], None]) -> None:
        """Runs `work`; `then` gets its result, `failed` what it raised (ValueError, OSError) in words."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(1, thread_name_prefix="library")
        self._open += 1
        future = self._pool.submit(work)
        future.add_done_callback(partial(self._pass_on, then, failed))

    def close(self) -> None:
        """Finishes what was begun; nothing is delivered any more."""
        if self._pool is not None:
            self._pool.shutdown(wait=True)
            self._pool = None

    def _pass_on(
        self, then: Callable[[Any], None], failed: Callable[[str], None], future: Future[Any]
    ) -> None:
        """Runs in the worker's thread."""
        self._arrived.emit(partial(self._deliver, then, failed, future))

    def _deliver(
        self, then: Callable[[Any], None], failed: Callable[[str], None], future: Future[Any]
    ) -> None:
        self._open -= 1
        try:
            result = future.result()
        except (ValueError, OSError) as error:
            failed(str(error))
        else:
            then(result)
