"""Sleeps 5 ms at a time on one core, above everything else, and notes when the machine woke it late.

    python soak_witness.py CORE RESULT.json

What delays this program, no audio program on the machine could have met. Ends at SIGTERM and writes
[[when, how late], ...]: seconds of CLOCK_MONOTONIC, of each wake-up more than 1 ms late.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import signal
import sys
import time
from pathlib import Path

_PRIORITY = 80
_SLEEP_S = 0.005
_LATE_S = 0.001
_MCL_CURRENT, _MCL_FUTURE = 1, 2


def main(core: str, result: str) -> None:
    """Watches until told to end."""
    os.sched_setaffinity(0, {int(core)})
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(_PRIORITY))
    ctypes.CDLL(None).mlockall(_MCL_CURRENT | _MCL_FUTURE)
    gc.disable()
    going = [True]
    signal.signal(signal.SIGTERM, lambda *_: going.clear())
    late: list[tuple[float, float]] = []
    due = time.monotonic() + _SLEEP_S
    while going:
        time.sleep(max(0.0, due - time.monotonic()))
        now = time.monotonic()
        if now - due > _LATE_S:
            late.append((round(now, 4), round(now - due, 5)))
        due = max(due + _SLEEP_S, now)
    Path(result).write_text(json.dumps(late))


if __name__ == "__main__":
    main(*sys.argv[1:])
