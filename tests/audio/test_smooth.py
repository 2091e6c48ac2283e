"""Gain ramps."""

from __future__ import annotations

import numpy as np
import pytest

from audio.smooth import GainRamp


def test_gain_one_leaves_the_bits_alone() -> None:
    x = np.array([0.1, -3e-39, np.nan, 2.0], np.float32)
    y = GainRamp().process(x.copy(), 1.0)
    assert y.tobytes() == x.tobytes()


def test_gain_zero_silences_even_bad_samples() -> None:
    assert not GainRamp(0.0).process(np.array([np.nan, np.inf, 1], np.float32), 0.0).any()


@pytest.mark.parametrize(("before", "after"), [(1.0, 0.0), (0.0, 1.0), (0.5, 2.0)])
def test_change_is_linear_and_complete_at_the_last_sample(before: float, after: float) -> None:
    ramp = GainRamp(before)
    y = ramp.process(np.ones(100, np.float32), after)
    np.testing.assert_allclose(np.diff(y), (after - before) / 100, atol=1e-6)
    assert y[0] == pytest.approx(before + (after - before) / 100, abs=1e-6)
    assert y[-1] == pytest.approx(after, abs=1e-6)
    assert ramp.gain == after
    np.testing.assert_array_equal(ramp.process(np.ones(7, np.float32), after), np.float32(after))


def test_an_empty_block_changes_nothing() -> None:
    ramp = GainRamp(0.5)
    ramp.process(np.zeros(0, np.float32), 1.0)
    assert ramp.gain == 0.5
