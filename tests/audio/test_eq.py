"""The equaliser: shelves where they should be, flat is exact, no click."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import freqz, lfilter

from audio.eq import HIGH_HZ, LOW_HZ, Equaliser, high_shelf, low_shelf

RATE = 24_000


def gain_db(shelf, hz: float) -> float:
    return float(20 * np.log10(np.abs(freqz(*shelf, [hz], fs=RATE)[1][0])))


@pytest.mark.parametrize("db", [-12.0, -3.0, 3.0, 12.0])
def test_shelves_have_their_gain_and_half_of_it_at_their_corner(db: float) -> None:
    low, high = low_shelf(LOW_HZ, db, RATE), high_shelf(HIGH_HZ, db, RATE)
    assert gain_db(low, 10) == pytest.approx(db, abs=0.1)
    assert gain_db(low, LOW_HZ) == pytest.approx(db / 2, abs=0.01)
    assert gain_db(low, 4000) == pytest.approx(0.0, abs=0.05)
    assert gain_db(high, 11_900) == pytest.approx(db, abs=0.1)
    assert gain_db(high, HIGH_HZ) == pytest.approx(db / 2, abs=0.01)
    assert gain_db(high, 100) == pytest.approx(0.0, abs=0.05)


def tone(hz: float, seconds: float = 0.5) -> np.ndarray:
    return (0.2 * np.sin(2 * np.pi * hz * np.arange(round(RATE * seconds)) / RATE)).astype(np.float32)


def run(x: np.ndarray, gains) -> np.ndarray:
    """`gains`: function of the hop's number to (low, high) in dB."""
    equaliser = Equaliser(RATE)
    blocks = x[: len(x) // 240 * 240].reshape(-1, 240)
    return np.concatenate([equaliser.process(b.copy(), *gains(i)) for i, b in enumerate(blocks)])


def test_flat_is_bit_exact_before_and_after() -> None:
    x = tone(300)
    y = run(x, lambda i: (6.0, -6.0) if 10 <= i < 20 else (0.0, 0.0))
    np.testing.assert_array_equal(y[:2400], x[:2400])
    np.testing.assert_array_equal(y[21 * 240 :], x[21 * 240 :])
    assert np.abs(y[2640:4800] - x[2640:4800]).max() > 0.01


@pytest.mark.parametrize(("hz", "gains"), [(60.0, (6.0, 0.0)), (9000.0, (0.0, -6.0))])
def test_a_change_is_complete_within_50_ms(hz: float, gains: tuple[float, float]) -> None:
    y = run(tone(hz), lambda i: gains if i >= 10 else (0.0, 0.0))
    before, after = y[:2400].std(), y[2400 + 1200 :].std()
    assert 20 * np.log10(after / before) == pytest.approx(sum(gains), abs=0.4)


@pytest.mark.parametrize("hz", [70.0, 200.0, 440.0])
def test_turning_does_not_click(hz: float) -> None:
    def turned(i: int) -> tuple[float, float]:
        return (12.0, -12.0) if i // 5 % 2 else (-12.0, 12.0)

    x = tone(hz)
    steady = np.abs(np.diff(run(x, lambda _: (12.0, -12.0))[2400:], 2)).max()
    assert np.abs(np.diff(run(x, turned)[2400:], 2)).max() < steady + 0.004


def always(x: np.ndarray, gains: tuple[float, float]) -> np.ndarray:
    """`x` through the two shelves by SciPy, from the beginning."""
    for shelf, hz, db in zip((low_shelf, high_shelf), (LOW_HZ, HIGH_HZ), gains, strict=True):
        x = lfilter(*shelf(hz, db, RATE), x)
    return x


gain = st.floats(-12, 12, allow_subnormal=False)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(gain, gain), min_size=1, max_size=30), st.sampled_from([48, 240, 960]))
def test_after_each_change_it_is_the_filter_that_always_ran(
    gains: list[tuple[float, float]], block: int
) -> None:
    x = np.random.default_rng(1).uniform(-1, 1, 9600).astype(np.float32)
    equaliser = Equaliser(RATE)
    wanted = [always(x, each) for each in gains]
    previous = x.astype(np.float64)
    for i in range(len(x) // block):
        here = slice(i * block, (i + 1) * block)
        y, following = equaliser.process(x[here].copy(), *gains[i % len(gains)]), wanted[i % len(gains)]
        low = np.minimum(previous[here], following[here])
        high = np.maximum(previous[here], following[here])
        assert (y > low - 1e-4).all()
        assert (y < high + 1e-4).all()
        previous = following
