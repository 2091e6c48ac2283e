"""Asks RealtimeKit for priorities, beside the threads that want them, and gives real time back in time.

RealtimeKit demands a limit on how long a real-time thread runs without a pause (`RLIMIT_RTTIME`, 200 ms),
at which the kernel kills the process. A converter may run for longer: a voice that the computer is too
slow for, a block of an RVC voice. So the limit has a softer one at half of it; there the kernel sends
SIGXCPU, and this module's thread, real-time itself, makes the busy ones ordinary until they had time to
calm down.
"""

from __future__ import annotations

import functools
import os
import signal
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from audio.rtkit import RealtimeKit

_NICE = -11
_CALM_S = 10.0
"""How long a thread that ran into the limit is an ordinary one. Each request counts: the service takes 25
in 20 s from all programs of a user together."""

_RING = b"\0"


class PriorityKeeper:
    """One for a process, with a thread of its own that sleeps but for requests and that signal.

    Each request answers in the future that it returns: what was granted in words, or RefusedError.
    """

    def __init__(self) -> None:
        self._ear, self._bell = socket.socketpair()
        self._bell.setblocking(False)
        self._wishes: deque[tuple[Callable[[RealtimeKit], str], Future[str]]] = deque()
        self._realtime: dict[int, int] = {}
        self._guarded = False
        self._again_at: float | None = None
        threading.Thread(target=self._run, name="priority", daemon=True).start()

    def nice(self, thread: int) -> Future[str]:
        """Asks for an ordinary thread that goes before other ordinary ones; `thread` as the system counts."""

        def ask(kit: RealtimeKit) -> str:
            kit.nice(thread, _NICE)
            return f"nice {_NICE} by RealtimeKit"

        return self._wish(ask)

    def realtime(self, thread: int, priority: int) -> Future[str]:
        """Asks for real time, below that of this object's own thread. Main thread only: a handler is set."""
        self._guard()

        def ask(kit: RealtimeKit) -> str:
            self._limit(kit)
            if not self._realtime:
                kit.realtime(threading.get_native_id(), kit.limits.priority)
            granted = min(priority, kit.limits.priority - 1)
            # Before it is asked for: a grant whose answer comes too late has to be guarded as well.
            self._realtime[thread] = granted
            kit.realtime(thread, granted)
            return f"real-time (round robin {granted}) by RealtimeKit"

        return self._wish(ask)

    def _wish(self, ask: Callable[[RealtimeKit], str]) -> Future[str]:
        answer: Future[str] = Future()
        self._wishes.append((ask, answer))
        self._bell.send(_RING)
        return answer

    def _guard(self) -> None:
        """Has the kernel's warning written into the bell, at once and by whichever thread gets it."""
        if not self._guarded:
            signal.signal(signal.SIGXCPU, _heard)
            signal.set_wakeup_fd(self._bell.fileno(), warn_on_full_buffer=False)
            self._guarded = True

    def _run(self) -> None:
        kit: RealtimeKit | None = None
        reason: Exception | None = None
        try:
            from audio.rtkit import RealtimeKit, RefusedError

            kit = RealtimeKit()
        except ImportError:
            reason = RuntimeError("the package jeepney is missing; install Menura again")
        except RefusedError as error:
            reason = error
        while True:
            heard = self._listen()
            if kit is not None and signal.SIGXCPU in heard:
                self._calm(kit)
            elif kit is not None and self._again_at is not None and time.monotonic() >= self._again_at:
                self._raise_again(kit)
            while self._wishes:
                ask, answer = self._wishes.popleft()
                _grant(kit, reason, ask, answer)

    def _listen(self) -> bytes:
        """What rang, as numbers of signals; nothing when it is time to raise threads again."""
        patience = None if self._again_at is None else max(0.001, self._again_at - time.monotonic())
        self._ear.settimeout(patience)
        try:
            return self._ear.recv(64)
        except TimeoutError:
            return b""

    def _calm(self, kit: RealtimeKit) -> None:
        for thread in self._realtime:
            # The flag has to stay: only root may take it away.
            with suppress(OSError):
                os.sched_setscheduler(thread, os.SCHED_OTHER | os.SCHED_RESET_ON_FORK, os.sched_param(0))
        self._limit(kit)
        self._again_at = time.monotonic() + _CALM_S

    def _raise_again(self, kit: RealtimeKit) -> None:
        from audio.rtkit import RefusedError

        self._again_at = None
        for thread, priority in list(self._realtime.items()):
            try:
                kit.realtime(thread, priority)
            except RefusedError:
                # Gone, or too many requests: it goes on as an ordinary one.
                del self._realtime[thread]

    def _limit(self, kit: RealtimeKit) -> None:
        """Sets both limits; the kernel moves the soft one by a second whenever it has warned."""
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_RTTIME)
        hard = kit.limits.busy_us if most == resource.RLIM_INFINITY else min(kit.limits.busy_us, most)
        resource.setrlimit(resource.RLIMIT_RTTIME, (hard // 2, hard))


def _grant(
    kit: RealtimeKit | None,
    reason: Exception | None,
    ask: Callable[[RealtimeKit], str],
    answer: Future[str],
) -> None:
    if kit is None:
        answer.set_exception(reason)
        return
    try:
        answer.set_result(ask(kit))
    except Exception as error:  # noqa: BLE001 - whoever asked is told; this thread has others to serve
        answer.set_exception(error)


def _heard(*_: object) -> None:
    """The bell has rung already; without a handler the process would end."""


_making = threading.Lock()


def keeper() -> PriorityKeeper:
    """This process's own; begins to ask with the first call."""
    with _making:
        return _only()


@functools.cache
def _only() -> PriorityKeeper:
    return PriorityKeeper()
