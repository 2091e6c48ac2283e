"""The limiter: exact below the ceiling, never above it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from audio.levels import db_to_gain
from audio.limiter import Limiter


def delayed(x: np.ndarray, n: int) -> np.ndarray:
    return np.concatenate((np.zeros(n, x.dtype), x))[: len(x)]


@pytest.mark.parametrize("rate", [8000, 24_000, 48_000, 192_000])
@pytest.mark.parametrize("block", [1, 17, 240, 5000])
def test_is_a_bit_exact_delay_below_the_ceiling(rate: int, block: int) -> None:
    limiter = Limiter(rate)
    x = np.random.default_rng(0).uniform(-0.89, 0.89, 10_000).astype(np.float32)
    y = np.concatenate([limiter.process(x[i : i + block].copy()) for i in range(0, len(x), block)])
    np.testing.assert_array_equal(y, delayed(x, limiter.latency_samples))
    assert limiter.latency_samples == round(rate / 1000)
    assert limiter.gain_db == 0.0


@settings(max_examples=60, deadline=None)
@given(
    x=hnp.arrays(np.float32, st.integers(1, 600), elements=st.floats(width=32, allow_subnormal=False)),
    block=st.integers(1, 300),
    ceiling_db=st.floats(-24, 0, allow_subnormal=False),
)
def test_never_above_the_ceiling_whatever_comes_in(x: np.ndarray, block: int, ceiling_db: float) -> None:
    limiter = Limiter(24_000, ceiling_db)
    for i in range(0, len(x), block):
        y = limiter.process(x[i : i + block].copy())
        assert np.isfinite(y).all()
        assert np.abs(y).max() <= db_to_gain(ceiling_db)


@pytest.mark.parametrize("block", [1, 100, 240, 4096, 9000])
def test_streamed_equals_one_shot(block: int) -> None:
    rng = np.random.default_rng(1)
    x = (rng.normal(0, 1, 9600) * np.repeat(rng.uniform(0, 2, 16), 600)).astype(np.float32)
    whole, parts = Limiter(24_000), Limiter(24_000)
    expected = whole.process(x.copy())
    y = np.concatenate([parts.process(x[i : i + block].copy()) for i in range(0, len(x), block)])
    np.testing.assert_allclose(y, expected, atol=1e-6)


def test_recovers_and_is_exact_again() -> None:
    limiter = Limiter(24_000, release_ms=20)
    limiter.process(np.full(240, 4.0, np.float32))
    assert limiter.gain_db == pytest.approx(-13.04, abs=0.1)
    x = np.full(24_000, 0.5, np.float32)
    y = limiter.process(x.copy())
    assert limiter.gain_db == 0.0
    gain = np.diff(y[300:])
    assert gain.min() >= 0.0
    assert gain.max() < 1e-3
    assert y[-1] == 0.5


def test_a_lone_peak_is_met_by_a_ramp_and_bad_samples_by_silence() -> None:
    limiter = Limiter(24_000)
    x = np.full(480, 0.5, np.float32)
    x[200] = 2.0
    x[[300, 310, 320]] = [np.nan, np.inf, -np.inf]
    y = limiter.process(x)
    assert y[200 + limiter.latency_samples] == pytest.approx(db_to_gain(-1.0), abs=1e-6)
    before = y[100 : 200 + limiter.latency_samples]
    assert np.abs(np.diff(before)).max() < 0.02
    np.testing.assert_array_equal(y[[324, 334, 344]], 0.0)


def test_reset_makes_it_reproducible() -> None:
    limiter = Limiter(24_000)
    x = np.random.default_rng(2).normal(0, 1, 500).astype(np.float32)
    first = limiter.process(x.copy())
    limiter.reset()
    np.testing.assert_array_equal(limiter.process(x.copy()), first)
