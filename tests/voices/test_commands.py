"""`menura voices` from end to end: enrol, show, rename, share, remove, bring back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from inference.sample import bundled_speech
from tests.voices.makers import a_picture, an_archive
from voices.archive import Clip, write_archive
from voices.builtin import builtin_voices
from voices.encoder import Encoder, shipped_encoder
from voices.library import Library

CONSENT = ("--consent", "Ada Nowak, 2026-11-22")


@pytest.fixture
def speech(tmp_path: Path) -> Path:
    """Six seconds of a speaker."""
    soundfile.write(tmp_path / "ada.wav", bundled_speech(24_000), 24_000)
    return tmp_path / "ada.wav"


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A voice file called Ada."""
    write_archive(tmp_path / "shared.menura", an_archive("Ada"))
    return tmp_path / "shared.menura"


def own(run) -> dict[str, str]:
    """Names of the user's voices by id, as listed."""
    listed = json.loads(run("voices", "list", "--json").out)
    return {voice["id"]: voice["name"] for voice in listed if not voice["builtin"]}


def test_a_voice_from_recording_to_conversion(run, speech: Path, tmp_path: Path) -> None:
    (tmp_path / "face.png").write_bytes(a_picture())
    done = run("voices", "enroll", "Ada", speech, *CONSENT, "--picture", tmp_path / "face.png")
    assert (done.status, done.err) == (0, "")
    assert "ada.wav: 5.9 s" in done.out
    assert "Noise" in done.out
    assert done.out.splitlines()[-1].startswith("ada: 'Ada' was learnt from")
    shown = json.loads(run("voices", "show", "ada").out)
    assert shown["consent"]["who"] == "Ada Nowak"
    assert shown["consent"]["when"] == "2026-11-22"
    assert shown["consent"]["source"] == "ada.wav"
    assert shown["picture"] is True
    assert shown["f0_low_hz"] < shown["f0_median_hz"] < shown["f0_high_hz"]
    assert shown["clips"]
    assert "embedding" not in shown
    assert run("voices", "export", "Ada", tmp_path).status == 0
    assert run("voices", "import", tmp_path / "ada.menura").out == "ada-2: 'Ada 2'\n"
    soundfile.write(tmp_path / "in.wav", bundled_speech(24_000)[:7200], 24_000)
    converted = run("convert", tmp_path / "in.wav", tmp_path / "out.wav", "--voice", "Ada 2")
    assert (converted.status, converted.err) == (0, "")


@pytest.mark.parametrize("consent", [[], ["--consent", ""], ["--consent", "Ada"]], ids=str)
def test_without_consent_there_is_no_voice(run, speech: Path, consent: list[str]) -> None:
    outcome = run("voices", "enroll", "Ada", speech, *consent)
    assert outcome.is_one_line(), outcome.err
    assert "who agreed and when" in outcome.err
    assert own(run) == {}


def test_recordings_that_make_no_voice(run, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "noise.wav", np.zeros(48_000), 24_000)
    for file in ("noise.wav", "missing.wav"):
        outcome = run("voices", "enroll", "Ada", tmp_path / file, *CONSENT)
        assert outcome.is_one_line(), outcome.err
    assert own(run) == {}


@pytest.mark.parametrize("name", ["Marlow", "deep", "ADA", " ", "a\nb", "x" * 61])
def test_names_that_cannot_be_given(run, shared: Path, speech: Path, name: str) -> None:
    run("voices", "import", shared)
    for command in (["enroll", name, speech, *CONSENT], ["copy", "marlow", name]):
        outcome = run("voices", *command)
        assert outcome.is_one_line(), outcome.err
    assert own(run) == {"ada": "Ada"}


def test_import_list_rename_copy(run, shared: Path) -> None:
    assert run("voices", "import", shared).out == "ada: 'Ada'\n"
    assert run("voices", "list").out.splitlines()[-1].split() == ["ada", "Ada", "A", "voice", "for", "tests."]
    assert run("voices", "rename", "ada", "Änne").out == "ada: 'Änne'\n"
    assert run("voices", "copy", "Marlow", "Mine").status == 0
    assert own(run) == {"mine": "Mine", "ada": "Änne"}


def test_remove_and_restore(run, shared: Path) -> None:
    run("voices", "import", shared)
    assert "menura voices restore ada" in run("voices", "remove", "Ada").out
    assert own(run) == {}
    assert json.loads(run("voices", "trash", "--json").out)[0]["id"] == "ada"
    assert run("voices", "trash").out.startswith("ada ")
    assert run("voices", "restore", "ada").status == 0
    assert own(run) == {"ada": "Ada"}
    run("voices", "remove", "ada")
    assert run("voices", "trash", "--empty").out == "1 deleted\n"
    assert run("voices", "restore", "ada").is_one_line()


def test_a_damaged_file_is_told_and_can_be_removed(run, shared: Path) -> None:
    run("voices", "import", shared)
    folder = Library.open().path
    (folder / "ada.menura").write_bytes(b"broken")
    listed = run("voices", "list")
    assert listed.status == 0
    assert len(listed.out.splitlines()) == len(builtin_voices())
    assert listed.err.count("\n") == 1
    assert "menura voices remove 'ada'" in listed.err
    assert run("voices", "show", "ada").is_one_line()
    assert run("voices", "remove", "ada").status == 0
    assert run("voices", "list").err == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ["rename", "nobody", "Ada"],
        ["rename", "deep", "Ada"],
        ["remove", "deep"],
        ["remove", "nobody"],
        ["export", "nobody", "x.menura"],
        ["export", "deep", "/nowhere/x.menura"],
        ["import", "missing.menura"],
        ["import", "/"],
        ["import", __file__],
        ["restore", "nobody"],
        ["enroll", "Ada"],
        ["enroll", "Ada", __file__, *CONSENT],
        ["enroll", "Ada", __file__, *CONSENT, "--picture", __file__],
        ["enroll", "Ada", __file__, *CONSENT, "--picture", "missing.png"],
    ],
    ids=lambda arguments: Path(" ".join(arguments)).name,
)
def test_what_the_user_got_wrong_is_one_line(run, arguments: list[str]) -> None:
    outcome = run("voices", *arguments)
    assert outcome.is_one_line(), outcome.err
    assert outcome.out == ""


def test_a_voice_of_another_speaker_model_is_learnt_again(run, tmp_path: Path) -> None:
    clip = Clip.from_samples(bundled_speech(16_000), 16_000)
    other = replace(an_archive("Ada"), clips=(clip,), encoder=Encoder("other", "0" * 64))
    write_archive(tmp_path / "shared.menura", other)
    taken = run("voices", "import", tmp_path / "shared.menura")
    assert taken.is_one_line()
    assert "another speaker model; `menura voices relearn ada`" in taken.err
    assert own(run) == {}
    assert run("voices", "relearn", "ada").status == 0
    shown = json.loads(run("voices", "show", "ada").out)
    assert shown["encoder"]["sha256"] == shipped_encoder().sha256
    assert 140 < shown["f0_median_hz"] < 200
    assert run("voices", "relearn", "marlow").is_one_line()


def test_a_voice_without_recordings_cannot_be_learnt_again(run, tmp_path: Path) -> None:
    other = replace(an_archive("Ada"), clips=(), encoder=Encoder("other", "0" * 64))
    write_archive(tmp_path / "shared.menura", other)
    run("voices", "import", tmp_path / "shared.menura")
    assert "no recordings" in run("voices", "relearn", "ada").err


def test_a_built_in_voice_can_be_shared(run, tmp_path: Path) -> None:
    assert run("voices", "export", "pia", tmp_path / "p.menura").status == 0
    assert run("voices", "import", tmp_path / "p.menura").out == "pia-2: 'Pia 2'\n"


def test_without_a_home_there_are_still_the_built_in_voices(run, monkeypatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("MENURA_HOME", str(tmp_path / "file" / "home"))
    soundfile.write(tmp_path / "in.wav", bundled_speech(24_000)[:7200], 24_000)
    assert run("convert", tmp_path / "in.wav", tmp_path / "out.wav", "--voice", "deep").status == 0
    assert run("voices", "list").is_one_line()
