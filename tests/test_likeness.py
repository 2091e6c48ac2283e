"""The meter tells a speaker from a stranger, clear speech from damaged, and says when it cannot tell."""

from __future__ import annotations

import numpy as np
import pytest

from inference.convert import convert_array
from inference.converter import MODEL_RATE
from inference.enrolment import enroll
from inference.likeness import Clarity, clarity, follow, likeness, read
from inference.sample import bundled_speech
from voices.builtin import find_voice

SPEECH = bundled_speech(MODEL_RATE)
NOTHING = np.zeros(3 * MODEL_RATE, np.float32)


def test_the_speaker_is_known_from_a_stranger() -> None:
    own = enroll([(SPEECH, MODEL_RATE)]).embedding
    x = SPEECH[MODEL_RATE : 4 * MODEL_RATE]
    mine, stranger = read(x, x, own).likeness, read(x, x, find_voice("bruno").embedding).likeness
    assert mine is not None
    assert stranger is not None
    assert mine > 0.9
    assert stranger < 0.3


def test_without_speech_or_target_there_is_no_likeness() -> None:
    embedding = find_voice("bruno").embedding
    silent = read(NOTHING, NOTHING, embedding)
    assert (silent.likeness, silent.clarity) == (None, None)
    assert read(SPEECH, NOTHING, embedding).likeness is None
    instant = read(SPEECH, SPEECH, ())
    assert instant.likeness is None
    assert instant.clarity is Clarity.CLEAR


@pytest.mark.parametrize("late", [0, 960, 3000])
def test_a_late_output_counts_as_late_not_as_unclear(late: int) -> None:
    spoken = np.concatenate([np.zeros(late, np.float32), SPEECH])[: len(SPEECH)]
    assert clarity(SPEECH, spoken) is Clarity.CLEAR


def test_a_clean_conversion_is_clear() -> None:
    assert clarity(SPEECH, convert_array(SPEECH, MODEL_RATE, find_voice("deep"))) is Clarity.CLEAR


def test_damage_is_heard() -> None:
    random = np.random.default_rng(0)
    noise = random.standard_normal(len(SPEECH)) * SPEECH.std()
    assert clarity(SPEECH, (SPEECH + 2 * noise).astype(np.float32)) is Clarity.UNCLEAR
    other = np.roll(SPEECH, 2 * MODEL_RATE)
    assert clarity(SPEECH, other) is Clarity.UNCLEAR
    assert (follow(SPEECH, noise.astype(np.float32)) or 0) < 0.2


def test_bad_samples_do_no_harm() -> None:
    for x in (np.zeros(0, np.float32), np.ones(100, np.float32), NOTHING):
        assert clarity(x, x) is None


def test_the_scale_ends_at_its_ends() -> None:
    assert [likeness(x) for x in (-1.0, 0.59, 0.735, 0.88, 1.0)] == pytest.approx([0, 0, 0.5, 1, 1])
