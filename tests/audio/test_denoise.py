"""Noise suppression: exact while off, its delay as told, steady noise down, speech kept, no click."""

from __future__ import annotations

import numpy as np
import pytest

from audio.denoise import Denoiser
from audio.levels import db_to_gain
from inference.sample import bundled_speech

RATE = 24_000
HOP = 240


def noise(seconds: float, db: float = -40.0) -> np.ndarray:
    x = np.random.default_rng(0).normal(0, db_to_gain(db), round(RATE * seconds))
    return x.astype(np.float32)


def run(denoiser: Denoiser, x: np.ndarray, strength) -> np.ndarray:
    """Whole hops of `x`; `strength` may be a function of the hop's number."""
    at = strength if callable(strength) else lambda _: strength
    blocks = x[: len(x) // HOP * HOP].reshape(-1, HOP)
    return np.concatenate([denoiser.process(b.copy(), at(i)) for i, b in enumerate(blocks)])


def level_db(x: np.ndarray) -> float:
    return 20 * np.log10(x.std())


def test_off_is_bit_exact_and_without_delay() -> None:
    x = noise(0.3)
    denoiser = Denoiser(HOP)
    np.testing.assert_array_equal(run(denoiser, x, 0.0), x)
    assert denoiser.latency_samples == 0


@pytest.mark.parametrize("strength", [1e-9, 1.0])
def test_the_delay_told_is_the_delay(strength: float) -> None:
    speech = bundled_speech(RATE)[:48_000]
    denoiser = Denoiser(HOP)
    y = run(denoiser, speech, strength)
    assert int(np.correlate(y, speech[:-1200], "valid").argmax()) == denoiser.latency_samples
    assert 0 < denoiser.latency_samples < HOP


def test_no_strength_is_the_delayed_input() -> None:
    x = noise(0.5)
    denoiser = Denoiser(HOP)
    y = run(denoiser, x, 1e-9)
    delay = denoiser.latency_samples
    np.testing.assert_allclose(y[delay:], x[:-delay], atol=1e-6)


def test_steady_noise_goes_down_with_strength() -> None:
    x = noise(4.0)
    rest = [level_db(run(Denoiser(HOP), x, s)[48_000:]) for s in (1e-9, 0.3, 0.6, 1.0)]
    assert rest == sorted(rest, reverse=True)
    assert rest[-1] < rest[0] - 15


def test_speech_stays() -> None:
    speech = bundled_speech(RATE)
    denoiser = Denoiser(HOP)
    y = run(denoiser, speech, 1.0)
    clean = speech[: len(y) - denoiser.latency_samples]
    error = y[denoiser.latency_samples :] - clean
    assert level_db(clean) - level_db(error) > 12
    assert abs(level_db(y) - level_db(speech)) < 1.5


def test_noisy_speech_gets_cleaner() -> None:
    speech = bundled_speech(RATE)
    dirt = noise(len(speech) / RATE + 1, level_db(speech) - 8)[: len(speech)]
    denoiser = Denoiser(HOP)
    y = run(denoiser, speech + dirt, 1.0)
    delay = denoiser.latency_samples
    error = y[delay:] - speech[: len(y) - delay]
    late = RATE  # what it needs to know the noise
    assert level_db(error[late:]) < level_db(dirt) - 1.5


def test_switching_does_not_click() -> None:
    tone = (0.3 * np.sin(2 * np.pi * 200 * np.arange(RATE) / RATE)).astype(np.float32)
    y = run(Denoiser(HOP), tone, lambda i: 0.5 if i // 15 % 2 else 0.0)
    steady = np.abs(np.diff(tone, 2)).max()
    # A cross-fade of two opposite tones over a hop bends by 4 * level / HOP at most in one sample.
    assert np.abs(np.diff(y, 2)).max() < steady + 0.006


def test_switching_on_takes_effect_within_50_ms_and_off_is_exact_again() -> None:
    denoiser = Denoiser(HOP)
    x = noise(1.0)
    run(denoiser, x[:2400], 0.0)
    run(denoiser, x[2400:3600], 1.0)
    assert denoiser.latency_samples > 0
    run(denoiser, x[3600:3840], 0.0)
    np.testing.assert_array_equal(run(denoiser, x[3840:], 0.0), x[3840:])
    assert denoiser.latency_samples == 0


def test_a_reset_gives_the_same_bits() -> None:
    x = noise(0.5)
    denoiser = Denoiser(HOP)
    first = run(denoiser, x, 0.7)
    denoiser.reset()
    np.testing.assert_array_equal(run(denoiser, x, 0.7), first)


@pytest.mark.parametrize("bad", [0.0, 1e30, -1e30, 1e-40])
def test_bad_samples_stay_bad_no_longer_than_they_last(bad: float) -> None:
    denoiser = Denoiser(HOP)
    run(denoiser, np.full(4800, bad, np.float32), 1.0)
    y = run(denoiser, noise(1.0, -30), 1.0)
    assert np.isfinite(y).all()
    assert np.abs(y[HOP * 4 :]).max() < 0.5
