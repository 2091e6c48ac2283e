"""The built-in voices: complete, distinct, found by id, name and near misses."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile

from inference.registry import UnsupportedVoiceError, make_converter
from voices.builtin import UnknownVoiceError, builtin_voices, find_voice
from voices.builtin_neural import builtin_neural_voices
from voices.voice import Voice, VoiceKind

ROOT = Path(__file__).resolve().parents[1]


def test_the_promised_presets_exist():
    assert [voice.id for voice in builtin_voices()] == [
        "marlow",
        "anton",
        "greta",
        "bruno",
        "felix",
        "tomas",
        "nora",
        "pia",
        "alder",
        "thimble",
        "meridian",
        "deep",
        "bright",
        "child",
        "giant",
        "whisper",
        "robot",
        "monster",
    ]


@pytest.mark.parametrize("voice", builtin_voices(), ids=lambda voice: voice.id)
def test_every_preset_has_a_face_and_a_licence(voice):
    assert voice.builtin
    if voice.kind is VoiceKind.NEURAL:
        assert np.linalg.norm(voice.embedding) == pytest.approx(1, abs=1e-3)
        assert 60 < voice.f0_median_hz < 400
    assert re.fullmatch(r"[A-Z][^.]*\.", voice.description)
    assert re.fullmatch(r"#[0-9a-f]{6}", voice.colour)
    assert (ROOT / "assets" / "icons" / f"{voice.glyph}.svg").is_file()
    assert voice.licence
    assert voice.source


def test_names_and_colours_are_distinct():
    voices = builtin_voices()
    for field in ("id", "name", "colour", "description"):
        assert len({getattr(voice, field) for voice in voices}) == len(voices)
    presets = [voice for voice in voices if voice.kind is VoiceKind.MODEL_FREE]
    assert len({voice.recipe for voice in presets}) == len(presets)


def test_enrolled_voices_are_far_apart():
    enrolled = builtin_neural_voices()
    assert len(enrolled) >= 6
    for a, b in itertools.combinations(enrolled, 2):
        assert np.dot(a.embedding, b.embedding) < 0.85, (a.id, b.id)


@pytest.mark.parametrize("name", ["robot", "ROBOT", " Robot ", "Automaton", "automaton"])
def test_a_voice_is_found_by_id_or_name(name):
    assert find_voice(name).id == "robot"


def test_an_exact_id_wins_over_another_voice_with_that_name():
    first = Voice("a", "b", "", VoiceKind.MODEL_FREE)
    second = Voice("b", "c", "", VoiceKind.MODEL_FREE)
    assert find_voice("b", (first, second)) is second


CHARACTERS = {"alder": "bruno", "thimble": "pia", "meridian": "felix"}


@pytest.mark.parametrize("character", CHARACTERS)
def test_a_character_is_a_speaker_with_another_tuning(character: str) -> None:
    voice, speaker = find_voice(character), find_voice(CHARACTERS[character])
    assert voice.embedding == speaker.embedding
    assert voice.tuning != speaker.tuning
    assert voice.tuning == voice.tuning.clamped()


def test_a_near_miss_is_told_what_was_meant():
    with pytest.raises(UnknownVoiceError, match=r"'robbot'.*robot\?$"):
        find_voice("robbot")


def test_a_far_miss_is_told_everything_there_is():
    with pytest.raises(UnknownVoiceError, match=r"marlow, .*, pia, .*, deep, .*, robot, monster"):
        find_voice("zzzz")


def test_a_neural_voice_without_what_it_needs_is_refused_in_one_sentence():
    with pytest.raises(UnsupportedVoiceError, match="Ada"):
        make_converter(Voice("ada", "Ada", "", VoiceKind.NEURAL))


def test_the_bundled_sample_is_what_its_readme_says():
    path = ROOT / "assets" / "samples" / "speech.flac"
    info = soundfile.info(path)
    assert (info.samplerate, info.channels, info.format) == (24_000, 1, "FLAC")
    assert 4 <= info.duration <= 8
    assert path.stat().st_size < 400_000
