"""Recordings to refine a voice from: checked, cut, kept; what will not do is refused in a sentence."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from inference.converter import MODEL_RATE
from inference.enrolment import enroll
from inference.refine import material as module
from inference.refine.material import Material, MaterialError, at_level, gather
from inference.sample import bundled_speech
from tests.voices.makers import a_voice

SPEECH = bundled_speech(MODEL_RATE)
PART = np.tile(SPEECH, 2)


@pytest.fixture(scope="module")
def voice():
    return replace(a_voice(), embedding=enroll([(SPEECH, MODEL_RATE)]).embedding)


@pytest.fixture
def lenient(monkeypatch):
    """A few seconds are enough, and are heard in short parts."""
    monkeypatch.setattr(module, "LEAST_S", 8.0)
    monkeypatch.setattr(module, "PART_S", 6.0)
    monkeypatch.setattr(module, "_LEAST_PHRASE_S", 0.5)


def test_recordings_become_levelled_phrases_and_come_back_from_disk(voice, lenient, tmp_path):
    found = gather([(PART, MODEL_RATE)] * 4, voice)
    assert len(found.of(held=True)) >= 3
    assert len(found.of(held=False)) >= 3
    assert all(phrase.said is phrase.heard for phrase in found.phrases)
    found.save(tmp_path)
    again = Material.load(tmp_path)
    assert again.speech_s == found.speech_s
    for before, after in zip(found.phrases, again.phrases, strict=True):
        assert before.held == after.held
        np.testing.assert_allclose(after.said, before.said, atol=1e-4)


def test_a_teachers_sources_are_cut_where_its_speech_is(voice, lenient, tmp_path):
    source = np.roll(PART, 7)
    found = gather([(PART, MODEL_RATE)] * 4, voice, [source] * 4)
    found.save(tmp_path)
    again = Material.load(tmp_path)
    for phrase in again.phrases:
        assert phrase.said.shape == phrase.heard.shape
        np.testing.assert_allclose(phrase.heard[7:], phrase.said[:-7], atol=0.02)


@pytest.mark.parametrize(
    ("recording", "sentence"),
    [
        (SPEECH, "only .* s of speech"),
        (np.zeros(MODEL_RATE * 5, np.float32), "silent"),
        (0.05 * np.random.default_rng(0).standard_normal(MODEL_RATE * 8).astype(np.float32), "Nobody speaks"),
        (np.full(MODEL_RATE, np.nan, np.float32), "invalid samples"),
    ],
)
def test_what_is_too_short_or_no_speech_is_refused(voice, recording, sentence):
    with pytest.raises(MaterialError, match=sentence):
        gather([(recording, MODEL_RATE)], voice)


def test_recordings_of_somebody_else_are_refused(lenient):
    with pytest.raises(MaterialError, match="do not sound like 'Ada'"):
        gather([(PART, MODEL_RATE)], a_voice())


def test_a_refused_recording_is_named(voice):
    with pytest.raises(MaterialError, match=r"^me\.wav: "):
        gather([(np.zeros(MODEL_RATE, np.float32), MODEL_RATE)], voice, names=["me.wav"])


def test_levels_meet_without_overdriving():
    for gain in (0.5, 1.0, 3.0):
        loud = at_level(gain * SPEECH)
        assert float(np.abs(loud).max()) <= 0.99
        np.testing.assert_allclose(loud, at_level(SPEECH), atol=1e-4)
    assert not at_level(np.zeros(100, np.float32)).any()
