"""A witness on each core (`soak_witness.py`), and what they saw: stalls that no program could have prevented.

with witnesses() as seen:
    ...
seen.stalls()            # [(begin, end), ...] in CLOCK_MONOTONIC s, by their end
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PROGRAM = Path(__file__).with_name("soak_witness.py")
_STALL_S = 0.002
"""A core that could not be had for this long is a stall."""

_END_S = 10.0


class Stalls:
    """When the machine kept a witness waiting, from what the witnesses left in a folder."""

    def __init__(self, folder: Path) -> None:
        late = [pair for file in folder.glob("witness-*.json") for pair in json.loads(file.read_text())]
        self.spans = sorted(((at - by, at) for at, by in late if by > _STALL_S), key=lambda span: span[1])
        self._ends = [end for _, end in self.spans]

    def between(self, begin: float, end: float) -> bool:
        """Whether one fell between two times, at least in part."""
        first = bisect_left(self._ends, begin)
        return any(a < end for a, _ in self.spans[first : first + 8])


class Witnesses:
    """Running; `end` lets them write what they saw."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._processes = [
            subprocess.Popen([sys.executable, str(_PROGRAM), str(core), str(folder / f"witness-{core}.json")])
            for core in sorted(os.sched_getaffinity(0))
        ]

    def end(self) -> Stalls:
        """What they saw."""
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.wait(_END_S)
        return Stalls(self._folder)

    def kill(self) -> None:
        """Ends them without a word; harmless after `end`."""
        for process in self._processes:
            process.kill()
            process.wait()


@contextmanager
def witnesses(folder: Path | None = None) -> Iterator[Witnesses]:
    """Watches every core until the block ends; `folder` keeps what they write."""
    with tempfile.TemporaryDirectory() as own:
        running = Witnesses(folder or Path(own))
        try:
            yield running
        finally:
            running.kill()
