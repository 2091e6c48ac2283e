"""Measures where PortAudio callbacks must live: beside the worker, in C, or in a process of their own.

Usage: python tests/tools/bench_callbacks.py [--seconds 30] [--variants ...] [--loads ...] [--burner]

Each run starts a dummy jackd (48 kHz, 240 frames), a pass-through built like the engine (callback ->
ring -> worker -> ring -> callback) and the rig's caller at the other end.

Variants: `thread` (Python callback, worker thread in the same process), `rtmixer` (C callback, worker
thread; needs `pip install rtmixer==0.1.7`), `process` (Python callback alone in its process, worker in
another, rings in shared memory).
Loads per 10 ms hop: `idle`, `compute` (3 ms of BLAS, which frees the GIL), `gil` (4 ms holding the GIL,
as Core ML's `predict` does), `spikes` (`gil` with 8 ms once a second), `heavy` (8 ms holding the GIL).
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import json
import mmap
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audio.ring import Ring
from tests.rig.caller import Caller, white_noise
from tests.rig.jack_server import PERIOD, RATE, JackServer

HOP = 480
MARGIN = 480
CAPACITY = 1 << 14
VARIANTS = ("thread", "rtmixer", "process")
LOADS = ("idle", "compute", "gil", "spikes", "heavy")
COLUMNS = [
    *(f"{series}_{share}" for series in ("wait", "gap") for share in ("p50", "p99", "p99.9", "max")),
    *("flags", "jack_xruns", "underruns", "delay", "wrong_samples"),
]

Samples = NDArray[np.float32]
Load = Callable[[int], None]


# The work of one hop; called with the hop's number.


def make_load(name: str) -> Load:
    """The load of this name."""
    if name == "idle":
        return lambda hop: None
    if name == "compute":
        return _compute_load(seconds=0.003)
    usleep = ctypes.PyDLL(None).usleep  # PyDLL keeps the GIL during the call, as coremltools does
    usual_us = 8000 if name == "heavy" else 4000
    spike_us = 4000 if name == "gil" else 8000

    def load(hop: int) -> None:
        usleep(spike_us if hop % 100 == 0 else usual_us)

    return load


def _compute_load(seconds: float) -> Load:
    matrix = np.random.default_rng(0).standard_normal((192, 192)).astype(np.float32)
    out = np.empty_like(matrix)
    start = time.perf_counter()
    for _ in range(200):
        np.matmul(matrix, matrix, out=out)
    repeats = max(1, round(seconds / ((time.perf_counter() - start) / 200)))

    def load(hop: int) -> None:
        for _ in range(repeats):
            np.matmul(matrix, matrix, out=out)

    return load


def work(
    read: Callable[[Samples], bool], write: Callable[[Samples], Any], load: Load, seconds: float
) -> None:
    """The worker's loop: hop in, load, hop out. It polls, the same way in all variants."""
    block, hop, end = np.zeros(HOP, np.float32), 0, time.monotonic() + seconds
    while time.monotonic() < end:
        if read(block):
            load(hop)
            write(block)
            hop += 1
        else:
            time.sleep(0.0005)


def hop_reader(ring: Ring) -> Callable[[Samples], bool]:
    """Takes a whole hop from the ring, or nothing."""
    return lambda block: ring.fill >= HOP and ring.pop_into(block) == HOP


# The three variants of a device under test. Each returns the columns it knows.


def jack_device() -> int:
    """Index of the JACK device 'system'."""
    import sounddevice as sd

    apis = [i for i, api in enumerate(sd.query_hostapis()) if "JACK" in api["name"]]
    devices = enumerate(sd.query_devices())
    return next(i for i, d in devices if d["hostapi"] == apis[0] and d["name"] == "system")


class CallbackLog:
    """Times of a Python callback and what went wrong in it; preallocated."""

    def __init__(self, seconds: float) -> None:
        size = int(seconds * RATE / PERIOD) + 4000
        self._times, self._waits = np.zeros(size), np.zeros(size)
        self._count = 0
        self.flags = self.underruns = self.owed = 0

    def note(self, wait_s: float, status: bool) -> None:
        """One callback that Python reached `wait_s` after PortAudio entered it."""
        if self._count < len(self._times):
            self._times[self._count], self._waits[self._count] = time.perf_counter(), wait_s
            self._count += 1
        # Connecting ports in the first second makes flags that are not the callback's.
        self.flags += bool(status) and self._count > RATE // PERIOD

    def summary(self) -> dict[str, float]:
        """Percentiles in ms without the first second, and counts."""
        first = RATE // PERIOD
        series = {"wait": self._waits[first : self._count], "gap": np.diff(self._times[first : self._count])}
        row: dict[str, float] = {"flags": self.flags, "underruns": self.underruns}
        for name, values in series.items():
            shares = np.quantile(1e3 * values, (0.5, 0.99, 0.999, 1.0))
            row |= dict(zip((f"{name}_{p}" for p in ("p50", "p99", "p99.9", "max")), shares, strict=True))
        return row


def python_stream(ring_in: Ring, ring_out: Ring, log: CallbackLog) -> Any:
    """A duplex stream whose callback copies and counts; late samples are skipped, as in the engine."""
    import sounddevice as sd

    def callback(indata: Samples, outdata: Samples, frames: int, times: Any, status: Any) -> None:
        log.note(stream.time - times.currentTime, status)
        ring_in.push(indata[:, 0])
        log.owed -= ring_out.skip(log.owed)
        missing = frames - ring_out.pop_into(outdata[:, 0])
        log.owed += missing
        log.underruns += missing > 0

    stream = sd.Stream(
        device=jack_device(), samplerate=RATE, blocksize=PERIOD, channels=1, dtype="float32",
        latency="low", callback=callback,
    )  # fmt: skip
    return stream


def run_thread(load: str, seconds: float) -> dict[str, float]:
    """Python callback and worker thread in one process."""
    ring_in, ring_out = Ring.create(CAPACITY), Ring.create(CAPACITY)
    ring_out.push(np.zeros(HOP + MARGIN, np.float32))
    log = CallbackLog(seconds)
    arguments = (hop_reader(ring_in), ring_out.push, make_load(load), seconds)
    worker = threading.Thread(target=work, args=arguments)
    with python_stream(ring_in, ring_out, log):
        worker.start()
        worker.join()
    return log.summary()


def run_process(load: str, seconds: float) -> dict[str, float]:
    """Python callback alone; the worker is a child process, the rings are shared memory."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        paths = [Path(folder) / name for name in ("in", "out")]
        for path in paths:
            path.write_bytes(bytes(64 + 4 * CAPACITY))
        ring_in, ring_out = map(shared_ring, paths)
        ring_out.push(np.zeros(HOP + MARGIN, np.float32))
        log = CallbackLog(seconds)
        worker = spawn("worker", load, seconds, folder=folder)
        assert worker.stdout is not None
        worker.stdout.readline()  # it is ready
        with python_stream(ring_in, ring_out, log):
            worker.stdout.readline()  # it is done
        worker.wait()
        return log.summary()


def shared_ring(path: Path) -> Ring:
    """A ring in memory that two processes map."""
    with path.open("r+b") as file:
        memory = mmap.mmap(file.fileno(), 64 + 4 * CAPACITY)
    return Ring(np.frombuffer(memory, np.float32, CAPACITY, 64), np.frombuffer(memory, np.int64, 2))


def run_worker(load: str, seconds: float, folder: str) -> dict[str, float]:
    """The worker process of `run_process`."""
    ring_in, ring_out = shared_ring(Path(folder) / "in"), shared_ring(Path(folder) / "out")
    loaded = make_load(load)
    print("ready", flush=True)
    work(hop_reader(ring_in), ring_out.push, loaded, seconds)
    return {}


def run_rtmixer(load: str, seconds: float) -> dict[str, float]:
    """C callback of rtmixer and a worker thread. An empty or full ring ends its action: start it anew."""
    import rtmixer

    stream = rtmixer.MixerAndRecorder(
        device=jack_device(), samplerate=RATE, blocksize=PERIOD, channels=1, latency="low"
    )
    rings = {"record": rtmixer.RingBuffer(4, CAPACITY), "play": rtmixer.RingBuffer(4, CAPACITY)}
    rings["play"].write(np.zeros(HOP + MARGIN, np.float32))
    actions: dict[str, Any] = {}
    restarts = 0

    def read(block: Samples) -> bool:
        nonlocal restarts
        for kind, ring in rings.items():
            if actions[kind] not in stream.actions:
                restarts += 1
                actions[kind] = getattr(stream, f"{kind}_ringbuffer")(ring)
        return rings["record"].read_available >= HOP and rings["record"].readinto(block) == HOP

    with stream:
        actions |= {kind: getattr(stream, f"{kind}_ringbuffer")(ring) for kind, ring in rings.items()}
        work(read, rings["play"].write, make_load(load), seconds)
    return {"flags": stream.stats.output_underflows, "underruns": restarts}


# Orchestration.


def spawn(
    role: str, load: str, seconds: float, folder: str = "", env: dict[str, str] | None = None
) -> subprocess.Popen[str]:
    """Starts this script as one of the processes of a measurement."""
    command = [sys.executable, "-m", "tests.tools.bench_callbacks", "--role", role, "--loads", load]
    command += ["--seconds", str(seconds), "--folder", folder]
    return subprocess.Popen(command, text=True, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def keep_others_out() -> None:
    """Locks memory and takes real-time priority below the callbacks, where allowed.

    What is left is what the design makes of its threads, not what else runs on the machine.
    """
    lock_current_and_future = 3
    ctypes.CDLL(None).mlockall(lock_current_and_future)
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))


def measure(variant: str, load: str, seconds: float, burner: bool) -> dict[str, float]:
    """One run: server, device under test, caller, and a busy core if asked."""
    with JackServer() as server:
        threads = {f"{library}_NUM_THREADS": "1" for library in ("OPENBLAS", "OMP", "MKL")}
        burning = spawn("burner", load, seconds + 6) if burner else None
        device = spawn(variant, load, seconds + 5, env=server.env() | threads)
        recording = Caller(server).play_and_record(white_noise(seconds))
        output = device.communicate()[0]
        if burning:
            burning.kill()
    delay = recording.delay_samples
    return json.loads(output.splitlines()[-1]) | {
        "delay": delay,
        "jack_xruns": len(recording.xruns),
        "wrong_samples": int(np.count_nonzero(recording.wrong(delay)[2 * RATE :])),
    }


def burn(seconds: float) -> dict[str, float]:
    """Keeps one core busy."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sum(range(1000))
    return {}


def main() -> None:
    """Prints the table of all variants and loads asked for, or plays one role in a measurement."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=VARIANTS)
    parser.add_argument("--loads", nargs="+", choices=LOADS, default=LOADS)
    parser.add_argument("--burner", action="store_true", help="keep one core busy meanwhile")
    parser.add_argument("--role", help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.role:
        play(options)
        return
    print("| variant | load | " + " | ".join(COLUMNS) + " |")
    print("|" + "---|" * (len(COLUMNS) + 2), flush=True)
    for load in options.loads:
        for variant in options.variants:
            row = measure(variant, load, options.seconds, options.burner)
            cells = [f"{row[c]:.5g}" if c in row else "-" for c in COLUMNS]
            print(f"| {variant} | {load} | " + " | ".join(cells) + " |", flush=True)


def play(options: argparse.Namespace) -> None:
    """Runs as one of the processes of a measurement and prints its result as JSON."""
    load, seconds = options.loads[0], options.seconds
    if options.role == "burner":
        burn(seconds)
        return
    keep_others_out()
    roles: dict[str, Callable[[], dict[str, float]]] = {
        "thread": lambda: run_thread(load, seconds),
        "rtmixer": lambda: run_rtmixer(load, seconds),
        "process": lambda: run_process(load, seconds),
        "worker": lambda: run_worker(load, seconds, options.folder),
    }
    print(json.dumps(roles[options.role]()))


if __name__ == "__main__":
    main()
