"""The usual pitch of an RVC voice, which its file does not tell: said, measured, shown, forgotten."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from inference.converter import MODEL_RATE
from inference.enrolment import enroll
from inference.reach import idle_sliders, lacks_pitch
from inference.sample import bundled_speech
from inference.usual_pitch import PitchError, UsualPitch, heard_in, pitch_refusal, said
from tests.voices.makers import an_archive
from voices.archive import Consent, VoiceArchive
from voices.builtin import model_free_voices
from voices.library import Library
from voices.voice import Voice, VoiceKind

RVC = Voice("new", "Ada", "An RVC voice.", VoiceKind.RVC, model="0" * 64)
CONSENT = Consent("Ada Nowak", "2026-11-23")


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "ada.wav"
    soundfile.write(path, bundled_speech(MODEL_RATE), MODEL_RATE)
    return path


@pytest.fixture
def ada(run) -> Voice:
    """An RVC voice of the library of whom nothing is known."""
    return Library.open().add(VoiceArchive(RVC, CONSENT))


def test_a_recording_gives_what_enrolment_would_find(recording: Path) -> None:
    found, enrolled = heard_in([recording]), enroll([(bundled_speech(MODEL_RATE), MODEL_RATE)], trusted=True)
    assert found.median_hz == pytest.approx(enrolled.f0_median_hz, rel=0.01)
    assert found.low_hz < found.median_hz < found.high_hz


@pytest.mark.parametrize(
    ("samples", "sentence"),
    [
        (0.02 * np.random.default_rng(1).normal(size=4 * MODEL_RATE), "Nobody speaks"),
        (bundled_speech(MODEL_RATE)[: 2 * MODEL_RATE], "use at least 3 s"),
    ],
)
def test_recordings_that_tell_no_pitch_are_refused(
    tmp_path: Path, samples: np.ndarray, sentence: str
) -> None:
    soundfile.write(tmp_path / "x.wav", samples, MODEL_RATE)
    with pytest.raises(PitchError, match=sentence):
        heard_in([tmp_path / "x.wav"])


@pytest.mark.parametrize("hz", [0.0, 49.0, 1001.0, float("nan"), float("inf")])
def test_a_pitch_nobody_has_is_refused(hz: float) -> None:
    with pytest.raises(PitchError, match="50 to 1000 Hz"):
        said(hz)


def test_the_match_works_where_the_pitch_is_known_and_says_so_where_not() -> None:
    assert lacks_pitch(RVC)
    assert "not known" in idle_sliders(RVC)["match_pitch"]
    assert "pitch_semitones" not in idle_sliders(RVC)
    told = replace(RVC, **said(210.0).fields())
    assert not lacks_pitch(told)
    assert "match_pitch" not in idle_sliders(told)
    assert "no pitch of its own" in pitch_refusal(model_free_voices()[0])
    assert not pitch_refusal(RVC)


def test_the_command_sets_measures_shows_and_forgets(run, ada: Voice, recording: Path) -> None:
    assert run("voices", "pitch", "Ada").out == "ada: not known; it keeps yours\n"
    assert run("voices", "pitch", "Ada", "210").out == "ada: 210 Hz\n"
    assert Library.open().find("Ada").f0_median_hz == 210.0
    assert run("voices", "pitch", "Ada", "--like", recording).status == 0
    known = UsualPitch.of(Library.open().find("Ada"))
    assert 150 < known.median_hz < 190
    assert run("voices", "pitch", "Ada").out == f"ada: {known.in_words()}\n"
    assert run("voices", "pitch", "Ada", "--forget").out == "ada: not known; it keeps yours\n"
    assert UsualPitch.of(Library.open().find("Ada")) == UsualPitch()


@pytest.mark.parametrize(
    "arguments", [("Ada", "20"), ("deep", "200"), ("Ada", "200", "--like", "x.wav"), ("Ada", "9", "--forget")]
)
def test_what_cannot_be_set_is_told_in_a_line(run, ada: Voice, arguments: tuple[str, ...]) -> None:
    assert run("voices", "pitch", *arguments).is_one_line()
    assert Library.open().find("Ada") == ada


def test_an_enrolled_voice_can_be_corrected(run) -> None:
    voice = Library.open().add(an_archive("Bo"))
    assert run("voices", "pitch", voice.id, "150").out == f"{voice.id}: 150 Hz\n"
