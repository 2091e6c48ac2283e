"""How long hops of a voice take while other voices are built beside it, in the worker's two threads.

    python -m tests.tools.building [--voice marlow] [--rounds 18]

Both threads have the worker's priorities; a hop is due every 10 ms. Time from when it is due until it is
done, with Python's own interval for handing over the interpreter's lock and with the worker's, in turn.
"""

from __future__ import annotations

import argparse
import gc
import sys
import threading
import time

import numpy as np

from audio.priority import raise_priority
from inference.call_check import phrase
from inference.chain import Chain
from inference.converter import HOP, MODEL_RATE
from inference.engine.messages import EngineParams
from inference.engine.worker import SWITCH_S, time_hop
from inference.registry import make_converter
from voices.builtin import find_voice

_BUILT = ("marlow", "nora", "giant", "meridian", "anton", "whisper", "deep")
_PYTHONS_S = 0.005
_DEADLINE_MS = 5.0


def build(name: str) -> None:
    """What the worker does with a voice before it can be spoken."""
    raise_priority("builder")
    converter = make_converter(find_voice(name))
    converter.warm_up()
    time_hop(converter)


def hops_ms(voice: str, rounds: int) -> np.ndarray:
    """(n,) ms from due to done of each hop while the voices of `_BUILT` are built."""
    converter = make_converter(find_voice(voice))
    converter.warm_up()
    chain, params = Chain(MODEL_RATE, MODEL_RATE, converter, variable=False), EngineParams(gate_db=-120.0)
    speech = phrase().astype(np.float32)
    took: list[float] = []
    for name in _BUILT * rounds:
        thread = threading.Thread(target=build, args=(name,))
        thread.start()
        due = time.perf_counter()
        while thread.is_alive():
            due = max(due + HOP / MODEL_RATE, time.perf_counter())
            time.sleep(max(0.0, due - time.perf_counter()))
            at = len(took) * HOP % (len(speech) - HOP)
            chain.process(speech[at : at + HOP].copy(), params)
            took.append(1e3 * (time.perf_counter() - due))
    return np.array(took)


def main() -> None:
    """Prints a line for each interval, three times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--voice", default="marlow", help="the one that is spoken")
    parser.add_argument("--rounds", type=int, default=18, help="how often each of 7 voices is built")
    options = parser.parse_args()
    build(options.voice)
    gc.collect()
    gc.freeze()
    gc.disable()
    raise_priority("worker")
    for _ in range(3):
        for interval in (_PYTHONS_S, SWITCH_S):
            sys.setswitchinterval(interval)
            took = hops_ms(options.voice, options.rounds)
            late = int((took > _DEADLINE_MS).sum())
            print(
                f"{1e3 * interval:.1f} ms: {len(took)} hops, p50 {np.median(took):.1f}, "
                f"p99 {np.quantile(took, 0.99):.1f}, longest {took.max():.1f} ms, "
                f"{late} over {_DEADLINE_MS:.0f} ms",
                flush=True,
            )


if __name__ == "__main__":
    main()
