"""A process of the engine, as the supervisor sees it."""

from __future__ import annotations

import multiprocessing as mp
from collections.abc import Callable
from typing import Any

import psutil

from audio.priority import hurry
from inference.background import uninterrupted
from inference.engine.shared import SharedBlock


class Child:
    """A process and the pipe to it."""

    def __init__(self, target: Callable[..., None], shared: SharedBlock, *arguments: Any) -> None:
        context = mp.get_context("spawn")
        self.conn, theirs = context.Pipe()
        self._process = context.Process(
            target=target,
            args=(shared.name, theirs, *arguments),
            daemon=True,
            name=f"menura {target.__name__}",
        )
        # The interpreter starts at a priority too: on a busy machine that alone took seconds, in silence.
        with hurry(), uninterrupted():
            self._process.start()
        theirs.close()
        self._usage = psutil.Process(self._process.pid)

    @property
    def pid(self) -> int:
        """Process number."""
        return self._process.pid or 0

    @property
    def sentinel(self) -> int:
        """What `multiprocessing.connection.wait` takes, ready when the process ends."""
        return self._process.sentinel

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.is_alive()

    def send(self, message: object) -> None:
        """Sends; a process that is gone hears nothing, and its end is noticed elsewhere."""
        try:
            self.conn.send(message)
        except OSError:
            return

    def messages(self) -> list[Any]:
        """What has arrived; what was sent before a crash is not lost."""
        arrived = []
        try:
            while self.conn.poll():
                arrived.append(self.conn.recv())
        except (EOFError, OSError):
            pass
        return arrived

    def measure(self) -> tuple[float, float]:
        """(CPU % of one core since the last call, resident MB)."""
        try:
            return self._usage.cpu_percent(), self._usage.memory_info().rss / 1e6
        except psutil.Error:
            return 0.0, 0.0

    def close(self, patience_s: float = 0.5) -> None:
        """Lets the process end by itself for a moment, then ends it."""
        self.conn.close()
        self._process.join(patience_s)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
