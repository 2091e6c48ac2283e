"""The far end of a long call, for one life of the audio server: speaks, and keeps every sample it hears.

    python -m tests.tools.soak_caller SIGNAL.npy TAPE PATTERN

SIGNAL is looped; PATTERN finds the product's ports. TAPE.f32 gets what was heard, (n,) float32 from the
first cycle on; sample i of it was heard while sample i of the loop was spoken; NaN where this process was
not called. TAPE.json is written at SIGTERM or when the server ends: {rate, anchors: [[sample, s], ...],
xruns: [s, ...]}, s of CLOCK_MONOTONIC.
"""

from __future__ import annotations

import gc
import json
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import jack
import numpy as np
from numpy.typing import NDArray

from audio.ring import Ring
from tests.rig.caller_process import Connection

_RING = 1 << 18
_POLL_S = 0.05
_ANCHOR_EVERY = 50
"""Cycles."""


class Tape:
    """What the callback fills and the main thread writes to disk."""

    def __init__(self, said: NDArray[np.float32], rate: int) -> None:
        self.ring = Ring.create(_RING)
        self.rate = rate
        self.anchors: list[tuple[int, float]] = []
        self.xruns: list[float] = []
        self._said = said
        self._next, self._at, self._cycles = -1, 0, 0

    def cycle(self, now: int, output: NDArray[np.float32], heard: NDArray[np.float32]) -> None:
        """One period that begins at server frame `now`."""
        if self._cycles and now > self._next:
            missed = min(now - self._next, _RING // 2)
            self.ring.push(np.full(missed, np.nan, np.float32))
            self._at += missed
        if self._cycles % _ANCHOR_EVERY == 0:
            self.anchors.append((self._at, round(time.monotonic(), 4)))
        self._speak(output)
        self.ring.push(heard)
        self._next, self._at = now + len(heard), self._at + len(heard)
        self._cycles += 1

    def _speak(self, output: NDArray[np.float32]) -> None:
        start = self._at % len(self._said)
        first = min(len(output), len(self._said) - start)
        output[:first] = self._said[start : start + first]
        output[first:] = self._said[: len(output) - first]


def main(signal_file: str, tape_file: str, pattern: str) -> None:
    """Speaks and listens."""
    client = jack.Client(f"caller-{time.monotonic_ns() % 1_000_000}", no_start_server=True)
    out, inp = client.outports.register("out"), client.inports.register("in")
    tape, over = Tape(np.load(signal_file), client.samplerate), threading.Event()

    @client.set_process_callback
    def process(_frames: int) -> None:
        tape.cycle(client.last_frame_time, out.get_array(), inp.get_array())

    client.set_xrun_callback(lambda _delay: tape.xruns.append(round(time.monotonic(), 3)))
    client.set_shutdown_callback(lambda *_: over.set())
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    gc.collect()
    gc.freeze()
    gc.disable()
    with client:
        _listen(Connection(client, pattern), tape, (out, inp), over, Path(f"{tape_file}.f32"))
    facts = {"rate": tape.rate, "anchors": tape.anchors, "xruns": tape.xruns}
    Path(f"{tape_file}.json").write_text(json.dumps(facts))


def _listen(
    connection: Connection, tape: Tape, ports: tuple[Any, Any], over: threading.Event, file: Path
) -> None:
    """Keeps the product connected and the disk up to date until it is over."""
    with file.open("wb") as disk:
        while not over.wait(_POLL_S):
            try:
                connection.refresh(*ports)
            except jack.JackError:
                break  # the server has just gone
            heard = np.empty(tape.ring.fill, np.float32)
            tape.ring.pop_into(heard)
            heard.tofile(disk)


if __name__ == "__main__":
    main(*sys.argv[1:])
