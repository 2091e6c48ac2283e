"""Processes that work beside a call without being in its way."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker

import psutil

_NICE = 10


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Processes started in the block never hear Ctrl-C, which a terminal sends to all of a program's at once.

    It is for whoever started them, who ends them. A handler that they set themselves comes too late: while
    Python starts, an interrupt is a traceback on the user's screen. For as short as it takes: threads
    started in it do not hear it either.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    # Its own start would take the mask away again.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def be_gentle() -> None:
    """Lowers this process's priority, so that the call and the window go first."""
    try:
        if sys.platform == "win32":
            psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
        else:
            os.nice(_NICE)
    except (OSError, psutil.Error):
        # Work at the usual priority is still work.
        return
