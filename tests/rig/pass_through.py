"""A stream that copies its input to its output: the simplest product, whose delay is known.

with pass_through(server) as (reported_in, reported_out):
    Caller(server).measure_delay()
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.rig.jack_server import RATE, JackServer


@contextmanager
def pass_through(server: JackServer, block: int = 0, latency: str = "low") -> Iterator[tuple[int, int]]:
    """Runs it in a process of its own; gives what PortAudio reports as (input, output) latency in samples.

    `block` in frames, 0 lets the server choose; `latency` is 'low' or 'high'.
    """
    command = [sys.executable, __file__, str(block), latency]
    with subprocess.Popen(command, env=server.env(), stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            reported_in, reported_out = process.stdout.readline().split()
            yield int(reported_in), int(reported_out)
        finally:
            process.kill()


def main(block: str, latency: str) -> None:
    """Copies until it is killed."""
    import sounddevice as sd

    def callback(indata: Any, outdata: Any, _frames: int, _times: Any, _status: Any) -> None:
        outdata[:] = indata

    device = next(i for i, d in enumerate(sd.query_devices()) if d["name"] == "system")
    with sd.Stream(
        device=device,
        samplerate=RATE,
        blocksize=int(block),
        latency=latency,
        channels=1,
        dtype="float32",
        callback=callback,
    ) as stream:
        sys.stdout.write(" ".join(str(round(RATE * seconds)) for seconds in stream.latency) + "\n")
        sys.stdout.flush()
        time.sleep(3600)


if __name__ == "__main__":
    main(*sys.argv[1:])
