"""Ctrl-C on the command line: one plain line and status 130, at whatever moment it comes.

Importing this begins to watch: until `interruptible` takes over, an interrupt ends the program at once.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

STATUS = 130
LINE = "menura: interrupted."


def _watch_loading() -> None:
    """Only in the program itself: tests import this too, and so does each process that it starts."""
    program = os.path.splitext(os.path.basename(sys.argv[0]))[0].casefold()
    if program in ("menura", "cli") and "multiprocessing.spawn" not in sys.modules:
        signal.signal(signal.SIGINT, _leave)


class Interrupts:
    """Whether one `came`. Libraries turn the exception into others, so that alone does not tell."""

    def __init__(self) -> None:
        self.came = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self.came = True
        raise KeyboardInterrupt

    def resume(self, told: sys.UnraisableHookArgs) -> None:
        """In place of `sys.unraisablehook`: an interrupt lost in a finaliser or a C callback comes again."""
        if issubclass(told.exc_type, KeyboardInterrupt):
            import threading

            # Not here: what this raises would be lost as well.
            threading.Timer(0.01, _interrupt_main).start()
        else:
            sys.__unraisablehook__(told)


@contextmanager
def interruptible() -> Iterator[Interrupts]:
    """In the block an interrupt raises KeyboardInterrupt; after it, it ends the program without a word.

    What takes an interrupt itself, and has said its line, ends with SystemExit(STATUS).
    """
    interrupts = Interrupts()
    before, hook = signal.getsignal(signal.SIGINT), sys.unraisablehook
    signal.signal(signal.SIGINT, interrupts)
    sys.unraisablehook = interrupts.resume
    try:
        yield interrupts
    finally:
        sys.unraisablehook = hook
        # While Python ends it waits for threads: an interrupt there would be a traceback.
        sys.stdout.flush()
        signal.signal(signal.SIGINT, _leave_quietly if before is _leave else before)


def _interrupt_main() -> None:
    """As the terminal does, so that what waits wakes up, where the system can."""
    if hasattr(signal, "pthread_kill"):
        import threading

        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    else:
        signal.raise_signal(signal.SIGINT)


def _leave(*_: object) -> None:
    os.write(2, f"{LINE}\n".encode())
    os._exit(STATUS)


def _leave_quietly(*_: object) -> None:
    os._exit(STATUS)


_watch_loading()
