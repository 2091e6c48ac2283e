"""The quality card: what it measures on speech made worse on purpose, and whom it refuses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audio.resample import resample_offline
from inference.converter import MODEL_RATE as RATE
from inference.enrolment import EnrolmentError, enroll, hear, make_archive
from inference.modelfree.converter import ModelFreeConverter
from inference.quality import Grade, Quality, examine
from inference.quality.acoustics import bandwidth_hz, clipped_share, decay_s, snr_db
from inference.quality.music import pulse, tonality
from inference.segments import LOUDNESS_LUFS, loudness_lufs
from inference.speech import voice_activity
from tests.music import KINDS
from tests.rig.speech import speech
from voices.archive import Consent
from voices.tuning import Tuning
from voices.voice import Recipe

CONSENT = Consent("Ada Nowak", "2026-11-22")


@pytest.fixture(scope="module")
def clean() -> np.ndarray:
    """Real speech of one woman, 12 s with pauses of its own."""
    return speech(12, RATE)


@pytest.fixture(scope="module")
def stranger(clean: np.ndarray) -> np.ndarray:
    """Another speaker: the same words from a body far larger."""
    return converted(clean, Recipe(pitch_semitones=-10, formant_semitones=-5))


def converted(x: np.ndarray, recipe: Recipe) -> np.ndarray:
    converter = ModelFreeConverter(recipe)
    blocks = x[: len(x) // 240 * 240].reshape(-1, 240)
    return np.concatenate([converter.process(block, Tuning()).copy() for block in blocks])


def grade_of(card: Quality, name: str) -> Grade:
    return next(line.grade for line in card.lines if line.name == name)


def test_good_speech_gets_a_good_card(clean: np.ndarray) -> None:
    card = examine(clean, RATE)
    assert card.refusal == ""
    assert {line.grade for line in card.lines} == {Grade.GOOD}
    assert card.grade is Grade.GOOD
    assert card.advice == ()
    assert all(line.value and line.advice.endswith(".") for line in card.lines)


@pytest.mark.parametrize("wanted", [30, 20, 10])
def test_noise_is_measured_within_3_db(clean: np.ndarray, wanted: int) -> None:
    rng = np.random.default_rng(wanted)
    spoken = clean[voice_activity(clean, RATE)]
    padded = np.concatenate([np.zeros(RATE, np.float32), clean, np.zeros(RATE, np.float32)])
    noise = rng.standard_normal(len(padded)) * np.sqrt(np.mean(spoken**2)) * 10 ** (-wanted / 20)
    noisy = (padded + noise).astype(np.float32)
    assert snr_db(noisy, voice_activity(noisy, RATE)) == pytest.approx(wanted, abs=3)
    expected = {30: Grade.GOOD, 20: Grade.FAIR, 10: Grade.POOR}[wanted]
    assert grade_of(examine(noisy, RATE), "Noise") is expected


def test_noise_is_no_speech() -> None:
    rng = np.random.default_rng(3)
    noise = (0.1 * rng.standard_normal(5 * RATE)).astype(np.float32)
    assert "Nobody speaks" in examine(noise, RATE).refusal


def test_a_reverberant_room_is_heard(clean: np.ndarray) -> None:
    rng = np.random.default_rng(1)
    t = np.arange(RATE) / RATE
    tail = rng.standard_normal(RATE) * 10 ** (-3 * t / 0.9) * (t > 0.002)
    response = tail / np.sqrt(np.sum(tail**2))
    response[0] = 1.0
    size = len(clean) + len(response)
    wet = np.fft.irfft(np.fft.rfft(clean, size) * np.fft.rfft(response, size), size)[: len(clean)]
    assert decay_s(wet.astype(np.float32)) > decay_s(clean) + 0.1
    assert grade_of(examine(wet.astype(np.float32), RATE), "Room") is Grade.POOR


def test_a_telephone_is_recognised(clean: np.ndarray) -> None:
    narrow = resample_offline(resample_offline(clean, RATE, 8000), 8000, 48_000)
    assert bandwidth_hz(narrow, 48_000) < 4300
    card = examine(narrow, 48_000)
    assert grade_of(card, "Bandwidth") is Grade.POOR
    assert any("telephone" in line for line in card.advice)


def test_clipping_is_told_by_degrees(clean: np.ndarray) -> None:
    def clipped(top: float) -> Quality:
        return examine(np.clip(clean / np.abs(clean).max(), -top, top), RATE)

    order = [clipped_share(np.clip(clean / np.abs(clean).max(), -top, top)) for top in (1, 0.6, 0.4, 0.3)]
    assert order == sorted(order)
    assert grade_of(examine(clean, RATE), "Clipping") is Grade.GOOD
    assert grade_of(clipped(0.4), "Clipping") is not Grade.GOOD
    assert "overdriven" in clipped(0.25).refusal or grade_of(clipped(0.25), "Clipping") is Grade.POOR


@pytest.mark.parametrize("kind", KINDS)
def test_music_is_refused(kind: str) -> None:
    card = examine(KINDS[kind](12, 7), RATE)
    assert "music" in card.refusal
    assert card.grade is Grade.POOR


def test_music_behind_speech_is_refused(clean: np.ndarray) -> None:
    behind = KINDS["band"](12, 3) * np.sqrt(np.mean(clean**2)) / 0.1 * 10 ** (-8 / 20)
    assert "music" in examine((clean + behind).astype(np.float32), RATE).refusal


def test_mains_hum_is_no_music(clean: np.ndarray) -> None:
    t = np.arange(len(clean)) / RATE
    hum = sum(np.sin(2 * np.pi * 50 * k * t) / k for k in (1, 2, 3, 5)) * 0.002
    assert examine((clean + hum).astype(np.float32), RATE).refusal == ""


def test_too_short_for_music() -> None:
    assert tonality(np.zeros(100, np.float32)) == 0
    assert pulse(np.zeros(100, np.float32)) == 0


def test_a_second_speaker_is_refused(clean: np.ndarray, stranger: np.ndarray) -> None:
    both = np.concatenate([clean[: 7 * RATE], stranger[: 7 * RATE]])
    card = examine(both, RATE)
    assert "More than one person" in card.refusal
    with pytest.raises(EnrolmentError, match="More than one person"):
        enroll([(both, RATE)])
    assert enroll([(both, RATE)], trusted=True).speech_s > 10


def test_recordings_of_two_people_are_refused(clean: np.ndarray, stranger: np.ndarray) -> None:
    child = converted(clean, Recipe(pitch_semitones=8, formant_semitones=4.5))
    with pytest.raises(EnrolmentError, match="not all of the same person"):
        enroll([(child, RATE), (stranger, RATE)])


def test_which_recording_is_bad_is_said(clean: np.ndarray) -> None:
    with pytest.raises(EnrolmentError, match=r"Recording 2: .*silent"):
        enroll([(clean, RATE), (np.zeros(RATE, np.float32), RATE)])


@pytest.mark.parametrize(
    ("samples", "rate", "words"),
    [
        (np.zeros(RATE, np.float32), RATE, "silent"),
        (np.zeros(0, np.float32), RATE, "silent"),
        (np.full(RATE, np.nan, np.float32), RATE, "invalid"),
        (np.full(RATE, 0.5, np.float32), RATE, "silent"),
        (np.zeros((RATE, 2), np.float32), RATE, "mono"),
        (np.ones(100, np.float32), 100, "100 Hz"),
    ],
)
def test_unusable_recordings_get_a_card_too(samples: np.ndarray, rate: int, words: str) -> None:
    card = examine(samples, rate)
    assert words in card.refusal
    assert card.grade is Grade.POOR


@settings(max_examples=15, deadline=None)
@given(
    st.integers(1, 40_000),
    st.integers(8000, 96_000),
    st.floats(1e-4, 4, allow_subnormal=False),
    st.integers(0, 3),
)
def test_nothing_raises(n: int, rate: int, level: float, kind: int) -> None:
    rng = np.random.default_rng(n)
    x = {
        0: rng.standard_normal(n),
        1: np.sin(np.arange(n) * 0.1),
        2: np.r_[np.ones(1), np.zeros(n - 1)],
        3: np.where(rng.uniform(size=n) < 0.005, np.nan, rng.standard_normal(n)),
    }[kind]
    card = examine((level * x).astype(np.float32), rate)
    assert all(np.isfinite(v) for v in vars(card).values() if isinstance(v, float))


def test_the_best_parts_are_kept_at_one_loudness(clean: np.ndarray) -> None:
    rng = np.random.default_rng(0)
    noisy = 0.1 * clean + 0.001 * rng.standard_normal(len(clean)).astype(np.float32)
    found = enroll([(clean, RATE), (noisy, RATE)])
    assert {segment.clip for segment in found.segments} == {0}
    assert 8 < sum(len(s.samples) / s.rate for s in found.segments) <= 61
    for segment in found.segments:
        spoken = segment.samples[voice_activity(segment.samples, RATE)]
        assert loudness_lufs(spoken) == pytest.approx(LOUDNESS_LUFS, abs=2)
        assert np.abs(segment.samples).max() <= 0.99


def test_an_archive_needs_consent(clean: np.ndarray) -> None:
    found = enroll([(clean, RATE)])
    archive = make_archive(found, "Ada", CONSENT, "calm", licence="private")
    assert archive.voice.f0_low_hz <= archive.voice.f0_median_hz <= archive.voice.f0_high_hz
    assert len(archive.clips) == len(found.segments) > 0
    assert archive.clips[0].samples().shape == found.segments[0].samples.shape
    for missing in (replace(CONSENT, who=" "), replace(CONSENT, when="")):
        with pytest.raises(EnrolmentError, match="consent"):
            make_archive(found, "Ada", missing)


def test_hearing_never_raises() -> None:
    heard = hear(np.zeros(10, np.float32), RATE)
    assert heard.heard is None
    assert heard.card.refusal
