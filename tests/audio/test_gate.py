"""The noise gate."""

from __future__ import annotations

import numpy as np
import pytest

from audio.gate import OFF_DB, Gate
from audio.levels import db_to_gain

RATE = 24_000


def noise(seconds: float, db: float) -> np.ndarray:
    x = np.random.default_rng(0).normal(0, 1, round(RATE * seconds))
    return (x * db_to_gain(db)).astype(np.float32)


def run(gate: Gate, x: np.ndarray, threshold_db: float = -50.0, block: int = 240) -> np.ndarray:
    return np.concatenate(
        [gate.process(x[i : i + block].copy(), threshold_db) for i in range(0, len(x), block)]
    )


@pytest.mark.parametrize("threshold_db", [OFF_DB, -300.0])
def test_off_is_bit_exact(threshold_db: float) -> None:
    x = noise(0.5, -110)
    np.testing.assert_array_equal(run(Gate(RATE), x, threshold_db), x)


def test_speech_level_is_bit_exact() -> None:
    x = noise(1, -20)
    np.testing.assert_array_equal(run(Gate(RATE), x), x)


@pytest.mark.parametrize("block", [1, 17, 240, 12_000])
def test_noise_is_shut_out_after_hold_and_release(block: int) -> None:
    gate = Gate(RATE)
    y = run(gate, noise(1.5, -80), block=block)
    assert not gate.open
    assert y[: round(0.1 * RATE)].any()
    assert not y[RATE:].any()


def test_opens_within_five_milliseconds_and_holds_between_words() -> None:
    gate = Gate(RATE)
    run(gate, noise(1.5, -70))
    speech = noise(0.5, -20)
    y = run(gate, speech)
    assert gate.open
    np.testing.assert_array_equal(y[round(0.005 * RATE) :], speech[round(0.005 * RATE) :])
    pause = noise(0.1, -70)
    np.testing.assert_array_equal(run(gate, pause), pause)


def test_hysteresis_keeps_a_level_just_below_the_threshold() -> None:
    gate = Gate(RATE)
    run(gate, noise(0.2, -40))
    x = noise(1, -53)
    np.testing.assert_array_equal(run(gate, x), x)
    shut = Gate(RATE)
    run(shut, noise(1.5, -80))
    run(shut, x)
    assert not shut.open


def test_no_clicks() -> None:
    gate = Gate(RATE)
    tone = (0.5 * np.sin(2 * np.pi * 200 * np.arange(RATE) / RATE)).astype(np.float32)
    quiet = tone * np.float32(0.002)
    y = run(gate, np.concatenate((quiet, quiet, tone, quiet, quiet)))
    assert np.abs(np.diff(y)).max() <= 0.5 * 2 * np.pi * 200 / RATE + 0.5 / (0.005 * RATE)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e30])
def test_bad_samples_raise_nothing(bad: float) -> None:
    gate = Gate(RATE)
    run(gate, np.full(480, bad, np.float32))
    x = noise(0.3, -20)
    np.testing.assert_array_equal(run(gate, x), x)


def test_reset_opens() -> None:
    gate = Gate(RATE)
    run(gate, noise(1.5, -80))
    gate.reset()
    assert gate.open
