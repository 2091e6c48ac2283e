"""`menura voices refine`: what it refuses, what it goes on with, what it says at the end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

import inference.refine.process as process
from inference.refine.events import Begun, Ended, Outcome, Progress
from inference.refine.job import About, Job, unfinished
from inference.refine.judgement import Judgement
from tests.voices.makers import an_archive
from voices.library import Library

JUDGEMENT = Judgement((0.41, 0.52), (0.7, 0.7), (0.81, 0.5))


@pytest.fixture
def begun(run, material):
    """A library with Ada and a job of hers that has just begun."""
    library = Library.open()
    return Job.begin(library.add(an_archive()), "Ada refined", material)


@pytest.fixture
def says(monkeypatch):
    """Stands in for the process that works; returns where to put what it tells."""
    events: list[object] = []

    class Told:
        def __init__(self, begin):
            self.begin = begin

        def poll(self):
            if KeyboardInterrupt in events:
                events.remove(KeyboardInterrupt)
                raise KeyboardInterrupt
            return events

        def stop(self):
            events[:] = [Progress("Listening", 0.1, 60.0), Ended(kept=False)]

        def close(self):
            pass

    monkeypatch.setattr(process, "RefineProcess", Told)
    return events


@pytest.mark.parametrize(
    ("name", "sentence"), [("Ada", "Say which recordings"), ("deep", "no neural voice"), ("Nobody", "Nobody")]
)
def test_what_cannot_be_refined_is_told_in_a_line(run, tmp_path, name, sentence):
    run("voices", "list")
    Library.open().add(an_archive())
    files = [] if name == "Ada" else [tmp_path / "x.wav"]
    outcome = run("voices", "refine", name, *files)
    assert outcome.is_one_line()
    assert sentence in outcome.err


def test_recordings_that_will_not_do_are_told_in_a_line(run, tmp_path):
    Library.open().add(an_archive())
    path = tmp_path / "hum.wav"
    soundfile.write(path, 0.1 * np.sin(np.arange(48_000) / 40), 24_000)
    outcome = run("voices", "refine", "Ada", path)
    assert outcome.is_one_line()
    assert "hum.wav: " in outcome.err
    assert unfinished() == []


def test_an_unfinished_refinement_is_gone_on_with(run, begun, says):
    voice = Library.open().find("Ada")
    says[:] = [Progress("Tuning", 0.5, 130.0), Outcome(voice, JUDGEMENT, "", 60.0)]
    outcome = run("voices", "refine", "Ada")
    assert outcome.status == 0
    assert "50%  tuning, about 2 min left" in outcome.out
    assert "likeness 41% before, 52% after" in outcome.out


def test_a_voice_that_became_no_better_is_told(run, begun, says):
    says[:] = [Outcome(None, JUDGEMENT, "Words became less clear.", 60.0)]
    assert "'Ada' stays as it is. Words became less clear." in run("voices", "refine", "Ada").out


def test_a_failure_is_one_line(run, begun, says):
    says[:] = [Ended("The disk is full.")]
    assert run("voices", "refine", "Ada").is_one_line()


def test_what_is_begun_tells_its_stages_and_the_new_voice(run, says):
    voice = Library.open().add(an_archive())
    about = About("ada-live", "Ada live", "Ada refined", 75.0)
    says[:] = [
        Progress("Reading the recordings", 0.0, None),
        Progress("Speaking with Ada", 0.5, 600.0),
        Begun(about),
        Outcome(voice, JUDGEMENT, "", 60.0),
    ]
    lines = run("voices", "refine", "Ada", Path("x.wav")).out.splitlines()
    assert lines[:3] == [
        "  0%  reading the recordings",
        " 50%  speaking with Ada, about 10 min left",
        "75 s of speech to refine 'Ada live' with.",
    ]


def test_interrupted_before_it_began_it_leaves_nothing(run, says):
    Library.open().add(an_archive())
    says[:] = [KeyboardInterrupt]
    outcome = run("voices", "refine", "Ada", Path("x.wav"))
    assert (outcome.status, outcome.out) == (130, "Ending; nothing is kept ...\n")


def test_interrupted_after_it_began_it_can_be_gone_on_with(run, begun, says):
    says[:] = [KeyboardInterrupt]
    outcome = run("voices", "refine", "Ada")
    assert (outcome.status, outcome.out) == (130, "Stopped; `menura voices refine 'Ada'` goes on.\n")


def test_files_do_not_replace_what_is_unfinished_but_discard_does(run, begun):
    refused = run("voices", "refine", "Ada", Path("x.wav"))
    assert refused.is_one_line()
    assert "--discard" in refused.err
    assert run("voices", "refine", "Ada", "--discard").status == 0
    assert unfinished() == []
    assert run("voices", "refine", "Ada", "--discard").is_one_line()


def test_the_process_says_when_it_has_nothing_to_do(run, tmp_path):
    answers = []

    class Pipe:
        def recv(self):
            return process.Begin("ada", tmp_path)

        def poll(self):
            return False

        def send(self, event):
            answers.append(event)

    process.work(Pipe(), None)
    assert answers == [Ended("There is nothing to go on with; start again.")]
