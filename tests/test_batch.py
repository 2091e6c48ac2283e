"""Many files: planned without overwriting anything, converted one by one, ended at once."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from audio.files import write_audio
from inference import batch
from inference.batch import (
    BatchError,
    Cancelled,
    Done,
    Existing,
    Failed,
    Job,
    Working,
    already_there,
    find_sources,
    plan,
    run,
    settle,
)
from inference.batch_process import BatchProcess
from inference.sample import bundled_speech
from voices.builtin import find_voice
from voices.tuning import Tuning

DEEP = find_voice("deep")
SPEECH = bundled_speech(24_000)[:24_000]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two sound files, one that is none, and things to leave alone."""
    made = tmp_path / "in"
    (made / "more").mkdir(parents=True)
    write_audio(made / "a.wav", SPEECH, 24_000)
    write_audio(made / "more" / "a.flac", SPEECH, 24_000)
    (made / "broken.wav").write_text("no sound")
    (made / "notes.txt").write_text("no sound either")
    return made


def events(jobs: list[Job]) -> list:
    return list(run(jobs, DEEP, tell=lambda _: None))


def test_a_folder_is_searched_and_names_never_meet(folder: Path, tmp_path: Path) -> None:
    assert [p.name for p in find_sources([folder, folder / "a.wav"])] == ["a.wav", "broken.wav", "a.flac"]
    jobs = plan([folder], tmp_path / "out", ".flac", DEEP)
    assert [job.target.name for job in jobs] == [
        "a Cello.flac",
        "broken Cello.flac",
        "a Cello (2).flac",
    ]
    with pytest.raises(BatchError, match="no sound file"):
        plan([folder / "more" / "nothing here"][:0], tmp_path, ".wav", DEEP)
    with pytest.raises(BatchError, match="is a file"):
        plan([folder], folder / "a.wav", ".wav", DEEP)


def test_a_bad_file_does_not_end_the_others(folder: Path, tmp_path: Path) -> None:
    found = events(plan([folder], tmp_path / "out", ".wav", DEEP))
    assert [type(event) for event in found] == [Done, Failed, Done]
    assert "broken.wav is not a sound file" in found[1].reason
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["a Cello (2).wav", "a Cello.wav"]
    y, rate = soundfile.read(tmp_path / "out" / "a Cello.wav")
    assert (len(y), rate) == (24_000, 24_000)
    assert np.abs(y - SPEECH).max() > 0.05


def test_nothing_is_written_over_unasked(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "a Cello.wav").write_bytes(b"precious")
    jobs = plan([folder / "a.wav"], out, ".wav", DEEP)
    assert already_there(jobs) == jobs
    assert settle(jobs, Existing.SKIP) == []
    assert [job.target.name for job in settle(jobs, Existing.RENAME)] == ["a Cello (2).wav"]
    assert settle(jobs, Existing.REPLACE) == jobs
    itself = [Job(out / "a Cello.wav", out / "a Cello.wav")]
    assert settle(itself, Existing.REPLACE) == []


def test_a_cancelled_file_leaves_nothing_behind(folder: Path, tmp_path: Path) -> None:
    shares: list[float] = []
    jobs = plan([folder], tmp_path / "out", ".wav", DEEP)
    found = list(run(jobs, DEEP, tell=lambda w: shares.append(w.share), cancelled=lambda: len(shares) > 2))
    assert found == [Cancelled(0)]
    assert list((tmp_path / "out").iterdir()) == []
    assert shares == sorted(shares)


def test_a_folder_that_cannot_be_written_is_said(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = events([Job(folder / "a.wav", tmp_path / "file" / "a.wav")])
    assert isinstance(found[0], Failed)
    assert str(tmp_path / "file") in found[0].reason


def wait(batch: BatchProcess) -> list:
    found, end = [], time.monotonic() + 60
    while not batch.finished:
        assert time.monotonic() < end
        found += batch.poll()
        time.sleep(0.01)
    return found


def test_the_process_tells_every_file_and_can_be_ended(folder: Path, tmp_path: Path) -> None:
    batch = BatchProcess(plan([folder], tmp_path / "out", ".wav", DEEP), DEEP, Tuning())
    found = wait(batch)
    assert [type(e) for e in found if not isinstance(e, Working)] == [Done, Failed, Done]
    stopped = BatchProcess(plan([folder], tmp_path / "two", ".wav", DEEP), DEEP, Tuning())
    stopped.cancel()
    assert [type(e) for e in wait(stopped)] == [Cancelled]
    assert not (tmp_path / "two").exists()


def menura(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cli", "batch", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def test_the_command_converts_and_says_what_failed(folder: Path, tmp_path: Path) -> None:
    done = menura(folder, "--voice", "deep", "--out", tmp_path / "out", "--format", "flac", "--pitch", "2")
    assert done.returncode == 2
    assert "2 of 3 files converted" in done.stdout
    assert done.stderr.count("\n") == 1
    assert "broken.wav" in done.stderr
    again = menura(folder / "a.wav", "--voice", "deep", "--out", tmp_path / "out", "--format", "flac")
    assert again.returncode == 2
    assert "--existing skip" in again.stderr


def test_an_interrupted_batch_says_how_far_it_came(
    run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(*_: object, **__: object) -> Iterator[Done]:
        yield Done(0, 1.5)
        raise KeyboardInterrupt

    monkeypatch.setattr(batch, "run", half)
    outcome = run("batch", folder, "--voice", "deep", "--out", tmp_path / "out")
    assert (outcome.status, outcome.err) == (130, "")
    assert outcome.out.splitlines()[-1] == f"Interrupted: 1 of 3 files converted to {tmp_path / 'out'}"
