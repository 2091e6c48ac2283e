"""A job begun from recordings in its own process: every step told, cancelled without a trace."""

from __future__ import annotations

from pathlib import Path

import pytest
import soundfile

from inference.converter import MODEL_RATE
from inference.refine import begin as module
from inference.refine import process
from inference.refine.begin import begin, follow
from inference.refine.events import Begun, Ended, Progress, StoppedError
from inference.refine.job import unfinished
from inference.sample import bundled_speech
from tests.voices.makers import CONSENT, an_archive
from voices.archive import VoiceArchive
from voices.files import FileError
from voices.library import Library
from voices.voice import Voice, VoiceKind


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Library:
    monkeypatch.setenv("MENURA_HOME", str(tmp_path / "home"))
    return Library.open()


@pytest.fixture
def rosa(library: Library, material, monkeypatch: pytest.MonkeyPatch) -> Voice:
    """An RVC voice; what would be learnt from it is at hand."""

    def lesson(recordings, teacher, name, consent, names, on_progress):
        assert (teacher.name, consent, names) == ("Rosa", CONSENT, ["me.wav"])
        on_progress(f"Speaking with {teacher.name}")(0.5)
        return an_archive(name), material

    monkeypatch.setattr(module, "lesson", lesson)
    voice = Voice("new", "Rosa", "", VoiceKind.RVC, model="0" * 64)
    return library.add(VoiceArchive(voice, CONSENT))


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "me.wav"
    soundfile.write(path, bundled_speech(MODEL_RATE)[:MODEL_RATE], MODEL_RATE)
    return path


class Pipe:
    """The window's end: sends `begin`, stops after the first step that begins with `stop_at`."""

    def __init__(self, begin: process.Begin, stop_at: str = "nothing") -> None:
        self.begin, self.stop_at, self.told = begin, stop_at, []

    def recv(self) -> process.Begin:
        return self.begin

    def send(self, event) -> None:
        self.told.append(event)

    def poll(self) -> bool:
        return any(isinstance(e, Progress) and e.stage.startswith(self.stop_at) for e in self.told)


def test_a_teachers_voice_and_its_job_are_there_together(library, rosa, recording):
    told: list[Progress] = []
    job = begin(library, rosa, [recording], tell=told.append)
    assert library.find(job.about.voice_id).name == "Rosa live"
    assert job.about.name == "Rosa refined"
    assert [job.about for job in unfinished()] == [job.about]
    stages = list(dict.fromkeys(progress.stage for progress in told))
    assert stages == ["Reading the recordings", "Speaking with Rosa", "Keeping the recordings"]


@pytest.mark.parametrize("at", [1, 2, 3, 4])
def test_stopped_at_any_step_nothing_is_left(library, rosa, recording, at):
    told: list[Progress] = []

    def tell(progress: Progress) -> None:
        told.append(progress)
        if len(told) == at:
            raise StoppedError

    with pytest.raises(StoppedError):
        begin(library, rosa, [recording], tell=tell)
    assert len(told) == at
    assert rosa in library.voices()
    assert not [voice for voice in library.voices() if voice.name.startswith("Rosa ")]
    assert library.removed() == ()
    assert not any((library.path.parent / "refine").glob("*"))


def test_no_more_is_read_than_is_listened_to(library, rosa, recording, material, monkeypatch):
    heard = []

    def lesson(recordings, teacher, name, consent, names, on_progress):
        heard.extend(zip(recordings, names, strict=True))
        return an_archive(name), material

    monkeypatch.setattr(module, "lesson", lesson)
    monkeypatch.setattr(module, "LISTENED_S", 1.5)
    later = recording.with_name("later.wav")
    later.write_bytes(recording.read_bytes())
    begin(library, rosa, [recording, later, recording.with_name("not there.wav")])
    assert [name for _, name in heard] == ["me.wav", "later.wav"]
    assert [len(samples) / rate for (samples, rate), _ in heard] == [1.0, 0.5]


def test_a_full_disk_leaves_neither_voice_nor_job(library, rosa, recording, monkeypatch):
    def full(*_: object) -> None:
        raise FileError("The disk is full.")

    monkeypatch.setattr("inference.refine.material.write_text", full)
    with pytest.raises(FileError):
        begin(library, rosa, [recording])
    assert not [voice for voice in library.voices() if voice.name == "Rosa live"]
    assert list((library.path.parent / "refine").iterdir()) == []


def test_the_process_begins_and_goes_on(library, rosa, recording, monkeypatch):
    monkeypatch.setattr(process, "missing_torch", lambda: "")
    monkeypatch.setattr("inference.refine.work.run", lambda *_: Ended("The end."))
    pipe = Pipe(process.Begin(rosa.id, library.path, files=(recording,)))
    process.work(pipe, None)
    [begun] = [event for event in pipe.told if isinstance(event, Begun)]
    assert begun.about == unfinished()[0].about
    assert pipe.told[-1] == Ended("The end.")


@pytest.mark.parametrize("stage", ["Reading", "Speaking", "Keeping"])
def test_the_process_is_cancelled_before_it_began(library, rosa, recording, monkeypatch, stage):
    monkeypatch.setattr(process, "missing_torch", lambda: "")
    pipe = Pipe(process.Begin(rosa.id, library.path, files=(recording,)), stage)
    process.work(pipe, None)
    assert pipe.told[-1] == Ended(kept=False)
    assert unfinished() == []


def test_recordings_that_will_not_do_end_it(library, tmp_path, monkeypatch):
    monkeypatch.setattr(process, "missing_torch", lambda: "")
    voice = library.add(an_archive())
    (tmp_path / "notes.txt").write_text("no sound")
    pipe = Pipe(process.Begin(voice.id, library.path, files=(tmp_path / "notes.txt",)))
    process.work(pipe, None)
    assert not pipe.told[-1].kept
    assert "notes.txt" in pipe.told[-1].reason


def test_time_left_is_told_from_what_was_done(monkeypatch):
    clock, told = iter([100.0, 100.0, 130.0, 190.0]), []
    monkeypatch.setattr(module.time, "monotonic", lambda: next(clock))
    on_progress = follow("Speaking", told.append)
    for share in (0.0, 0.25, 0.75):
        on_progress(share)
    assert [progress.left_s for progress in told] == [None, 90.0, 30.0]
