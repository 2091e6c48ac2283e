"""Recursive filters against scipy.signal, hop by hop."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from audio.iir import Filter, all_pole
from audio.loudness import k_weighting
from inference.converter import MODEL_RATE
from inference.f0 import BAND_HZ, BAND_PASS
from inference.modelfree.envelope import ORDER, AllPole


@pytest.mark.parametrize("hop", [5, 120, 240])
@pytest.mark.parametrize(
    "design", [signal.butter(2, 0.2), signal.butter(4, 0.3, "high"), ([0.1], [1.0, -0.9])]
)
def test_a_filter_is_lfilter_whatever_the_hops(hop: int, design) -> None:
    b, a = map(np.asarray, design)
    x = np.random.default_rng(1).normal(size=20 * hop)
    ours = Filter(b, a)
    y = np.concatenate([ours.process(part) for part in np.split(x, 20)])
    np.testing.assert_allclose(y, signal.lfilter(b, a, x), rtol=1e-9, atol=1e-9)


def test_reset_makes_it_new() -> None:
    ours = Filter(np.array([1.0, 0.5]), np.array([1.0, -0.5]))
    x = np.random.default_rng(2).normal(size=100)
    first = ours.process(x)
    ours.reset()
    np.testing.assert_array_equal(ours.process(x), first)


def test_all_pole_undoes_its_inverse_across_a_change_of_coefficients() -> None:
    random = np.random.default_rng(3)
    speech = random.normal(size=400)
    past = np.zeros(28)
    for start in (0, 100, 200, 300):
        a = np.concatenate(([1.0], 0.02 * random.normal(size=28)))
        behind = np.concatenate((np.zeros(28), speech))[start : start + 128]
        y = all_pole(np.convolve(behind, a, "valid"), a, past)
        np.testing.assert_allclose(y, speech[start : start + 100], atol=1e-10)
        past = y[:-29:-1].copy()


def test_the_band_pass_is_what_scipy_designs() -> None:
    b, a = signal.butter(2, BAND_HZ, "bandpass", fs=MODEL_RATE)
    np.testing.assert_allclose(BAND_PASS[0], b, atol=1e-12)
    np.testing.assert_allclose(BAND_PASS[1], a, atol=1e-12)


@pytest.mark.parametrize("design", [k_weighting(MODEL_RATE), BAND_PASS])
def test_silence_becomes_exact_zeros_not_numbers_too_small_to_compute_with(design) -> None:
    """Denormal numbers stayed in the state for ever, and each hop of silence took five times as long."""
    ours, silence = Filter(*design), np.zeros(240)
    ours.process(np.random.default_rng(4).normal(size=240))
    seconds = np.concatenate([ours.process(silence) for _ in range(700)])
    assert seconds[:240].all()
    assert not seconds[-240:].any()
    assert not (np.abs(seconds[seconds != 0]) < np.finfo(float).tiny).any()


def test_an_envelope_dies_away_to_exact_zeros() -> None:
    ours, inverse = AllPole(), np.zeros(ORDER + 1)
    inverse[:2] = 1.0, -0.99
    ours.filter(np.ones(240), inverse, 1.0)
    seconds = np.concatenate([ours.filter(np.zeros(240), inverse, 1.0) for _ in range(400)])
    assert seconds[:240].all()
    assert not seconds[-240:].any()
    assert not (np.abs(seconds[seconds != 0]) < np.finfo(float).tiny).any()
