"""Measures the stages of the audio path: time per 10 ms block, delay, and what the resamplers let through.

Usage: python tests/tools/bench_audio.py [--rounds 5]

Prints the tables of docs/audio-path.md. Times are CPU time of the thread, the median and p99 over all
blocks of all rounds; the stages take turns within a round, so that other work on the machine, which
slows the caches down, hits all alike.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from audio.gate import Gate
from audio.levels import Meter, make_finite
from audio.limiter import Limiter
from audio.resample import Resampler, make_resampler
from audio.ring import Ring
from audio.smooth import GainRamp

Samples = NDArray[np.float32]

BLOCKS_PER_ROUND = 400
PAIRS = [
    (48_000, 24_000, False),
    (24_000, 48_000, False),
    (44_100, 24_000, False),
    (24_000, 44_100, False),
    (24_000, 48_000, True),
    (48_000, 48_000, True),
    (44_100, 48_000, True),
    (192_000, 24_000, False),
    (8_000, 24_000, False),
]
TONES_HZ = (1_000, 8_000, 10_000, 10_500, 11_000, 13_000, 13_700, 16_000, 20_000)


def noise(rate: int, level: float = 0.1) -> Samples:
    """10 ms of white noise."""
    return np.random.default_rng(0).normal(0, level, rate // 100).astype(np.float32)


def stages() -> dict[str, Callable[[], object]]:
    """The stages at their rates in the engine, each as a call that does one block's work."""
    ring, block, out = Ring.create(4096), noise(48_000), np.zeros(480, np.float32)
    hop, loud, work = noise(24_000), noise(24_000, 1.0), np.zeros(240, np.float32)
    limiter, busy, gate, meter, ramp = Limiter(24_000), Limiter(24_000), Gate(24_000), Meter(), GainRamp()
    gains = iter(np.resize([0.5, 1.0], 10_000_000))

    def with_copy(x: Samples, act: Callable[[Samples], object]) -> Callable[[], object]:
        def run() -> object:
            work[:] = x
            return act(work)

        return run

    return {
        "ring, push + pop, 480": lambda: (ring.push(block), ring.pop_into(out)),
        "finite check, 240": lambda: make_finite(hop),
        "meter, 240": lambda: meter.update(hop),
        "gain ramp, 240": with_copy(hop, lambda x: ramp.process(x, float(next(gains)))),
        "gate, 240": with_copy(hop, lambda x: gate.process(x, -60.0)),
        "limiter idle, 240": with_copy(hop, limiter.process),
        "limiter at work, 240": with_copy(loud, busy.process),
    }


def resampler_stage(resampler: Resampler) -> Callable[[], object]:
    """One 10 ms block through a resampler."""
    block = noise(resampler.rate_in)
    return lambda: resampler.process(block)


def measure(jobs: dict[str, Callable[[], object]], rounds: int) -> dict[str, tuple[float, float]]:
    """Returns median and p99 in microseconds for each job."""
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(rounds):
        for name, job in jobs.items():
            for _ in range(BLOCKS_PER_ROUND):
                start = time.thread_time()
                job()
                times[name].append(time.thread_time() - start)
    return {name: (1e6 * float(np.median(t)), 1e6 * float(np.quantile(t, 0.99))) for name, t in times.items()}


def through(resampler: Resampler, tone_hz: float) -> float:
    """Level in dB of a tone after the resampler, wherever it came out."""
    rate = resampler.rate_in
    x = np.sin(2 * np.pi * tone_hz * np.arange(rate) / rate + 0.3).astype(np.float32)
    y = np.concatenate([resampler.process(b).copy() for b in np.split(x, 100)])[len(x) // 10 :]
    return float(20 * np.log10(np.std(y) * np.sqrt(2) + 1e-9))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds

    resamplers = {
        f"{a} -> {b}{', variable' if variable else ''}": make_resampler(a, b, a // 100, variable)
        for a, b, variable in PAIRS
    }
    jobs = stages() | {name: resampler_stage(r) for name, r in resamplers.items()}
    measured = measure(jobs, rounds)
    print("| stage (samples per block) | p50 us | p99 us |\n|---|---|---|")
    for name in stages():
        print(f"| {name} | {measured[name][0]:.0f} | {measured[name][1]:.0f} |")
    print("\n| resampler, Hz | p50 us | p99 us | delay, input samples | delay, ms |\n|---|---|---|---|---|")
    for name, r in resamplers.items():
        p50, p99 = measured[name]
        print(f"| {name} | {p50:.0f} | {p99:.0f} | {r.delay_samples_in:g} | {1e3 * r.delay_s:.3f} |")
    print("\n| dB at, kHz | " + " | ".join(f"{f / 1e3:g}" for f in TONES_HZ) + " |")
    print("|---|" + "---|" * len(TONES_HZ))
    for name, r in resamplers.items():
        if r.rate_in in (44_100, 48_000):
            print(f"| {name} | " + " | ".join(f"{through(r, f):.2f}" for f in TONES_HZ) + " |")


if __name__ == "__main__":
    main()
