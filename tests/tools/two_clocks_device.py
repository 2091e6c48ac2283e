"""Two devices in real time that no machine has: 48000 Hz in, 44100 Hz out, each clock off by a known ppm.

Stands in for the engine's audio process: the product's own callbacks, called by two threads that sleep
until each block is due by their clock. All the rest (client, supervisor, worker, rings in shared memory)
is the product. `SKEW` in the environment: JSON {ppm_in, ppm_out, result}; the result is an .npz with what
was heard (m,) and when both clocks began.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Semaphore
from types import SimpleNamespace

import numpy as np

from audio.priority import raise_priority
from audio.streams import Tap, input_callback, output_callback
from inference.engine.internal import Loaded, Opened, StreamInfo
from inference.engine.messages import StreamConfig, StreamsOpened
from inference.engine.shared import SharedBlock
from tests.tools.two_clocks_lag import LOOP_S, hum
from tests.tools.two_clocks_virtual import BLOCK_IN, BLOCK_OUT, RATE_IN, RATE_OUT

SKEW = "MENURA_TWO_CLOCKS"
_FINE = SimpleNamespace(input_overflow=False, output_underflow=False)
_LONGEST_S = 1900.0


def audio(shared_name: str, conn: Connection, wake: Semaphore, config: StreamConfig) -> None:
    """In place of `inference.engine.entry.audio`; opens what `config` does not ask for."""
    del config
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    skew = json.loads(os.environ[SKEW])
    shared = SharedBlock.attach(shared_name)
    shared.reset_streams()
    shared["input_stream"]["rate"], shared["output_stream"]["rate"] = RATE_IN, RATE_OUT
    inp = input_callback(Tap(shared.input_ring, shared["input_stream"], shared["armed"]), wake.release)
    out = output_callback(Tap(shared.output_ring, shared["output_stream"], shared["armed"]))
    said = hum(LOOP_S, RATE_IN)
    heard = np.zeros(round(_LONGEST_S * RATE_OUT), np.float32)
    conn.send(Loaded())
    conn.send(
        Opened(
            StreamsOpened("microphone", "call", None, RATE_OUT, BLOCK_OUT, False),
            StreamInfo(RATE_IN, RATE_OUT, 0, False, 0.0, 0.0),
        )
    )

    def give(at: int) -> None:
        first = at % len(said)
        inp(said[first : first + BLOCK_IN, None], BLOCK_IN, None, _FINE)

    def take(at: int) -> None:
        out(heard[at : at + BLOCK_OUT, None], BLOCK_OUT, None, _FINE)

    began, over = time.perf_counter() + 0.05, threading.Event()
    clocks = [
        _clock(give, BLOCK_IN, RATE_IN * (1 + 1e-6 * skew["ppm_in"]), began, over),
        _clock(take, BLOCK_OUT, RATE_OUT * (1 + 1e-6 * skew["ppm_out"]), began, over),
    ]
    gc.collect()
    gc.freeze()
    gc.disable()
    _wait(conn)
    over.set()
    for clock in clocks:
        clock.join()
    frames = int(shared["output_stream"]["frames"][0])
    np.savez(skew["result"], heard=heard[:frames], began=began)


def _clock(
    call: Callable[[int], None], block: int, rate: float, began: float, over: threading.Event
) -> threading.Thread:
    """A device's own thread: calls with the position of each block when that is due."""

    def run() -> None:
        raise_priority("callback")
        at = 0
        while not over.is_set():
            time.sleep(max(0.0, began + at / rate - time.perf_counter()))
            call(at)
            at += block

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def _wait(conn: Connection) -> None:
    """Until the supervisor closes its end."""
    try:
        while True:
            conn.recv()
    except (EOFError, OSError):
        return
