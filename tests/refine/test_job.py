"""A refinement on disk: begun, stopped, gone on with, cut off by a crash, finished beside the old voice."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest

from inference.refine import work
from inference.refine.job import Job, RefineError, unfinished
from inference.refine.judgement import Judgement
from inference.refine.material import Material, MaterialError
from tests.refine.conftest import SMALL
from voices.builtin import model_free_voices

GOOD = Judgement((0.4, 0.5), (0.7, 0.7), (0.8, 0.5))


@pytest.fixture
def job(voice, material, tmp_path):
    return Job.begin(voice, "Ada refined", material, tmp_path / "jobs")


@pytest.fixture
def judged(monkeypatch):
    """What the judgement says in place of six conversions."""

    def says(found: Judgement) -> None:
        monkeypatch.setattr(work, "judge", lambda *_: found)

    says(GOOD)
    return says


def finish(job, library, networks_folder, stopped=lambda: False, told=None):
    tell = (told if told is not None else []).append
    return work.run(job, library, tell, stopped, "cpu", SMALL, networks_folder)


def test_a_finished_job_leaves_a_voice_beside_the_old_one(job, voice, library, networks_folder, judged):
    told = []
    outcome = finish(job, library, networks_folder, told=told)
    new = library.find("Ada refined")
    assert outcome.voice == new
    assert new.refinement.likeness_after == 0.5
    assert new.refinement.values()
    assert library.find(voice.id) == voice
    assert unfinished(job.folder.parent) == []
    shares = [progress.share for progress in told]
    assert shares == sorted(shares)
    assert all(progress.left_s >= 0 for progress in told)


@pytest.mark.parametrize(
    "found",
    [
        replace(GOOD, likeness=(0.5, 0.4)),
        replace(GOOD, words=(0.7, 0.6)),
        replace(GOOD, distance=(0.5, 0.499)),
    ],
)
def test_what_is_no_better_is_told_and_not_kept(job, library, networks_folder, judged, found):
    judged(found)
    before = library.voices()
    outcome = finish(job, library, networks_folder)
    assert outcome.voice is None
    assert outcome.reason.endswith(".")
    assert library.voices() == before


def test_a_stopped_job_goes_on_where_it_stood(job, library, networks_folder, judged):
    told = []
    with pytest.raises(work.StoppedError):
        finish(job, library, networks_folder, lambda: told[-1].share > 0.6, told)
    (left,) = unfinished(job.folder.parent)
    assert left.about.share > 0.4
    again = []
    assert finish(left, library, networks_folder, told=again).voice is not None
    tuned = [progress for progress in again if progress.stage == "Tuning"]
    assert 0 < len(tuned) < SMALL.steps


def test_a_torn_state_starts_the_tuning_again(job, library, networks_folder, judged):
    job.keep(b"PK\x03\x04 half of a file", 0.5)
    told = []
    assert finish(job, library, networks_folder, told=told).voice is not None
    assert sum(progress.stage == "Tuning" for progress in told) == SMALL.steps


def test_a_crash_after_the_voice_was_added_adds_no_second(job, library, networks_folder, judged, monkeypatch):
    monkeypatch.setattr(Job, "discard", lambda self: None)
    first = finish(job, library, networks_folder).voice
    count = len(library.voices())
    assert finish(job, library, networks_folder).voice == first
    assert len(library.voices()) == count


def test_what_a_crash_left_half_made_is_no_job(job, voice, material):
    (job.folder / "job.json").unlink()
    assert unfinished(job.folder.parent) == []
    assert Job.begin(voice, "Ada refined", material, job.folder.parent).material().speech_s == 75.0


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": 1, "share": "x"}', '{"format": 2}'])
def test_a_damaged_job_is_no_job(job, content):
    (job.folder / "job.json").write_text(content)
    assert unfinished(job.folder.parent) == []


def test_only_one_process_works_on_a_job(job, library, networks_folder):
    with job.lock(), pytest.raises(RefineError, match="another Menura"):
        finish(Job(job.folder, job.about), library, networks_folder)


def test_whoever_ends_it_has_it_until_it_is_gone(job, library, networks_folder, judged, monkeypatch):
    discarded = []

    def discard(self):
        with pytest.raises(RefineError, match="another Menura"), Job(self.folder, self.about).lock():
            pass
        discarded.append(self.folder)
        original(self)

    original = Job.discard
    monkeypatch.setattr(Job, "discard", discard)
    finish(job, library, networks_folder)
    assert discarded == [job.folder]
    assert unfinished(job.folder.parent) == []


def test_who_comes_too_late_is_told_and_a_new_job_of_the_name_stays_whole(job, voice, material):
    late = Job(job.folder, job.about)
    with job.lock():
        job.discard()
    with pytest.raises(RefineError, match="not being refined any more"), late.lock():
        pass
    fresh = Job.begin(voice, "Ada refined", material, job.folder.parent)
    assert fresh.material().speech_s == 75.0


def test_files_that_are_still_being_deleted_are_not_those_of_a_new_job(job, voice, material, monkeypatch):
    def slow(folder, ignore_errors):
        monkeypatch.undo()
        Job.begin(voice, "Ada refined", material, job.folder.parent)
        shutil.rmtree(folder, ignore_errors=ignore_errors)

    monkeypatch.setattr("inference.refine.job.shutil.rmtree", slow)
    with job.lock():
        job.discard()
    (fresh,) = unfinished(job.folder.parent)
    assert fresh.material().speech_s == 75.0
    assert [path.name for path in job.folder.parent.iterdir()] == [job.folder.name]


def test_a_job_is_begun_once_and_for_neural_voices_alone(job, voice, material):
    with pytest.raises(RefineError, match="already"):
        Job.begin(voice, "Ada refined", material, job.folder.parent)
    with pytest.raises(RefineError, match="no neural voice"):
        Job.begin(model_free_voices()[0], "x", material, job.folder.parent)


def test_a_device_that_is_not_there_is_refused(job, library, networks_folder):
    with pytest.raises(RefineError, match="no device"):
        work.choose_device("abacus")


def test_damaged_recordings_are_told(job):
    about = json.loads((job.folder / "material.json").read_text())
    (job.folder / "material.json").write_text(json.dumps({**about, "lengths": [1]}))
    with pytest.raises(MaterialError):
        Material.load(job.folder)
