"""Someone who speaks into every microphone stream of the product, for products that only listen.

with speaking(server):
    ...                                   # each PortAudio input hears the bundled speech, looped
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.rig.jack_server import JackServer
from tests.rig.speech import speech

_LOOP_S = 30.0
_LOOK_S = 0.1


@contextmanager
def speaking(server: JackServer, signal: NDArray[np.float32] | None = None) -> Iterator[None]:
    """Speaks until the block ends. `signal`: (n,) float32 at the server's rate, looped."""
    said = speech(_LOOP_S, server.rate) if signal is None else signal
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "signal.npy"
        np.save(file, said)
        command = [sys.executable, "-m", "tests.rig.speaker", str(file)]
        with subprocess.Popen(command, env=server.env(), stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                process.stdout.readline()
                yield
            finally:
                process.kill()


def main(signal_file: str) -> None:
    """Speaks until it is killed."""
    import jack

    said = np.load(signal_file)
    client = jack.Client("speaker", no_start_server=True)
    out = client.outports.register("out")
    at = 0

    @client.set_process_callback
    def process(frames: int) -> None:
        nonlocal at
        out.get_array()[:] = np.take(said, np.arange(at, at + frames), mode="wrap")
        at = (at + frames) % len(said)

    with client:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
            inputs = client.get_ports("^PortAudio", is_audio=True, is_input=True)
            for port in inputs:
                connected = client.get_all_connections(port)
                if connected and out not in connected:
                    with suppress(jack.JackError):
                        client.connect(out, port)
            threading.Event().wait(_LOOK_S)


if __name__ == "__main__":
    main(sys.argv[1])
