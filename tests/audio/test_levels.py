"""Levels and decibels."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio.levels import FLOOR_DB, SILENCE, Meter, db_to_gain, gain_to_db, is_finite, make_finite, measure


@given(st.floats(-119, 60, allow_subnormal=False))
def test_decibels_round_trip(db: float) -> None:
    assert gain_to_db(db_to_gain(db)) == pytest.approx(db, abs=1e-9)


@pytest.mark.parametrize("gain", [0.0, -1.0, 1e-30, math.nan])
def test_nothing_reads_below_the_floor(gain: float) -> None:
    assert gain_to_db(gain) == FLOOR_DB


def test_sine_reads_its_peak_and_rms() -> None:
    x = (0.5 * np.sin(2 * np.pi * np.arange(4800) / 48)).astype(np.float32)
    level = Meter().update(x)
    assert level.peak_db == pytest.approx(-6.02, abs=0.01)
    assert level.rms_db == pytest.approx(-9.03, abs=0.01)


def test_negative_peaks_count() -> None:
    assert measure(np.array([0.1, -0.9], np.float32)).peak == pytest.approx(0.9)


@pytest.mark.parametrize("bad", [[], [math.nan], [0.5, math.nan], [math.inf, 0.1], [-math.inf]])
def test_what_cannot_be_measured_is_silence(bad: list[float]) -> None:
    meter = Meter()
    assert meter.update(np.array(bad, np.float32)) == SILENCE == meter.level


def test_enormous_samples_have_a_finite_level() -> None:
    level = measure(np.full(64, 1e30, np.float32))
    assert math.isfinite(level.peak)
    assert math.isfinite(level.rms)


def test_make_finite_touches_only_the_bad() -> None:
    x = np.array([0.25, math.nan, -math.inf, math.inf, 3e38, -1.0], np.float32)
    assert not is_finite(x)
    assert make_finite(x) == 3
    np.testing.assert_array_equal(x, np.array([0.25, 0, 0, 0, 3e38, -1], np.float32))
    assert is_finite(x)
    assert make_finite(x) == 0
