"""`menura bench`: what this machine needs per hop, to start, and in memory."""

from __future__ import annotations

import gc
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

from audio.devices import DeviceError, find_device
from audio.resample import make_resampler
from inference.chain import Chain
from inference.converter import HOP, MODEL_RATE
from inference.engine.client import EngineClient
from inference.engine.messages import EngineParams, EngineState, Mode, StateChanged, StreamConfig
from inference.launch import own_command
from inference.registry import UnsupportedVoiceError, make_converter
from inference.sample import bundled_speech
from voices.builtin import builtin_voices
from voices.home import AlreadyRunningError, engine_lock
from voices.voice import Voice

Figures = dict[str, Any]

_RATE = 48_000
_HOPS = 2000
_HOP_MS = 1e3 * HOP / MODEL_RATE
_PATHS = ((_RATE, False), (44_100, False), (_RATE, True))
_HELP_RUNS, _WINDOW_RUNS = 5, 3
_PATIENCE_S = 15.0
_SETTLED_S = 5.0

_WINDOW = ("-c", "import sys; from gui.app import main; sys.exit(main([], quit_after_first_paint=True))")


def run_bench(tell: Callable[[str], None]) -> Figures:
    """Measures everything in under a minute and returns the figures, ready for JSON.

    `tell` gets the lines of a table as they become known. A figure that cannot be had here is a string
    'not measured: reason' in its place. Times in ms, memory in MB; `real_time_factor` below 1 keeps up.
    """
    figures: Figures = {"machine": machine()}
    tell("  ".join(f"{name} {value}" for name, value in figures["machine"].items()))
    tell("")
    tell(f"{'chain at 48 kHz, ms per 10 ms hop':<36}{'RTF':>8}{'p50':>8}{'p99':>8}{'p99.9':>8}{'max':>8}")
    figures["voices"] = []
    speech = bundled_speech(_RATE)
    for voice in _one_of_each_kind(builtin_voices()):
        figures["voices"].append(measured := measure_voice(voice, speech))
        tell(_voice_line(measured))
    figures["resampling"] = [measure_resampling(rate, variable) for rate, variable in _PATHS]
    for measured in figures["resampling"]:
        tell(_row(f"resampling {measured['path']}", measured["ms_per_hop"], "ms per hop, both ways"))
    figures["start_up"] = measure_start_up()
    for name, value in figures["start_up"].items():
        tell(_row(name, value, "ms"))
    figures["engine"] = measure_engine(builtin_voices()[0])
    for name, value in figures["engine"].items():
        tell(_row(name, value, ""))
    return figures


def machine() -> Figures:
    """What was measured on."""
    return {
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": platform.platform(),
    }


def measure_voice(voice: Voice, speech: NDArray[np.float32], hops: int = _HOPS) -> Figures:
    """Time per hop of the whole chain at 48 kHz speaking `speech`: (n,) float32 at 48 kHz, looped."""
    row: Figures = {"voice": voice.id, "kind": voice.kind.value, "hop_ms": _HOP_MS}
    try:
        converter = make_converter(voice)
        converter.warm_up()
    except (UnsupportedVoiceError, ValueError, OSError) as error:
        return row | {"real_time_factor": _unmeasured(str(error))}
    chain, params = Chain(_RATE, _RATE, converter), EngineParams()
    size = chain.block
    blocks = speech[: len(speech) // size * size].reshape(-1, size)
    times = np.zeros(hops)
    gc.collect()
    gc.disable()  # as in the worker
    try:
        for i in range(hops):
            begun = time.perf_counter()
            chain.process(blocks[i % len(blocks)], params)
            times[i] = time.perf_counter() - begun
    finally:
        gc.enable()
    p50, p99, p999 = (1e3 * float(q) for q in np.quantile(times, (0.5, 0.99, 0.999)))
    return row | {
        "hops": hops,
        "real_time_factor": 1e3 * float(times.mean()) / _HOP_MS,
        "p50_ms": p50,
        "p99_ms": p99,
        "p999_ms": p999,
        "max_ms": 1e3 * float(times.max()),
    }


def measure_resampling(rate: int, variable: bool) -> Figures:
    """Time per hop of the way from `rate` Hz to the model and back; `variable` follows another clock."""
    block = round(rate * HOP / MODEL_RATE)
    down = make_resampler(rate, MODEL_RATE, block)
    up = make_resampler(MODEL_RATE, rate, 2 * HOP, variable=variable)
    noise = np.random.default_rng(1).uniform(-0.1, 0.1, block).astype(np.float32)
    times = []
    for _ in range(500):
        begun = time.perf_counter()
        up.process(down.process(noise))
        times.append(time.perf_counter() - begun)
    clocks = ", two clocks" if variable else ""
    return {"path": f"{rate} Hz{clocks}", "ms_per_hop": 1e3 * median(times)}


def measure_start_up() -> Figures:
    """Medians in ms of the answer to --help and of the window's first paint, processes started afresh."""
    environment = dict(os.environ)
    if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        environment.setdefault("QT_QPA_PLATFORM", "offscreen")
    with tempfile.TemporaryDirectory(prefix="menura-bench-") as folder:
        environment["MENURA_HOME"] = folder
        return {
            "menura --help": time_process(own_command("--help"), _HELP_RUNS, environment),
            "window, first paint": _first_paint(environment),
        }


def _first_paint(environment: dict[str, str]) -> float | str:
    if getattr(sys, "frozen", False):
        return _unmeasured("a bundled application has no Python to ask")
    return time_process((sys.executable, *_WINDOW), _WINDOW_RUNS, environment)


def time_process(command: Sequence[str], runs: int, environment: dict[str, str]) -> float | str:
    """Median of `runs` wall-clock times of a process, ms; or why not."""
    times = []
    for _ in range(runs):
        begun = time.perf_counter()
        try:
            done = subprocess.run(
                list(command),
                env=environment,
                capture_output=True,
                text=True,
                timeout=_PATIENCE_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return _unmeasured(f"{type(error).__name__}")
        if done.returncode:
            said = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
            return _unmeasured(said[-1])
        times.append(1e3 * (time.perf_counter() - begun))
    return median(times)


def measure_engine(voice: Voice) -> Figures:
    """Start and memory of the engine's processes; muted, on the default devices where there are any."""
    names = ("start to first block, ms", "worker memory after 5 s, MB")
    try:
        lock = engine_lock()
    except AlreadyRunningError as error:
        return dict.fromkeys(names, _unmeasured(str(error)))
    try:
        with EngineClient() as engine:
            started = _start(engine, voice)
            time.sleep(_SETTLED_S)
            resident: float | str = _unmeasured("the worker is not there")
            if "worker" in engine.pids:
                resident = psutil.Process(engine.pids["worker"]).memory_info().rss / 1e6
    finally:
        lock.release()
    return dict(zip(names, (started, resident), strict=True))


def _start(engine: EngineClient, voice: Voice) -> float | str:
    """Milliseconds from the wish to the first converted block; or why there was none."""
    begun = time.perf_counter()
    engine.set_params(EngineParams(mode=Mode.MUTE))
    engine.set_voice(voice)
    try:
        find_device(None, "input")
        find_device(None, "output")
    except DeviceError as error:
        return _unmeasured(str(error))
    engine.start(StreamConfig())
    while time.perf_counter() - begun < _PATIENCE_S:
        time.sleep(0.005)
        for event in engine.poll():
            if isinstance(event, StateChanged) and event.state is EngineState.FAILED:
                return _unmeasured(event.reason)
        if engine.telemetry().seconds > 0:
            return 1e3 * (time.perf_counter() - begun)
    return _unmeasured("no block came")


def _one_of_each_kind(voices: Sequence[Voice]) -> list[Voice]:
    first: dict[str, Voice] = {}
    for voice in voices:
        first.setdefault(voice.kind, voice)
    return list(first.values())


def _voice_line(measured: Figures) -> str:
    name = f"{measured['kind']} ({measured['voice']})"
    if isinstance(measured["real_time_factor"], str):
        return f"{name:<36}  {measured['real_time_factor']}"
    columns = (measured[key] for key in ("real_time_factor", "p50_ms", "p99_ms", "p999_ms", "max_ms"))
    return f"{name:<36}" + "".join(f"{value:8.3f}" for value in columns)


def _row(name: str, value: float | str, note: str) -> str:
    if isinstance(value, str):
        return f"{name:<36}  {value}"
    return f"{name:<36}{value:8.3f}  {note}".rstrip()


def _unmeasured(reason: str) -> str:
    return f"not measured: {' '.join(reason.split())}"


def _cpu_name() -> str:
    """The processor's name; on Linux only /proc knows it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
