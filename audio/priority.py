"""Asking the system to run audio work first."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress

from audio.apple import stay_awake, urgent

_LINUX_PRIORITY = {"callback": 20, "worker": 15, "builder": 10, "loading": 10}
"""Above ordinary threads, below the sound server (JACK and PipeWire use 60 to 88)."""

_NICE = -11

_MOST_DEVICE_THREADS = 4
"""A stream has one or two; RealtimeKit takes 25 requests in 20 s from all programs of a user."""

_PATIENCE_S = 3.0


def raise_priority(role: str) -> str:
    """Raises the calling thread (Linux) or process (Windows); returns what was granted at once, in words.

    `role`: "callback" (the process whose streams `raise_devices` raises), "worker", "builder" (of voices,
    beside the worker), or "loading" (a process on its way to one of these). Nothing is raised: a refusal is
    an answer. On Linux a real-time class needs an rtprio limit or root, and threads started afterwards
    inherit it; the kernel keeps 5 % of each core for others even then. Where that is refused RealtimeKit
    is asked, for the calling thread alone, without waiting for its answer. On macOS the process is kept
    out of App Nap, and the calling thread gets the class of what users wait for.
    """
    if sys.platform == "linux":
        granted = _linux(role)
        if not _is_realtime(0):
            _ask_desktop(role, granted)
        return granted
    if sys.platform == "win32":
        return _windows()
    # macOS gives Core Audio's callback thread a real-time class by itself.
    stay_awake()
    return urgent(beside=role in ("builder", "loading"))


def find_out() -> tuple[str, str]:
    """What the worker's thread gets here: (what was granted in words, why RealtimeKit gave nothing).

    For a process of its own, which keeps the priority: waits for the answer, 3 s at most. Main thread only.
    """
    if sys.platform != "linux":
        return raise_priority("worker"), ""
    granted = _linux("worker")
    if _is_realtime(0):
        return granted, ""
    try:
        return _ask_desktop("worker", granted).result(_PATIENCE_S), ""
    except Exception as error:  # noqa: BLE001 - RefusedError, and what a broken installation raises: a reason
        return granted, str(error) or "RealtimeKit did not answer"


def threads() -> set[int]:
    """Every thread of this process, as the system numbers them; empty where that is not Linux."""
    if sys.platform != "linux":
        return set()
    return {int(name) for name in os.listdir("/proc/self/task")}


def raise_devices(before: set[int]) -> None:
    """Raises the threads that opening the streams has brought; `before`: what `threads` said until then.

    On Linux only, where they have inherited nothing. Main thread only; does not wait for the answer.
    """
    if sys.platform != "linux" or _is_realtime(0):
        return
    own = {thread.native_id for thread in threading.enumerate()}
    brought = [thread for thread in sorted(threads() - before - own) if not _is_realtime(thread)]
    from audio.priority_keeper import keeper

    for thread in brought[:_MOST_DEVICE_THREADS]:
        keeper().realtime(thread, _LINUX_PRIORITY["callback"])
    # It holds the interpreter's lock now and then, and a callback waits for that.
    keeper().nice(threading.get_native_id())


@contextmanager
def hurry() -> Iterator[None]:
    """Raises the calling thread on Linux for the while of the block; processes started in it keep that."""
    if sys.platform != "linux":
        yield
        return
    policy, parameter = os.sched_getscheduler(0), os.sched_getparam(0)
    with suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(_LINUX_PRIORITY["builder"]))
    try:
        yield
    finally:
        with suppress(OSError):
            os.sched_setscheduler(0, policy, parameter)


def _linux(role: str) -> str:
    """The direct way."""
    priority = _LINUX_PRIORITY[role]
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(priority))
        return f"real-time (round robin {priority})"
    except OSError:
        pass
    try:
        # Not os.nice: a thread that is asked for twice would ask for twice as much, and be refused.
        os.setpriority(os.PRIO_PROCESS, 0, _NICE)
        return f"nice {_NICE}"
    except OSError:
        return "normal"


def _is_realtime(thread: int) -> bool:
    """Whether a thread has a real-time class already; 0 is the calling one."""
    try:
        return os.sched_getscheduler(thread) & ~os.SCHED_RESET_ON_FORK in (os.SCHED_RR, os.SCHED_FIFO)
    except OSError:
        # It has ended meanwhile.
        return True


def _ask_desktop(role: str, granted: str) -> Future[str]:
    """Asks RealtimeKit for what the kernel refused the calling thread; what it says comes later.

    Nothing for a process that only loads, nor for one whose devices are asked for once they are open, but
    the connection is made: requests are counted.
    """
    from audio.priority_keeper import keeper

    thread = threading.get_native_id()
    if role == "worker" and threading.current_thread() is threading.main_thread():
        return keeper().realtime(thread, _LINUX_PRIORITY[role])
    if role in ("worker", "builder") and granted == "normal":
        return keeper().nice(thread)
    if role == "callback":
        keeper()
    answer: Future[str] = Future()
    answer.set_result(granted)
    return answer


def _windows() -> str:
    import psutil

    try:
        psutil.Process().nice(psutil.HIGH_PRIORITY_CLASS)
        return "high"
    except psutil.Error:
        return "normal"
