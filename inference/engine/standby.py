"""A process of the engine that has loaded its code already, for the one that has to be replaced.

While a process starts, the call hears silence: 0.2 to 0.4 s on a free machine, seconds on a busy one that
grants no priority. One in store takes that off both the worker and the audio process.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Semaphore
from typing import Any

from inference.engine.child import Child
from inference.engine.shared import SharedBlock

_LIGHT_S = 2.0
"""How long it stays with what an audio process needs: where a device is gone, one after the other is used."""

_AFTER_DEATH_S = 60.0
"""One that ended by itself would do so again: no memory, or a damaged installation."""


@dataclass(frozen=True)
class Become:
    """What a process in store is to be: a function of `inference.engine.entry`, and its own arguments."""

    target: Callable[..., None]
    arguments: tuple[Any, ...]


class Standby:
    """At most one process in store; the supervisor's thread uses it.

    >>> standby = Standby(shared, wake)
    >>> standby.prepare(now)                          # as often as you like
    >>> worker = standby.take(entry.worker)           # the one in store, or a new one
    """

    def __init__(self, shared: SharedBlock, wake: Semaphore) -> None:
        self._shared, self._wake = shared, wake
        self._not_before = 0.0
        self.child: Child | None = None

    def prepare(self, now: float) -> None:
        """Starts one where there is none. `now` by any one clock."""
        if self.child and not self.child.alive:
            self._not_before = now + _AFTER_DEATH_S
            self.close()
        if not self.child and now >= self._not_before:
            self.child = Child(spare, self._shared, self._wake)

    def take(self, target: Callable[..., None], *arguments: Any) -> Child:
        """The one in store or a new one, to run `target` of `inference.engine.entry`.

        `arguments`: what follows those that every process has.
        """
        child, self.child = self.child, None
        if child and child.alive:
            child.send(Become(target, arguments))
            return child
        if child:
            child.close(patience_s=0.0)
        return Child(target, self._shared, self._wake, *arguments)

    def close(self) -> None:
        """Ends the one in store."""
        if self.child:
            self.child.close(patience_s=0.0)
        self.child = None


def spare(shared_name: str, conn: Connection, wake: Semaphore) -> None:
    """The process: loads code, waits for `Become`, and is that.

    It touches neither rings nor audio library before: that lists the devices when it is loaded.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        import_module("inference.engine.audio_process")
        if not conn.poll(_LIGHT_S):
            import_module("inference.engine.worker")
        order: Become = conn.recv()
    except (EOFError, OSError):
        # The supervisor needs none any more.
        return
    order.target(shared_name, conn, wake, *order.arguments)
