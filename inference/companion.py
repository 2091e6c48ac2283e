"""A process beside the window's that starts with the first command that needs it."""

from __future__ import annotations

import multiprocessing as mp
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from typing import Any

from inference.background import uninterrupted


class Companion:
    """Commands go to `target(connection, status)` in a process of its own, messages come back by `poll`.

    A command of the type `begins` starts the process where none runs; others are passed over then. One
    thread uses it, and no call waits but `close`.
    """

    def __init__(
        self, name: str, target: Callable[[Connection, Any], None], status: Any, begins: type
    ) -> None:
        """`status`: shared memory that the process writes."""
        self._name, self._target, self._status, self._begins = name, target, status, begins
        self._conn: Connection | None = None
        self._process: Any = None
        self._closed = False
        # Starting a process and sending megabytes takes longer than a frame.
        self._sender = ThreadPoolExecutor(1, name)

    @property
    def pid(self) -> int | None:
        """Number of the process, None before it starts."""
        return self._process.pid if self._process is not None else None

    def send(self, command: object) -> None:
        """Passes a command on; after `close` it is passed over."""
        if not self._closed:
            self._sender.submit(self._deliver, command)

    def poll(self) -> tuple[list[Any], bool]:
        """Messages since the last call, and whether the process was found to have ended by itself."""
        found: list[Any] = []
        try:
            while self._conn and self._conn.poll():
                found.append(self._conn.recv())
        except (EOFError, OSError):
            self._conn = None
            return found, True
        return found, False

    def close(self, patience_s: float, terminate: bool) -> None:
        """Lets the process end by itself for a while; then ends it if `terminate`."""
        self._closed = True
        self._sender.shutdown(cancel_futures=True)
        if self._conn is not None:
            self._conn.close()
            self._conn = None
        if self._process is not None:
            self._process.join(timeout=patience_s)
            if terminate and self._process.is_alive():
                self._process.terminate()
            self._process = None

    def _deliver(self, command: object) -> None:
        """Runs in the sender's thread."""
        if self._conn is None:
            if not isinstance(command, self._begins):
                return
            context = mp.get_context("spawn")
            ours, theirs = context.Pipe()
            self._process = context.Process(
                target=self._target, args=(theirs, self._status), daemon=True, name=self._name
            )
            with uninterrupted():
                self._process.start()
            theirs.close()
            self._conn = ours
        try:
            self._conn.send(command)
        except OSError:
            # Its end is noticed, and told, by `poll`.
            return
