"""Loudness: the standard's weighting, and a follower that converges, waits in pauses and never jumps."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import freqz

from audio.loudness import LoudnessMatch, k_weighting

RATE = 24_000
HOP = 240


def noise(seconds: float, level: float) -> np.ndarray:
    return np.random.default_rng(4).normal(0, level, round(RATE * seconds)).astype(np.float32)


def run(match: LoudnessMatch, voice: np.ndarray, own: np.ndarray, on=True, delay: int = 0) -> np.ndarray:
    switched = on if callable(on) else lambda _: on
    pairs = zip(voice.reshape(-1, HOP), own.reshape(-1, HOP), strict=True)
    return np.concatenate([match.process(v.copy(), o, delay, switched(i)) for i, (v, o) in enumerate(pairs)])


def test_the_weighting_is_the_standards() -> None:
    b, a = k_weighting(48_000)
    shelf = [1.53512485958697, -2.69169618940638, 1.19839281085285]
    np.testing.assert_allclose(b, np.convolve(shelf, [1, -2, 1]), atol=1e-6)
    poles = np.convolve([1, -1.69065929318241, 0.73248077421585], [1, -1.99004745483398, 0.99007225036621])
    np.testing.assert_allclose(a, poles, atol=1e-6)
    at = [100.0, 1000.0, 6000.0]
    here = np.abs(freqz(*k_weighting(RATE), at, fs=RATE)[1])
    np.testing.assert_allclose(20 * np.log10(here / np.abs(freqz(b, a, at, fs=48_000)[1])), 0, atol=0.1)


@pytest.mark.parametrize("db", [-10.0, -3.0, 6.0, 11.0])
def test_a_voice_gets_as_loud_as_its_speaker(db: float) -> None:
    own = noise(2.0, 0.05)
    match = LoudnessMatch(RATE)
    y = run(match, own * np.float32(10 ** (db / 20)), own)
    assert 20 * np.log10(y[-RATE // 2 :].std() / own.std()) == pytest.approx(0.0, abs=0.5)
    assert match.gain_db == pytest.approx(-db, abs=0.5)


def test_the_gain_ends_at_12_db_and_stays_in_pauses() -> None:
    own = noise(3.0, 0.05)
    match = LoudnessMatch(RATE)
    run(match, own * np.float32(0.01), own)
    assert match.gain_db == 12.0
    silence = np.zeros(2 * RATE, np.float32)
    run(match, noise(2.0, 1e-3), silence)
    assert match.gain_db == pytest.approx(12.0, abs=0.5)


def test_the_voice_is_compared_with_the_speech_it_was_made_from() -> None:
    own = noise(2.0, 0.05) * np.repeat(np.arange(200) // 20 % 2, HOP).astype(np.float32)
    voice = np.roll(own, 3 * HOP)
    aligned, late = LoudnessMatch(RATE), LoudnessMatch(RATE)
    gains = [[], []]
    for v, o in zip(voice.reshape(-1, HOP), own.reshape(-1, HOP), strict=True):
        for match, delay, track in ((aligned, 3, gains[0]), (late, 0, gains[1])):
            match.process(v.copy(), o, delay, True)
            track.append(match.gain_db)
    assert np.abs(gains[0]).max() < 0.1 < np.abs(gains[1]).max()


def test_off_is_bit_exact_and_on_begins_at_once_without_a_click() -> None:
    tone = (0.1 * np.sin(2 * np.pi * 200 * np.arange(2 * RATE) / RATE)).astype(np.float32)
    match = LoudnessMatch(RATE)
    y = run(match, tone, 2 * tone, on=lambda i: 50 <= i < 150)
    np.testing.assert_array_equal(y[: 50 * HOP], tone[: 50 * HOP])
    np.testing.assert_array_equal(y[151 * HOP :], tone[151 * HOP :])
    assert y[55 * HOP :][: 5 * HOP].std() > 1.02 * tone.std()
    assert np.abs(np.diff(y, 2)).max() < 2 * np.abs(np.diff(tone, 2)).max() + 0.002


def test_a_burst_is_soon_forgotten() -> None:
    match = LoudnessMatch(RATE)
    own = noise(2.0, 0.05)
    burst = own.copy()
    burst[:HOP] = 1e20
    run(match, own, burst)
    assert abs(match.gain_db) < 1.0
