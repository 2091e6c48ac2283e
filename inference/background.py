"""Processes that work beside a call without being in its way."""

from __future__ import annotations

import os
import sys

import psutil

_NICE = 10


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
