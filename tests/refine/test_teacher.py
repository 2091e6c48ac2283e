"""A neural voice learnt from what a slower one makes of recordings."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from inference.converter import MODEL_RATE
from inference.refine import material as module
from inference.refine.job import RefineError
from inference.refine.teacher import lesson
from inference.sample import bundled_speech
from tests.voices.makers import CONSENT, a_voice
from voices.voice import VoiceKind

TEACHER = replace(a_voice("Rosa"), kind=VoiceKind.RVC, embedding=(), colour="#123456")
SPEECH = np.tile(bundled_speech(MODEL_RATE), 2)


def later(x: np.ndarray, rate: int, voice, on_progress) -> np.ndarray:
    """A teacher that says what it hears a little later."""
    assert (rate, voice) == (MODEL_RATE, TEACHER)
    on_progress(0.5)
    on_progress(1.0)
    return np.roll(x, 9)


def test_the_teachers_answers_are_what_is_said(monkeypatch):
    monkeypatch.setattr(module, "LEAST_S", 8.0)
    monkeypatch.setattr(module, "PART_S", 6.0)
    monkeypatch.setattr(module, "_LEAST_PHRASE_S", 0.5)
    told: dict[str, list[float]] = {}

    def follow(stage: str):
        return told.setdefault(stage, []).append

    recordings = [(SPEECH, MODEL_RATE)] * 4
    archive, found = lesson(recordings, TEACHER, "Rosa live", CONSENT, speak=later, on_progress=follow)
    assert next(iter(told)) == "Speaking with Rosa"
    assert told["Speaking with Rosa"] == pytest.approx([0, *(np.arange(1, 9) / 8)])
    assert all(shares == sorted(shares) and shares[-1] <= 1 for shares in told.values())
    assert archive.voice.kind is VoiceKind.NEURAL
    assert (archive.voice.name, archive.voice.colour, archive.consent) == ("Rosa live", "#123456", CONSENT)
    assert archive.clips
    assert abs(np.linalg.norm(archive.voice.embedding) - 1) < 1e-3
    for phrase in found.phrases:
        np.testing.assert_allclose(phrase.said[9:], phrase.heard[:-9], atol=0.02)


def test_no_voice_is_learnt_without_consent_or_speech():
    with pytest.raises(RefineError, match="agreed"):
        lesson([(SPEECH, MODEL_RATE)], TEACHER, "Rosa live", None, speak=later)
    with pytest.raises(RefineError, match="said nothing"):
        lesson([(SPEECH, MODEL_RATE)], TEACHER, "Rosa live", CONSENT, speak=lambda x, *_: 0 * x)
