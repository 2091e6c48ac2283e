"""Measures where PortAudio callbacks must live: beside the worker, in C, or in a process of their own.

Usage: python tests/tools/bench_callbacks.py [--seconds 30] [--variants ...] [--loads ...] [--burner]
       python tests/tools/bench_callbacks.py --latency

Each run starts its own dummy jackd (48 kHz, 240 frames, no hardware), a pass-through built like the
engine (callback -> ring -> worker -> ring -> callback) and a JACK client as the caller. The caller
plays its sample index and reads it back, so a lost, repeated or silent sample is seen exactly.

Variants: `thread` (Python callback, worker thread in the same process), `rtmixer` (C callback, worker
thread), `process` (Python callback alone in its process, worker in another, rings in shared memory).
Loads per 10 ms hop: `idle`, `compute` (3 ms of BLAS, which frees the GIL), `gil` (4 ms holding the
GIL, as Core ML's `predict` does), `spikes` (`gil` with 8 ms once a second),
`heavy` (8 ms holding the GIL).
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

import numpy as np
from numpy.typing import NDArray

RATE = 48_000
PERIOD = 240
HOP = 480
MARGIN = 480
RING_SIZE = 1 << 14
VARIANTS = ("thread", "rtmixer", "process")
LOADS = ("idle", "compute", "gil", "spikes", "heavy")
INDEX_RANGE = 1 << 22  # every index / INDEX_RANGE is an exact float32


class Ring:
    """Single-producer single-consumer ring over a buffer: two int64 counters, then float32 samples."""

    def __init__(self, buffer: memoryview | bytearray, skip_late: bool = False) -> None:
        self._skip_late = skip_late
        self._count = np.frombuffer(buffer, np.int64, 2)
        self._data = np.frombuffer(buffer, np.float32, RING_SIZE, offset=64)
        self._owed = 0

    @staticmethod
    def byte_size() -> int:
        """Bytes the buffer must have."""
        return 64 + 4 * RING_SIZE

    def fill(self) -> int:
        """Samples that wait to be read."""
        return int(self._count[0] - self._count[1])

    def write(self, block: NDArray[np.float32]) -> bool:
        """Appends the block, or nothing and False when there is no room."""
        if self.fill() + len(block) > RING_SIZE:
            return False
        start = int(self._count[0]) % RING_SIZE
        first = min(len(block), RING_SIZE - start)
        self._data[start : start + first] = block[:first]
        self._data[: len(block) - first] = block[first:]
        self._count[0] += len(block)
        return True

    def read_into(self, block: NDArray[np.float32]) -> bool:
        """Fills the block, or makes it silent and returns False when too little waits.

        With `skip_late`, what comes too late is skipped, so that an underrun does not stay in the delay.
        """
        late = min(self._owed, self.fill())
        self._count[1] += late
        self._owed -= late
        if self.fill() < len(block):
            block[:] = 0.0
            self._owed += len(block) if self._skip_late else 0
            return False
        start = int(self._count[1]) % RING_SIZE
        first = min(len(block), RING_SIZE - start)
        block[:first] = self._data[start : start + first]
        block[first:] = self._data[: len(block) - first]
        self._count[1] += len(block)
        return True


# --- load -------------------------------------------------------------------------------------------


def make_load(name: str) -> Callable[[int], None]:
    """The work of one hop; called with the hop's number."""
    if name == "idle":
        return lambda hop: None
    if name == "compute":
        return _compute_load(seconds=0.003)
    libc = ctypes.PyDLL(None)  # PyDLL keeps the GIL during the call, as coremltools' predict does
    if name == "gil":
        return lambda hop: libc.usleep(4000) and None
    usual_us = 8000 if name == "heavy" else 4000
    return lambda hop: libc.usleep(8000 if hop % 100 == 0 else usual_us) and None


def _compute_load(seconds: float) -> Callable[[int], None]:
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


def work(read: Callable[[NDArray[np.float32]], bool], write: Callable[[NDArray[np.float32]], bool],
         load: Callable[[int], None], stop: Callable[[], bool]) -> None:
    """The worker's loop: hop in, load, hop out; polls, because rings between processes cannot wake it."""
    block = np.zeros(HOP, np.float32)
    hop = 0
    while not stop():
        if read(block):
            load(hop)
            write(block)
            hop += 1
        else:
            time.sleep(0.0005)


# --- device under test ------------------------------------------------------------------------------


def jack_device() -> int:
    """Index of the JACK device 'system'."""
    import sounddevice as sd

    apis = [i for i, api in enumerate(sd.query_hostapis()) if "JACK" in api["name"]]
    return next(i for i, d in enumerate(sd.query_devices())
                if d["hostapi"] == apis[0] and d["name"] == "system")


class CallbackLog:
    """Times and status flags of a Python callback; preallocated."""

    def __init__(self, seconds: float) -> None:
        self.times = np.zeros(int(seconds * RATE / PERIOD) + 4000, np.int64)
        self.waits = np.zeros(len(self.times))
        self.count = self.flags = self.underruns = 0

    def summary(self) -> dict[str, float]:
        """Interval percentiles in ms, status flags and ring underruns; the first second is left out."""
        gaps = np.diff(self.times[200 : self.count]) / 1e6
        waits = self.waits[200 : self.count] * 1e3
        return {"wait_p50": float(np.median(waits)), "wait_p99": float(np.percentile(waits, 99)),
                "wait_p99.9": float(np.percentile(waits, 99.9)), "wait_max": float(waits.max()),
                "p50": float(np.median(gaps)), "p99": float(np.percentile(gaps, 99)),
                "p99.9": float(np.percentile(gaps, 99.9)), "max": float(gaps.max()),
                "callbacks": self.count, "flags": self.flags, "ring_underruns": self.underruns}


def python_callback_stream(ring_in: Ring, ring_out: Ring, log: CallbackLog):  # noqa: ANN201
    """An opened duplex stream whose callback copies, counts and takes the time."""
    import sounddevice as sd

    def callback(indata, outdata, frames, times, status) -> None:  # noqa: ANN001
        if log.count < len(log.times):
            log.times[log.count] = time.perf_counter_ns()
            log.waits[log.count] = stream.time - times.currentTime  # PortAudio's call until Python runs
            log.count += 1
        if status and log.count > RATE // PERIOD:
            log.flags += 1
        ring_in.write(indata[:, 0])
        if not ring_out.read_into(outdata[:, 0]):
            log.underruns += 1

    stream = sd.Stream(device=jack_device(), samplerate=RATE, blocksize=PERIOD, channels=1,
                       dtype="float32", latency="low", callback=callback)
    return stream


def run_thread(load_name: str, seconds: float) -> dict[str, float]:
    """Python callback and worker thread in one process."""
    rings = [Ring(bytearray(Ring.byte_size()), skip_late) for skip_late in (False, True)]
    rings[1].write(np.zeros(HOP + MARGIN, np.float32))
    log = CallbackLog(seconds)
    end = time.monotonic() + seconds
    worker = threading.Thread(target=work, args=(rings[0].read_into, rings[1].write, make_load(load_name),
                                                 lambda: time.monotonic() > end))
    with python_callback_stream(*rings, log):
        worker.start()
        worker.join()
    return log.summary()


def run_process(load_name: str, seconds: float) -> dict[str, float]:
    """Python callback alone; the worker is a child process, the rings are shared memory."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        paths = [Path(folder) / name for name in ("in", "out")]
        for path in paths:
            path.write_bytes(bytes(Ring.byte_size()))
        rings = [shared_ring(path, skip_late) for path, skip_late in zip(paths, (False, True), strict=True)]
        rings[1].write(np.zeros(HOP + MARGIN, np.float32))
        log = CallbackLog(seconds)
        worker = spawn("worker", "--load", load_name, "--seconds", str(seconds), "--rings", *map(str, paths))
        worker.stdout.readline()  # it is ready
        with python_callback_stream(*rings, log):
            worker.wait()
        return log.summary()


def shared_ring(path: Path, skip_late: bool = False) -> Ring:
    """A ring in memory that two processes map."""
    with path.open("r+b") as file:
        return Ring(memoryview(mmap.mmap(file.fileno(), Ring.byte_size())), skip_late)


def run_worker(load_name: str, seconds: float, paths: list[str]) -> dict[str, float]:
    """The worker process of `run_process`."""
    rings = [shared_ring(Path(path)) for path in paths]
    load = make_load(load_name)
    print("ready", flush=True)
    end = time.monotonic() + seconds
    work(rings[0].read_into, rings[1].write, load, lambda: time.monotonic() > end)
    return {}


def run_rtmixer(load_name: str, seconds: float) -> dict[str, float]:
    """C callback of rtmixer and a worker thread. An empty or full ring ends its action: start it anew."""
    import rtmixer

    stream = rtmixer.MixerAndRecorder(device=jack_device(), samplerate=RATE, blocksize=PERIOD, channels=1,
                                      latency="low")
    ring_in, ring_out = (rtmixer.RingBuffer(4, RING_SIZE) for _ in range(2))
    ring_out.write(np.zeros(HOP + MARGIN, np.float32))
    end = time.monotonic() + seconds
    actions = {}
    counts = {"restarts": 0}

    def read(block: NDArray[np.float32]) -> bool:
        for kind, ring in (("record", ring_in), ("play", ring_out)):
            if actions[kind] not in stream.actions:
                counts["restarts"] += 1
                actions[kind] = getattr(stream, f"{kind}_ringbuffer")(ring)
        if ring_in.read_available < len(block):
            return False
        ring_in.readinto(block)
        return True

    with stream:
        actions["record"] = stream.record_ringbuffer(ring_in)
        actions["play"] = stream.play_ringbuffer(ring_out)
        work(read, lambda block: ring_out.write(block) == len(block), make_load(load_name),
             lambda: time.monotonic() > end)
    stats = stream.stats
    return {"callbacks": stats.blocks, "flags": stats.output_underflows, "ring_underruns": counts["restarts"]}


# --- the caller -------------------------------------------------------------------------------------


def run_caller(seconds: float) -> dict[str, float]:
    """Plays the server's frame index through the stream under test and compares what comes back.

    Positions at which this client itself was not called are left out; `wrong` counts the others whose
    delay is not the usual one, `silent` those of them that were exactly zero.
    """
    import jack

    client = jack.Client("caller")
    out, inp = client.outports.register("out"), client.inports.register("in")
    total = int(seconds * RATE)
    heard = np.full(total + RATE, np.nan, np.float32)
    state = {"start": -1, "xruns": 0, "calls": 0}
    ramp = np.arange(PERIOD)

    @client.set_process_callback
    def process(frames: int) -> None:
        now = client.last_frame_time
        state["start"] = now if state["start"] < 0 else state["start"]
        at = now - state["start"]
        state["calls"] += 1
        out.get_array()[:] = ((at + ramp) % INDEX_RANGE + 1) / INDEX_RANGE
        if at + frames <= len(heard):
            heard[at : at + frames] = inp.get_array()

    @client.set_xrun_callback
    def xrun(_delay: float) -> None:
        state["xruns"] += state["calls"] > 2 * RATE // PERIOD  # connecting ports makes some

    with client:
        theirs = wait_for_stream(client)
        client.connect(out, theirs[0])
        client.connect(theirs[1], inp)
        time.sleep(1.0)
        if not np.nanmax(np.abs(heard[state["calls"] * PERIOD - RATE // 2 :])):
            print([(p.name, client.get_all_connections(p)) for p in client.get_ports()], file=sys.stderr)
        time.sleep(seconds - 1.0)
    return summarise_heard(heard[:total], state)


def wait_for_stream(client) -> tuple[str, str]:  # noqa: ANN001
    """Names of the stream's input and output port, once both are there."""
    while True:
        ports = [p for p in client.get_ports(is_audio=True) if p.name.split(":")[0] not in ("system", "caller")]
        ins, outs = [p.name for p in ports if p.is_input], [p.name for p in ports if p.is_output]
        if ins and outs:
            time.sleep(0.3)
            return ins[0], outs[0]
        time.sleep(0.05)


def summarise_heard(heard: NDArray[np.float32], state: dict[str, int]) -> dict[str, float]:
    """Usual delay in samples and how many samples came otherwise, from the second after settling."""
    position = np.arange(len(heard))
    sent = np.round(heard.astype(np.float64) * INDEX_RANGE) - 1
    settled = (position > 2 * RATE) & (position < len(heard) - RATE // 2) & ~np.isnan(heard)
    delays = (position - sent)[settled]
    sounding = heard[settled] != 0
    values, counts = np.unique(delays[sounding], return_counts=True)
    usual = values[counts.argmax()] if len(values) else np.nan
    jumps = int(np.count_nonzero(np.diff(delays[sounding])))
    missing = int(np.count_nonzero(np.isnan(heard[2 * RATE : len(heard) - RATE // 2])))
    return {"delay": float(usual), "silent": int(np.count_nonzero(~sounding)), "jumps": jumps,
            "wrong": int(np.count_nonzero(delays != usual)), "heard": int(settled.sum()),
            "caller_missed": missing, "jack_xruns": state["xruns"]}


# --- latency formula --------------------------------------------------------------------------------


def run_pass_through(blocksize: int, latency: str | float, seconds: float) -> dict[str, float]:
    """Callback that copies input to output; what PortAudio says its latency is, in samples."""
    import sounddevice as sd

    sizes: set[int] = set()

    def callback(indata, outdata, frames, _time, _status) -> None:  # noqa: ANN001
        sizes.add(frames)
        outdata[:] = indata

    with sd.Stream(device=jack_device(), samplerate=RATE, blocksize=blocksize, channels=1, dtype="float32",
                   latency=latency, callback=callback) as stream:
        time.sleep(seconds)
        reported_in, reported_out = stream.latency
    return {"in": round(reported_in * RATE), "out": round(reported_out * RATE), "frames": sorted(sizes)}


def measure_latency() -> None:
    """Prints reported and measured delay of a pass-through for block sizes, latencies and periods."""
    print("| jackd period | blocksize | latency | callback frames | reported in | reported out | measured loop |")
    print("|---|---|---|---|---|---|---|")
    cases = [(240, b, lat) for b in (0, 120, 240, 480, 360) for lat in ("low", 0.005)]
    cases += [(240, 240, "high"), (128, 0, "low"), (480, 480, "low"), (480, 240, "low")]
    for period, blocksize, latency in cases:
        with jackd(period) as env:
            device = spawn("pass", "--blocksize", str(blocksize), "--latency-arg", str(latency),
                           "--seconds", "6", env=env)
            caller = spawn("caller", "--seconds", "5", "--period", str(period), env=env)
            said, heard = result_of(device), result_of(caller)
        print(f"| {period} | {blocksize} | {latency} | {said['frames']} | {said['in']} | {said['out']} "
              f"| {heard['delay']:.0f} |", flush=True)


# --- orchestration ----------------------------------------------------------------------------------


def spawn(role: str, *arguments: str, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
    """Starts this script in another role."""
    return subprocess.Popen([sys.executable, __file__, "--role", role, *arguments], text=True,
                            env=env or os.environ.copy(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def result_of(process: subprocess.Popen[str]) -> dict[str, float]:
    """The last line a role printed, as JSON."""
    lines = process.communicate()[0].strip().splitlines()
    if not lines:
        raise SystemExit(f"a helper process ended without a result: {process.args}")
    return json.loads(lines[-1])


class jackd:  # noqa: N801
    """A dummy server of its own; gives the environment that leads to it."""

    def __init__(self, period: int = PERIOD) -> None:
        self.name = f"bench{os.getpid()}_{time.monotonic_ns() % 1_000_000}"
        self.command = ["jackd", "-n", self.name, *realtime_options(), "-d", "dummy", "-r", str(RATE), "-p", str(period),
                        "-C", "1", "-P", "1"]

    def __enter__(self) -> dict[str, str]:
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(1.0)
        threads = {f"{name}_NUM_THREADS": "1" for name in ("OPENBLAS", "OMP", "MKL")}
        return os.environ | threads | {"JACK_DEFAULT_SERVER": self.name, "JACK_NO_START_SERVER": "1"}

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait()


def realtime_options() -> list[str]:
    """Real-time scheduling where allowed (as root): then other programs disturb the figures less."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    except PermissionError:
        return ["-r"]
    return ["-R", "-P", "60"]


def keep_others_out() -> None:
    """Locks memory and takes real-time priority below the callbacks, where allowed.

    What is left is what the design itself makes of its threads, not what else runs on the machine.
    """
    lock_current_and_future = 3
    ctypes.CDLL(None).mlockall(lock_current_and_future)
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))


def bench(variant: str, load: str, seconds: float, burner: bool) -> dict[str, float]:
    """One run: server, stream under test, caller, and a busy core if asked."""
    with jackd() as env:
        burning = spawn("burner", "--seconds", str(seconds + 6)) if burner else None
        device = spawn(variant, "--load", load, "--seconds", str(seconds + 5), env=env)
        caller = spawn("caller", "--seconds", str(seconds + 2.5), env=env)
        result = {**result_of(caller), **result_of(device)}
        if burning:
            burning.kill()
    return result


def burn(seconds: float) -> None:
    """Keeps one core busy."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sum(range(1000))


def main() -> None:
    """Parses the command line and runs the asked role."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--variants", nargs="+", default=VARIANTS)
    parser.add_argument("--loads", nargs="+", default=LOADS)
    parser.add_argument("--burner", action="store_true")
    parser.add_argument("--latency", action="store_true")
    parser.add_argument("--json", type=Path)
    for hidden in ("--role", "--load", "--latency-arg"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    for hidden in ("--blocksize", "--period"):
        parser.add_argument(hidden, type=int, default=PERIOD, help=argparse.SUPPRESS)
    parser.add_argument("--rings", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.role:
        play_role(options)
    elif options.latency:
        measure_latency()
    else:
        compare(options)


def play_role(options: argparse.Namespace) -> None:
    """Runs as one of the processes of a measurement and prints its result as JSON."""
    if options.role != "burner":
        keep_others_out()
    global PERIOD
    PERIOD = options.period
    seconds = options.seconds
    roles: dict[str, Callable[[], object]] = {
        "thread": lambda: run_thread(options.load, seconds),
        "rtmixer": lambda: run_rtmixer(options.load, seconds),
        "process": lambda: run_process(options.load, seconds),
        "worker": lambda: run_worker(options.load, seconds, options.rings),
        "caller": lambda: run_caller(seconds),
        "burner": lambda: burn(seconds),
        "pass": lambda: run_pass_through(
            options.blocksize,
            options.latency_arg if options.latency_arg in ("low", "high") else float(options.latency_arg),
            seconds),
    }
    print(json.dumps(roles[options.role]()))


def compare(options: argparse.Namespace) -> None:
    """Prints the table of all variants and loads asked for."""
    columns = ("wait_p50", "wait_p99", "wait_p99.9", "wait_max", "p50", "p99", "p99.9", "max", "flags", "jack_xruns", "ring_underruns", "silent", "jumps",
               "delay", "heard", "caller_missed")
    print("| variant | load | " + " | ".join(columns) + " |")
    print("|" + "---|" * (len(columns) + 2), flush=True)
    rows = []
    for load in options.loads:
        for variant in options.variants:
            row = bench(variant, load, options.seconds, options.burner)
            rows.append({"variant": variant, "load": load, "burner": options.burner, **row})
            cells = [f"{row[c]:.2f}" if c.startswith(("p", "max", "wait")) and c in row else f"{row.get(c, '-')}"
                     for c in columns]
            print(f"| {variant} | {load} | " + " | ".join(cells) + " |", flush=True)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
