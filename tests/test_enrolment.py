"""Enrolment: what it hears in good recordings, and what it says about bad ones."""

from __future__ import annotations

import itertools
import json
from importlib import resources

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.enrolment import EnrolmentError, enroll, make_voice
from inference.speech import PARTIAL, padding, partial_starts, speech_mask, trim_silence
from tests.rig.speech import speech
from voices.voice import Voice, VoiceKind

RATE = 24_000


def babble(seconds: float, f0_hz: float, seed: int = 0, rate: int = RATE) -> np.ndarray:
    """Syllables of a harmonic source through two moving resonances, with short pauses."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * rate)) / rate
    # Held notes would be music: the melody glides all the time.
    knots = np.tile([-2.0, 2.0], int(2.5 * seconds) + 2) + rng.uniform(-1, 1, 2 * int(2.5 * seconds) + 4)
    f0 = f0_hz * 2 ** (np.interp(5 * t, np.arange(len(knots)), knots) / 12)
    phase = 2 * np.pi * np.cumsum(f0) / rate
    first, second = 500 + 250 * np.sin(2 * np.pi * 2.1 * t), 1500 + 500 * np.sin(2 * np.pi * 1.7 * t)
    x = np.zeros_like(t)
    for k in range(1, int(3500 / f0_hz)):
        gain = 1 / (1 + ((k * f0 - first) / 120) ** 2) + 0.5 / (1 + ((k * f0 - second) / 180) ** 2)
        x += gain * np.sin(k * phase)
    # A beat would be music: the syllables come at 2 to 5 a second, as they like.
    pace = np.repeat(rng.uniform(2.0, 5.0, int(2 * seconds) + 1), rate // 2)[: len(t)]
    syllables = np.clip(np.sin(2 * np.pi * np.cumsum(pace) / rate) + 0.7, 0, 1)
    return (0.1 * x * syllables + 1e-4 * rng.standard_normal(len(t))).astype(np.float32)


def test_a_good_recording_becomes_a_voice() -> None:
    found = enroll([(babble(10, 120), RATE)])
    assert np.linalg.norm(found.embedding) == pytest.approx(1, abs=1e-5)
    assert len(found.embedding) == 256
    assert found.f0_low_hz <= found.f0_median_hz <= found.f0_high_hz
    assert found.f0_median_hz == pytest.approx(120, rel=0.06)
    voice = make_voice(found, "ada", "Ada", source="herself")
    assert voice.kind is VoiceKind.NEURAL
    assert voice.embedding == found.embedding


def test_the_rate_of_the_recording_does_not_matter() -> None:
    at_24 = enroll([(babble(8, 150), RATE)])
    at_48 = enroll([(babble(8, 150, rate=48_000), 48_000)])
    assert np.dot(at_24.embedding, at_48.embedding) > 0.97


def test_silence_around_speech_does_not_matter() -> None:
    x = babble(8, 150)
    quiet = np.zeros(3 * RATE, np.float32)
    plain, padded = enroll([(x, RATE)]), enroll([(np.concatenate([quiet, x, quiet]), RATE)])
    assert padded.speech_s == pytest.approx(plain.speech_s, abs=0.4)
    assert np.dot(plain.embedding, padded.embedding) > 0.97


def test_two_clips_count_together() -> None:
    assert enroll([(babble(2, 150), RATE), (babble(2, 150, seed=1), RATE)]).speech_s > 3


@pytest.mark.parametrize(
    ("samples", "words"),
    [
        (np.zeros(10 * RATE, np.float32), "silent"),
        (np.full(10 * RATE, 0.3, np.float32), "silent"),
        (np.zeros(0, np.float32), "silent"),
        (babble(1, 150), "only .* s of speech"),
        (np.full(10 * RATE, np.nan, np.float32), "invalid"),
        (np.clip(babble(10, 150) * 60, -1, 1).astype(np.float32), "overdriven"),
        (np.zeros((RATE, 2), np.float32), "mono"),
    ],
)
def test_bad_recordings_say_what_is_wrong(samples: np.ndarray, words: str) -> None:
    with pytest.raises(EnrolmentError, match=words):
        enroll([(samples, RATE)])


def test_no_recording_at_all() -> None:
    with pytest.raises(EnrolmentError, match="at least one"):
        enroll([])


def test_short_speech_is_taken_with_advice() -> None:
    assert any("10 to 60 s" in line for line in enroll([(speech(5, RATE), RATE)]).advice)


def test_a_few_broken_samples_are_forgiven() -> None:
    x = babble(8, 150)
    x[1000:1010] = np.nan
    x[2000] = np.inf
    assert np.isfinite(enroll([(x, RATE)]).embedding).all()


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 400_000))
def test_partials_cover_the_utterance(n: int) -> None:
    starts = partial_starts(n)
    before, after = padding(n, starts)
    assert starts[0] == 0
    assert all(b - a == starts[1] for a, b in itertools.pairwise(starts))
    assert before + n + after >= starts[-1] + PARTIAL
    # At most a quarter of a stretch at the end may go unheard.
    assert n - (starts[-1] + PARTIAL) < 0.75 * PARTIAL


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 5000), st.integers(8000, 48_000))
def test_the_speech_mask_fits_any_length(n: int, rate: int) -> None:
    x = np.random.default_rng(n).standard_normal(n).astype(np.float32)
    assert speech_mask(x, rate).shape == (n,)


def test_pauses_are_cut_and_speech_is_kept() -> None:
    x = np.concatenate([babble(2, 150), np.zeros(4 * RATE, np.float32), babble(2, 150)])
    assert 3.5 * RATE < len(trim_silence(x, RATE)) < 5.2 * RATE


def test_the_enrolled_built_in_voices_are_far_apart() -> None:
    path = resources.files("assets").joinpath("voices", "enrolled.json")
    voices = [Voice(**entry) for entry in json.loads(path.read_text())]
    embeddings = np.array([voice.embedding for voice in voices])
    assert len(voices) >= 6
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-4)
    cosines = embeddings @ embeddings.T - np.eye(len(voices))
    assert cosines.max() < 0.8
    assert max(v.f0_median_hz for v in voices) > 2.5 * min(v.f0_median_hz for v in voices)
    assert all(voice.licence and voice.source for voice in voices)
