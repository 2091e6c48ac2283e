"""The F0 tracker: right pitch, no octave slips, silence where nobody speaks."""

from __future__ import annotations

import numpy as np
import pytest

from inference.converter import HOP, MODEL_RATE
from inference.f0 import F0Tracker
from tests.tools.vowels import vowel


def track(signal: np.ndarray) -> np.ndarray:
    """(hops, 2): F0 in Hz and voicing of each whole hop of `signal`."""
    tracker = F0Tracker()
    hops = signal[: signal.size // HOP * HOP].reshape(-1, HOP)
    return np.array([tracker.step(hop) for hop in hops])


@pytest.mark.parametrize("f0_hz", [55.0, 75.0, 98.0, 140.0, 220.0, 330.0, 450.0, 700.0, 950.0])
@pytest.mark.parametrize("formants_hz", [(700.0, 1200.0, 2600.0), (300.0, 2300.0, 3000.0)])
def test_steady_vowel_is_tracked_within_one_percent(f0_hz, formants_hz):
    f0, voicing = track(vowel(f0_hz, 0.6, formants_hz))[10:].T
    assert (np.abs(f0 / f0_hz - 1) < 0.01).mean() > 0.97
    assert voicing.mean() > 0.8


def test_glide_over_two_octaves_is_followed_without_slips():
    seconds = 1.5
    contour = 90.0 * 4.0 ** np.linspace(0, 1, int(seconds * MODEL_RATE))
    f0, _ = track(vowel(contour, seconds))[10:].T
    # The estimate describes the sound about 15 ms before the end of the hop.
    place = (np.arange(10, 10 + f0.size) + 1) * HOP - int(0.0155 * MODEL_RATE)
    assert np.abs(f0 / contour[place] - 1).max() < 0.03


def test_noise_and_silence_are_unvoiced():
    noise = np.random.default_rng(1).standard_normal(MODEL_RATE) * 0.1
    assert (track(noise)[:, 0] == 0).mean() > 0.95
    silence = track(np.zeros(MODEL_RATE))
    assert (silence[:, 0] == 0).all()
    assert (silence[:, 1] < 0.1).all()


def test_hum_of_dc_and_quiet_speech_do_not_matter():
    quiet = vowel(120.0, 0.5) * 0.05 + 0.4
    f0 = track(quiet)[20:, 0]
    assert (np.abs(f0 / 120.0 - 1) < 0.02).mean() > 0.95


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e30])
def test_bad_samples_are_survived(bad):
    tracker = F0Tracker()
    tracker.step(np.full(HOP, bad, np.float32))
    results = [tracker.step(hop) for hop in vowel(150.0, 0.5).reshape(-1, HOP)]
    assert results[-1][0] == pytest.approx(150.0, rel=0.01)


def test_reset_gives_the_same_bits_again():
    tracker = F0Tracker()
    hops = vowel(130.0, 0.3).reshape(-1, HOP)
    first = [tracker.step(hop) for hop in hops]
    tracker.reset()
    assert [tracker.step(hop) for hop in hops] == first
