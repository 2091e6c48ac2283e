"""48000 Hz in, 44100 Hz out, clocks 400 ppm apart: is anything dropped, does the delay stay?

    python -m tests.tools.two_clocks [--virtual-minutes 30] [--real-minutes 2] [--json FILE]

In virtual time the product's session, chain, rings, clock models and resamplers run as fast as they can
(30 minutes take about one); in real time the whole engine with its processes, but for the devices, which
are threads that sleep (`two_clocks_device.py`). Delay is measured from outside each 10 s, by what was played.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from tests.tools.figures import show
from tests.tools.witnesses import witnesses

_EVERY_S = 10.0
_BEGUN = 5
"""Seconds that the streams may take to begin, in real time."""

_SETTLED_S = 60.0
"""The first minute is for the loops to learn the clocks; its figures stand apart."""

SKEWS = ((200.0, -200.0), (-200.0, 200.0))


def virtual(minutes: float, ppm_in: float, ppm_out: float) -> dict[str, Any]:
    """Half an hour in a minute."""
    import pytest

    from tests.tools.two_clocks_virtual import TwoClocks

    with pytest.MonkeyPatch.context() as monkeypatch:
        sim = TwoClocks(monkeypatch, ppm_in, ppm_out)
        rows = []
        for at in np.arange(_EVERY_S, 60 * minutes + 1, _EVERY_S):
            sim.run(_EVERY_S)
            rows.append((float(at), sim.lag(), sim.told_ms()))
        return _figures(rows, sim.underruns, sim.dropped) | {"time": "virtual"} | _skew(ppm_in, ppm_out)


def real(minutes: float, ppm_in: float, ppm_out: float) -> dict[str, Any]:
    """The engine at the pace of the clock."""
    from inference.engine import entry
    from inference.engine.client import EngineClient
    from inference.engine.messages import EngineParams, Mode, StreamConfig
    from tests.tools import two_clocks_device
    from voices.builtin import find_voice

    entry.audio = two_clocks_device.audio
    with tempfile.TemporaryDirectory() as folder, witnesses() as watchers:
        result = Path(folder) / "heard.npz"
        os.environ[two_clocks_device.SKEW] = json.dumps(
            {"ppm_in": ppm_in, "ppm_out": ppm_out, "result": str(result)}
        )
        with EngineClient() as engine:
            engine.set_voice(find_voice("deep"))
            engine.set_params(EngineParams(mode=Mode.BYPASS))
            engine.start(StreamConfig())
            told = _watch(engine, 60 * minutes)
            engine.stop()
            _wait_for(result)
        stalls = watchers.end()
        with np.load(result) as kept:
            rows = _measure(kept["heard"], float(kept["began"]), told[:: round(_EVERY_S)], ppm_in, ppm_out)
    found = _figures(rows, told[-1][2] - told[_BEGUN][2], told[-1][3] - told[_BEGUN][3])
    losses = [(a[0], b[0]) for a, b in pairwise(told[_BEGUN:]) if a[2:] != b[2:]]
    blamed = sum(stalls.between(a - 0.1, b) for a, b in losses)
    seconds = {"seconds_with_a_loss": len(losses), "of_them_with_a_stall_of_the_machine": blamed}
    quiet = sum(not stalls.between(a[0] - 0.1, b[0]) for a, b in pairwise(told))
    return found | seconds | {"time": "real", "seconds_without_a_stall": quiet} | _skew(ppm_in, ppm_out)


def _watch(engine: Any, seconds: float) -> list[tuple[float, float, int, int]]:
    """(perf_counter s, latency told in ms, underruns, samples dropped) each second, from when it runs."""
    while not engine.telemetry().running:
        time.sleep(0.1)
    told, begin = [], time.perf_counter()
    while time.perf_counter() - begin < seconds:
        time.sleep(1.0)
        now = engine.telemetry()
        told.append(
            (time.perf_counter(), now.latency.total, now.xruns.output_underflow, now.xruns.dropped_samples)
        )
    return told


def _wait_for(result: Path) -> None:
    until = time.monotonic() + 10.0
    while not result.exists() and time.monotonic() < until:
        time.sleep(0.1)


def _measure(
    heard: np.ndarray, began: float, told: Sequence[Any], ppm_in: float, ppm_out: float
) -> list[tuple[float, float, float]]:
    """(s since the devices began, delay measured, delay told) at each look."""
    from tests.tools.two_clocks_lag import LOOP_S, hum, lag_ms
    from tests.tools.two_clocks_virtual import RATE_IN, RATE_OUT

    said = hum(LOOP_S, RATE_IN)
    true_in, true_out = RATE_IN * (1 + 1e-6 * ppm_in), RATE_OUT * (1 + 1e-6 * ppm_out)
    rows = []
    for at, ms, *_ in told:
        with suppress(ValueError):  # the machine tore a hole there; `_figures` counts what is missing
            rows.append((at - began, lag_ms(said, heard, at - began, true_in, true_out), ms))
    return rows


def _skew(ppm_in: float, ppm_out: float) -> dict[str, float]:
    return {"ppm_in": ppm_in, "ppm_out": ppm_out}


def _figures(rows: Sequence[tuple[float, float, float]], underruns: int, dropped: int) -> dict[str, Any]:
    """What was lost, and the delay: first, last, and how far it strayed."""
    lags = np.array([lag for _, lag, _ in rows])
    apart = np.array([lag - told for _, lag, told in rows])
    steady = lags[[at > _SETTLED_S for at, *_ in rows]]
    return {
        "minutes": round(rows[-1][0] / 60, 1),
        "underruns": underruns,
        "dropped_samples": dropped,
        "delay_first_ms": round(float(lags[0]), 2),
        "delay_last_ms": round(float(lags[-1]), 2),
        "delay_after_a_minute_ms": [round(float(f(steady)), 2) for f in (np.min, np.max)]
        if len(steady)
        else [],
        "measured_less_told_worst_ms": round(float(np.abs(apart).max()), 2),
    }


def main() -> None:
    """Prints a row per run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--virtual-minutes", type=float, default=30)
    parser.add_argument("--real-minutes", type=float, default=2)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = [virtual(options.virtual_minutes, *skew) for skew in SKEWS if options.virtual_minutes]
    rows += [real(options.real_minutes, *skew) for skew in SKEWS if options.real_minutes]
    show(rows, options.json)


if __name__ == "__main__":
    main()
