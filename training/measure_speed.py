"""Compares what sets of networks cost a hop, in turn on one machine; docs/model-card.md quotes the table.

    python -m training.measure_speed FOLDER [FOLDER ...] [--hops 500] [--rounds 4]

FOLDER is what `training.export` wrote (assets/models are the shipped ones; `--precision half` makes float).
The whole converter runs on speech, one thread, a hop at a time; in each round every set speaks the same hops.
Times are by the clock and by the thread's own processor time, which other processes disturb less. Ratios
between rows of one run hold on a busy machine, milliseconds do not.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference.converter import HOP, MODEL_RATE
from inference.neural.converter import NeuralConverter
from inference.neural.models import load_networks
from inference.sample import bundled_speech
from voices.builtin_neural import builtin_neural_voices
from voices.tuning import Tuning

Times = NDArray[np.float64]

HOP_MS = 1e3 * HOP / MODEL_RATE


def measure(converters: Sequence[NeuralConverter], hops: int, rounds: int) -> list[Times]:
    """Per converter (rounds * hops, 2): milliseconds a hop by the clock and of processor time."""
    speech = bundled_speech(MODEL_RATE)
    blocks = [
        np.ascontiguousarray(block)
        for block in np.split(speech[: len(speech) // HOP * HOP], len(speech) // HOP)
    ]
    found: list[list[tuple[float, float]]] = [[] for _ in converters]
    for _ in range(rounds):
        for converter, times in zip(converters, found, strict=True):
            converter.warm_up()
            for index in range(hops):
                clock, own = time.perf_counter(), time.thread_time()
                converter.process(blocks[index % len(blocks)], Tuning())
                times.append((1e3 * (time.perf_counter() - clock), 1e3 * (time.thread_time() - own)))
    return [np.array(times) for times in found]


def row(name: str, times: Times, reference: float) -> str:
    """One line of the table; `reference` is the first row's mean processor time, ms."""
    clock, own = times.T
    quantiles = "".join(f"{np.quantile(clock, q):9.2f}" for q in (0.5, 0.99, 0.999))
    means = f"{own.mean() / HOP_MS:8.3f}{own.mean() / reference:8.2f}{clock.mean() / HOP_MS:8.3f}"
    return f"{name:<32}{means}{quantiles}"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--hops", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=4)
    args = parser.parse_args()
    voice = builtin_neural_voices()[0]
    converters = [NeuralConverter(voice, load_networks(folder)) for folder in args.folders]
    found = measure(converters, args.hops, args.rounds)
    print(f"{'a hop of 10 ms':<32}{'CPU RTF':>8}{'ratio':>8}{'RTF':>8}{'p50 ms':>9}{'p99':>9}{'p99.9':>9}")
    for folder, times in zip(args.folders, found, strict=True):
        print(row(str(folder)[-30:], times, found[0][:, 1].mean()))


if __name__ == "__main__":
    main()
