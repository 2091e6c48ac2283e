"""A longer delay is heard as a repetition by whole periods, not as a hole or a click."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.engine.lengthen import MOST_S, Lengthener

RATE = 48_000
BLOCK = 480


def played(signal: np.ndarray, at: int, frames: int) -> np.ndarray:
    """`signal` in blocks, one of which, the `at`-th, is lengthened."""
    lengthener, out = Lengthener(RATE), []
    for index, block in enumerate(signal.astype(np.float32).reshape(-1, BLOCK)):
        y = lengthener.lengthen(block, frames) if index == at else block
        lengthener.note(y)
        out.append(y)
    return np.concatenate(out)


@pytest.mark.parametrize("hz", [90.0, 130.0, 220.0, 400.0])
@pytest.mark.parametrize("frames", [48, 240, 480])
def test_a_voiced_sound_goes_on_as_if_nothing_had_been(hz: float, frames: int) -> None:
    t = np.arange(20 * BLOCK) / RATE
    signal = sum(np.sin(2 * np.pi * k * hz * t) / k for k in range(1, 8))
    heard = played(signal, 10, frames)
    added = len(heard) - len(signal)
    assert frames <= added <= frames + RATE / hz + 2
    steepest = np.abs(np.diff(signal)).max()
    assert np.abs(np.diff(heard)).max() < 1.25 * steepest
    again = heard[10 * BLOCK : 12 * BLOCK]
    expected = signal[10 * BLOCK : 12 * BLOCK]
    assert np.dot(again, expected) > 0.95 * np.linalg.norm(again) * np.linalg.norm(expected)


@given(
    frames=st.integers(-10, 2000),
    length=st.integers(0, 700),
    level=st.sampled_from([0.0, 1e-6, 0.3, 1.0]),
    seed=st.integers(0, 99),
)
def test_any_block_becomes_longer_by_what_was_asked_and_not_louder(frames, length, level, seed) -> None:
    random = np.random.default_rng(seed)
    lengthener = Lengthener(RATE)
    past = random.uniform(-level, level, 1500).astype(np.float32)
    lengthener.note(past)
    y = random.uniform(-level, level, length).astype(np.float32)
    longer = lengthener.lengthen(y, frames)
    asked = min(max(frames, 0), round(MOST_S * RATE)) if length else 0
    assert asked <= len(longer) - length <= asked + 0.0125 * RATE
    assert longer.dtype == np.float32
    assert np.abs(longer).max(initial=0.0) <= level * 1.0001
    if length > RATE // 200:
        np.testing.assert_array_equal(longer[len(longer) - (length - RATE // 200) :], y[RATE // 200 :])


def test_silence_is_lengthened_by_no_more_than_asked() -> None:
    assert len(played(np.zeros(10 * BLOCK), 5, 240)) == 10 * BLOCK + 240
