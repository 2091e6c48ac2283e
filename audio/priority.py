"""Asking the system to run audio work first."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from audio.apple import stay_awake

_LINUX_PRIORITY = {"callback": 20, "worker": 15, "builder": 10}
"""Above ordinary threads, below the sound server (JACK and PipeWire use 60 to 88)."""

_NICE = -11


def raise_priority(role: str) -> str:
    """Raises the calling thread (Linux) or process (Windows); returns what was granted, in words.

    `role`: "callback", "worker", or "builder" (of voices, beside the worker). Threads started afterwards
    inherit it on Linux. Nothing is raised: a refusal is an answer. On Linux a real-time class needs an
    rtprio limit or root; the kernel keeps 5 % of each core for others even then. On macOS the process is
    kept out of App Nap.
    """
    if sys.platform == "linux":
        return _linux(_LINUX_PRIORITY[role])
    if sys.platform == "win32":
        return _windows()
    # macOS gives Core Audio's callback thread a real-time class by itself.
    stay_awake()
    return "normal"


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


def _linux(priority: int) -> str:
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(priority))
        return f"real-time (round robin {priority})"
    except OSError:
        pass
    try:
        return f"nice {os.nice(_NICE)}"
    except OSError:
        return "normal"


def _windows() -> str:
    import psutil

    try:
        psutil.Process().nice(psutil.HIGH_PRIORITY_CLASS)
        return "high"
    except psutil.Error:
        return "normal"
