"""The caller's own process: a JACK client that plays an array into the product and keeps what returns.

    python caller_process.py SIGNAL.npy RESULT.npz SECONDS PATTERN

Prints `connected IN OUT` each time it has found the product's ports, `playing` with the machine's
monotonic clock (seconds) when the first sample goes out, and ends at SIGTERM or after SECONDS of server
time counted from the first connection. All positions are frame numbers of the server, so that a cycle
in which this process was not called leaves a gap (counted in `missed`) and shifts nothing.
"""

from __future__ import annotations

import gc
import re
import signal
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import jack
import numpy as np
from numpy.typing import NDArray

_POLL_S = 0.02


@dataclass
class Tape:
    """The signal to play and, at the same positions, what was heard."""

    signal: NDArray[np.float32]
    heard: NDArray[np.float32]
    start: int = -1
    frames: int = 0
    end: int = 0
    xruns: list[int] = field(default_factory=list)
    running: bool = False
    done: threading.Event = field(default_factory=threading.Event)

    def cycle(self, now: int, output: NDArray[np.float32], recorded: NDArray[np.float32]) -> None:
        """One period that begins at server frame `now`."""
        if not self.running:
            output[:] = 0.0
            return
        if self.start < 0:
            self.start = now
        at, count = now - self.start, len(output)
        if at + count > len(self.heard):
            output[:] = 0.0
            self.done.set()
            return
        piece = self.signal[at : at + count]
        output[: len(piece)] = piece
        output[len(piece) :] = 0.0
        self.heard[at : at + count] = recorded
        self.frames += count
        self.end = at + count


class Connection:
    """Finds the product's ports and keeps ours connected to them, also when new ones take their place."""

    def __init__(self, client: jack.Client, pattern: str) -> None:
        self._client = client
        self._pattern = re.compile(pattern)
        self._current: tuple[str, str] | None = None

    def refresh(self, ours_out: Any, ours_in: Any) -> bool:
        """Connects to ports that are new; True while connected."""
        found = self._find()
        if found == self._current:
            return found is not None
        self._current = None
        if found is None:
            return False
        try:
            self._client.connect(ours_out, found[0])
            self._client.connect(found[1], ours_in)
        except jack.JackError:
            return False  # they went away between the look and the connection
        self._current = found
        say("connected", *found)
        return True

    def _find(self) -> tuple[str, str] | None:
        """The product's input and output port, once the product has connected both to its device."""
        ports = [p for p in self._client.get_ports(is_audio=True) if self._pattern.search(p.name)]
        ports = [p for p in ports if self._client.get_all_connections(p)]
        inputs = [p.name for p in ports if p.is_input]
        outputs = [p.name for p in ports if p.is_output]
        return (inputs[0], outputs[0]) if inputs and outputs else None


def say(*words: object) -> None:
    """Tells the test, in one line."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def main(signal_file: str, result_file: str, seconds: str, pattern: str) -> None:
    """Plays, records, writes the result."""
    client = jack.Client(f"caller-{time.monotonic_ns() % 1_000_000}", no_start_server=True)
    ours_out, ours_in = client.outports.register("out"), client.inports.register("in")
    tape = Tape(np.load(signal_file), np.zeros(round(float(seconds) * client.samplerate), np.float32))

    @client.set_process_callback
    def process(frames: int) -> None:
        tape.cycle(client.last_frame_time, ours_out.get_array(), ours_in.get_array())

    @client.set_xrun_callback
    def xrun(_delay_us: float) -> None:
        if tape.start >= 0:
            tape.xruns.append(client.last_frame_time - tape.start)

    signal.signal(signal.SIGTERM, lambda *_: tape.done.set())
    gone = threading.Event()
    client.set_shutdown_callback(lambda _status, _reason: gone.set())
    # What exists now lives as long as the call; a collection would only delay a cycle.
    gc.collect()
    gc.freeze()
    gc.disable()
    with client:
        connection = Connection(client, pattern)
        while not tape.done.is_set() and not gone.is_set():
            connected = connection.refresh(ours_out, ours_in)
            if connected and not tape.running:
                say("playing", time.monotonic())
                tape.running = True
            tape.done.wait(_POLL_S)
    np.savez(
        result_file,
        heard=tape.heard[: tape.end],
        xruns=np.array(tape.xruns, np.int64),
        missed=tape.end - tape.frames,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
