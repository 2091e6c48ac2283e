"""Things that go wrong in a call, done to the real processes from outside."""

from __future__ import annotations

import os
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

_HERE = Path(__file__).parent

_BURN = """
import os, sys, time
os.sched_setaffinity(0, {int(sys.argv[1])})
try:
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(40))
    busy_s, idle_s = 0.02, 0.08
except OSError:
    busy_s, idle_s = 1.0, 0.0
while True:
    end = time.perf_counter() + busy_s
    while time.perf_counter() < end:
        pass
    time.sleep(idle_s)
"""


class SpoiltMachine:
    """A folder from which the wall clock and the converters of a product can be disturbed.

    `env` is for the product. The clock needs gcc.
    """

    def __init__(self, folder: Path) -> None:
        self._clock, self._fault = folder / "clock", folder / "fault"
        self._clock.write_bytes(struct.pack("q", 0))
        library = folder / "wall_clock.so"
        source = _HERE / "wall_clock.c"
        subprocess.run(["gcc", "-shared", "-fPIC", str(source), "-o", str(library)], check=True)
        self.env = {
            "LD_PRELOAD": str(library),
            "MENURA_TEST_CLOCK": str(self._clock),
            "MENURA_TEST_FAULT": str(self._fault),
            "PYTHONPATH": str(_HERE / "failing"),
        }

    def set_clock(self, seconds: int) -> None:
        """Moves the product's wall clock to so many seconds from the true time."""
        with self._clock.open("r+b") as file:
            file.write(struct.pack("q", seconds))

    def fail_converter(self, reason: str) -> None:
        """Has the next hop of a model-free voice raise RuntimeError."""
        written = self._fault.with_suffix(".part")
        written.write_text(reason)
        written.replace(self._fault)


def sleep(processes: Sequence[psutil.Process], seconds: float) -> None:
    """Stops processes and all that they have started for a while, as the sleep of a computer does."""
    everything = [each for process in processes for each in (process, *process.children(recursive=True))]
    for process in everything:
        os.kill(process.pid, signal.SIGSTOP)
    time.sleep(seconds)
    for process in everything:
        os.kill(process.pid, signal.SIGCONT)


@contextmanager
def busy() -> Iterator[None]:
    """A load on every core: at real-time priority a fifth of the time, or all the time where that is refused.

    Ordinary programs do nothing to a product that has real-time priority: this stands for one that has more.
    """
    command = [sys.executable, "-c", _BURN]
    cores = sorted(os.sched_getaffinity(0))
    burners = [subprocess.Popen([*command, str(core)]) for core in cores]
    try:
        yield
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()


def small_disk(folder: Path, kilobytes: int) -> list[str] | None:
    """What to run a product under so that `folder`, which exists, is a disk of its own; None if refused."""
    unshare = shutil.which("unshare")
    mount = f'mount -t tmpfs -o size={kilobytes}k none "{folder}" && exec "$@"'
    spaces = ["--mount"] if os.geteuid() == 0 else ["--user", "--map-root-user", "--mount"]
    under = [str(unshare), *spaces, "sh", "-c", mount, "sh"]
    allowed = unshare and not subprocess.run([*under, "true"], capture_output=True, check=False).returncode
    return under if allowed else None
