"""The clock model converges and is not misled."""

from __future__ import annotations

import numpy as np
import pytest

from audio.clock import ClockModel

RATE = 48_000


def callbacks(
    seconds: float, ppm: float, block: int, jitter_s: float, start_s: float = 1000.0
) -> list[tuple[int, float]]:
    """Positions and host times of callbacks that are late by an exponentially distributed jitter."""
    rng = np.random.default_rng(0)
    count = int(seconds * RATE / block)
    late = rng.exponential(jitter_s, count) if jitter_s else np.zeros(count)
    period = block / (RATE * (1 + ppm * 1e-6))
    return [(i * block, start_s + i * period + late[i]) for i in range(count)]


@pytest.mark.parametrize("block", [64, 240, 1024])
@pytest.mark.parametrize("ppm", [-300.0, 0.0, 300.0])
def test_converges_on_the_rate_and_averages_jitter(block: int, ppm: float) -> None:
    clock = ClockModel(RATE, block)
    jitter = 0.5e-3
    errors = []
    for position, time_s in callbacks(120, ppm, block, jitter):
        clock.update(position, time_s)
        errors.append(clock.time_at(position) - 1000.0 - position / (RATE * (1 + ppm * 1e-6)))
    late = np.array(errors[len(errors) // 2 :])
    assert clock.rate_ppm == pytest.approx(ppm, abs=30)
    # The mean lateness is a bias no observer can see; what varies must be far below the jitter.
    assert late.std() < jitter / 4
    assert 0 < late.mean() < 2 * jitter


def test_good_within_seconds() -> None:
    clock = ClockModel(RATE, 240)
    for position, time_s in callbacks(3, 200, 240, 0.1e-3):
        clock.update(position, time_s)
    assert clock.time_at(3 * RATE) == pytest.approx(1003 - 3 * 200e-6, abs=0.5e-3)


def test_position_and_time_are_inverse() -> None:
    clock = ClockModel(RATE, 240)
    for position, time_s in callbacks(5, 100, 240, 0.2e-3):
        clock.update(position, time_s)
    for position in (0, 1234, 10_000_000):
        assert clock.position_at(clock.time_at(position)) == pytest.approx(position, abs=1e-2)


@pytest.mark.parametrize("late_s", [0.02, 0.5, 2.0])
def test_one_late_callback_hardly_moves_it(late_s: float) -> None:
    clock, script = ClockModel(RATE, 240), callbacks(30, 0, 240, 0.05e-3)
    for position, time_s in script[:-1]:
        clock.update(position, time_s)
    before = clock.time_at(script[-1][0])
    clock.update(script[-1][0], script[-1][1] + late_s)
    assert clock.time_at(script[-1][0]) == pytest.approx(before, abs=0.1e-3)


@pytest.mark.parametrize("jump_s", [-0.3, 0.3, 5.0])
def test_follows_a_jump_that_stays(jump_s: float) -> None:
    clock, script = ClockModel(RATE, 240), callbacks(20, 0, 240, 0)
    half = len(script) // 2
    for position, time_s in script[:half]:
        clock.update(position, time_s)
    for position, time_s in script[half:]:
        clock.update(position, time_s + jump_s)
    assert clock.time_at(script[-1][0]) == pytest.approx(script[-1][1] + jump_s, abs=0.1e-3)


def test_a_stall_with_catching_up_is_no_jump() -> None:
    clock, script = ClockModel(RATE, 240), callbacks(20, 0, 240, 0)
    for i, (position, time_s) in enumerate(script):
        stalled = 2000 <= i < 2050
        clock.update(position, script[2050][1] if stalled else time_s)
    assert clock.updates == len(script)
    assert clock.time_at(script[-1][0]) == pytest.approx(script[-1][1], abs=0.3e-3)


def test_a_position_that_falls_is_a_new_stream() -> None:
    clock = ClockModel(RATE, 240)
    clock.update(48_000, 10.0)
    clock.update(240, 99.0)
    assert clock.time_at(240) == 99.0


def test_nominal_before_any_update() -> None:
    assert ClockModel(RATE, 240).time_at(RATE) == 1.0


def test_varying_blocks() -> None:
    rng, clock, position = np.random.default_rng(1), ClockModel(RATE, 512), 0
    for _ in range(8000):
        clock.update(position, 5 + position / RATE / (1 + 1e-4) + rng.exponential(0.1e-3))
        position += int(rng.integers(0, 1000))
    assert clock.rate_ppm == pytest.approx(100, abs=20)
