"""Two clocks apart, jittered callbacks, half an hour: the delay stays and the pitch does not waver."""

from __future__ import annotations

import math

import numpy as np
import pytest

from audio.clock import ClockModel
from audio.drift import LIMIT, DriftController

CENT = 2 ** (1 / 1200) - 1


def simulate(
    rate_out: int, ppm: float, block: int, jitter_s: float, seconds: float, hop_s: float = 0.02
) -> tuple[np.ndarray, np.ndarray, int]:
    """Runs a hop-wise writer on the host's clock and a block-wise reader on its own.

    Returns the delay error (s) and ratio per hop, and the number of underruns. The writer sees the
    reader only through jittered callback times and a `ClockModel`, as the engine does.
    """
    rng = np.random.default_rng(0)
    clock, drift = ClockModel(rate_out, block), DriftController()
    period = block / (rate_out * (1 + ppm * 1e-6))
    target = 2 * hop_s + block / rate_out + 4 * jitter_s
    written, read, ratio, next_read = target * rate_out, 0, 0.0, 0.0
    errors, ratios, underruns = [], [], 0
    for hop in range(int(seconds / hop_s)):
        now = (hop + 1) * hop_s
        while next_read <= now:
            if written - read < block:
                underruns += 1
            clock.update(read, next_read + min(rng.exponential(jitter_s), 4 * jitter_s))
            read += block
            next_read = read / block * period
        written += hop_s * rate_out * (1 + ratio)
        true_error = written / rate_out / (1 + ppm * 1e-6) - now - target
        ratio = drift.update(clock.time_at(written) - now - target, hop_s)
        errors.append(true_error)
        ratios.append(ratio)
    return np.array(errors), np.array(ratios), underruns


@pytest.mark.parametrize(("rate_out", "block"), [(48_000, 480), (44_100, 1024)])
@pytest.mark.parametrize("ppm", [-300.0, 300.0])
def test_half_an_hour_without_underrun(rate_out: int, block: int, ppm: float) -> None:
    # Jitter of 1 ms, 4 ms at worst: worse than any device this was measured on.
    errors, ratios, underruns = simulate(rate_out, ppm, block, jitter_s=1e-3, seconds=1800)
    assert underruns == 0
    steady = slice(len(ratios) // 60, None)
    # The mean lateness of the callbacks, 1 ms, is a bias of any measurement.
    assert errors[steady].mean() == pytest.approx(-1e-3, abs=0.2e-3)
    assert np.abs(errors + 1e-3).max() < 2e-3
    assert np.abs(errors[steady] - errors[steady].mean()).max() < 0.5e-3
    assert ratios[steady].mean() == pytest.approx(ppm * 1e-6, abs=5e-6)
    assert np.abs(ratios[steady] - ppm * 1e-6).max() < CENT


def test_takes_hold_within_seconds() -> None:
    drift, delay = DriftController(), 0.01
    for _ in range(1000):
        delay += 0.01 * drift.update(delay, 0.01)
    assert abs(delay) < 0.006
    for _ in range(3000):
        delay += 0.01 * drift.update(delay, 0.01)
    assert abs(delay) < 0.0007


@pytest.mark.parametrize("error_s", [1.0, -1.0, math.inf, math.nan])
def test_never_beyond_its_limit_and_recovers(error_s: float) -> None:
    drift = DriftController()
    for _ in range(10_000):
        assert abs(drift.update(error_s, 0.01)) <= LIMIT
    drift.reset()
    assert abs(drift.update(0.0, 0.01)) < 1e-9


def test_reset_keeps_what_was_learned_of_the_clocks() -> None:
    drift, delay = DriftController(), 0.0
    for _ in range(20_000):
        delay += 0.01 * (drift.update(delay, 0.01) - 200e-6)
    drift.reset()
    assert drift.update(0.0, 0.01) == pytest.approx(200e-6, abs=2e-6)
    assert drift.learned_ppm == pytest.approx(200, abs=2)
