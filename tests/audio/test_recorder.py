"""Recordings: whole files at the end, the finished part after a crash, one sentence when the disk is full."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from audio import recorder as recorder_module
from audio.files import AudioFileError
from audio.recorder import CHUNK_S, Recorder, RecordingEnded, RecordingError, Source, recover
from audio.ring import Ring
from tests.rig.caller import wait_until

RATE = 8_000
_PATIENCE_S = 60.0


class Stream:
    """A source that a test fills by hand."""

    def __init__(self, name: str, rate: int = RATE) -> None:
        self.ring = Ring.create(1 << 16)
        self.rate = rate
        self.lost = 0
        self.pushed: list[NDArray[np.float32]] = []
        self.source = Source(name, self.ring, lambda: self.rate, lambda: self.lost)

    def play(self, seconds: float, seed: int = 0) -> None:
        """Gives so much noise, and waits until it was taken."""
        noise = np.random.default_rng(seed).uniform(-0.5, 0.5, round(seconds * self.rate)).astype(np.float32)
        for piece in np.array_split(noise, 1 + len(noise) // 1000):
            wait_until(lambda: self.ring.fill < 30_000, _PATIENCE_S)
            self.ring.push(piece)
        self.pushed.append(noise)
        wait_until(lambda: not self.ring.fill, _PATIENCE_S)


def end(recorder: Recorder, ended: list[RecordingEnded]) -> RecordingEnded:
    """Stops and waits for the files."""
    recorder.stop()
    assert recorder.wait(_PATIENCE_S)
    return ended[0]


def record(folder: Path, *streams: Stream) -> tuple[Recorder, list[RecordingEnded]]:
    """A recording that runs."""
    ended: list[RecordingEnded] = []
    recorder = Recorder(folder, [stream.source for stream in streams], ended.append)
    recorder.start()
    return recorder, ended


def assert_holds(path: Path, stream: Stream) -> None:
    """Checks that a file has exactly what was played, to 24 bits."""
    samples, rate = soundfile.read(path, dtype="float32")
    assert rate == stream.rate
    np.testing.assert_allclose(samples, np.concatenate(stream.pushed), atol=2**-23)


def test_a_recording_is_one_file_for_each_source_and_nothing_else(tmp_path: Path) -> None:
    mic, call = Stream("input"), Stream("output")
    recorder, ended = record(tmp_path, mic, call)
    mic.play(2.5 * CHUNK_S)
    call.play(2.5 * CHUNK_S, seed=1)
    result = end(recorder, ended)
    assert [path.name.split(" ")[-1] for path in result.files] == ["input.flac", "output.flac"]
    assert sorted(tmp_path.iterdir()) == sorted(result.files)
    assert (result.problem, result.lost_samples) == ("", 0)
    assert result.seconds == pytest.approx(2.5 * CHUNK_S)
    assert_holds(result.files[0], mic)
    assert_holds(result.files[1], call)


def test_what_the_ring_held_before_is_not_recorded(tmp_path: Path) -> None:
    mic = Stream("input")
    mic.ring.push(np.ones(500, np.float32))
    recorder, ended = record(tmp_path, mic)
    mic.play(0.1)
    assert_holds(end(recorder, ended).files[0], mic)


def test_a_recording_without_sound_is_no_file(tmp_path: Path) -> None:
    result = end(*record(tmp_path, Stream("input", rate=0)))
    assert result == RecordingEnded((), 0.0, 0)
    assert not list(tmp_path.iterdir())


def test_samples_without_room_become_silence(tmp_path: Path) -> None:
    mic = Stream("input")
    recorder, ended = record(tmp_path, mic)
    mic.play(0.5)
    mic.lost += 3000
    result = end(recorder, ended)
    samples, _ = soundfile.read(result.files[0], dtype="float32")
    assert result.lost_samples == 3000
    assert len(samples) == RATE // 2 + 3000
    assert not samples[-3000:].any()


def test_another_rate_is_another_file(tmp_path: Path) -> None:
    mic = Stream("input")
    recorder, ended = record(tmp_path, mic)
    mic.play(0.5)
    mic.rate = 16_000
    mic.play(0.5)
    files = end(recorder, ended).files
    assert [soundfile.info(path).samplerate for path in files] == [RATE, 16_000]
    assert files[1].stem == f"{files[0].stem} 2"


def test_nan_and_overs_are_tamed(tmp_path: Path) -> None:
    mic = Stream("input")
    recorder, ended = record(tmp_path, mic)
    mic.ring.push(np.array([np.nan, np.inf, -np.inf, 2.0, -2.0, 0.25], np.float32))
    samples, _ = soundfile.read(end(recorder, ended).files[0], dtype="float32")
    np.testing.assert_allclose(samples, [0, 0, 0, 1, -1, 0.25], atol=1e-6)


def test_a_full_disk_ends_it_in_one_sentence_and_keeps_what_there_is(tmp_path: Path, monkeypatch) -> None:
    mic = Stream("input")
    _, ended = record(tmp_path, mic)
    mic.play(1.5 * CHUNK_S)
    wait_until(lambda: len(list(tmp_path.glob(".*/input-*.flac"))) == 1, _PATIENCE_S)

    def refuse(path: Path, *_: object) -> None:
        raise AudioFileError(f"The disk is full: {path} was not written; make room and try again.")

    monkeypatch.setattr(recorder_module, "write_audio", refuse)
    mic.ring.push(np.ones(round(CHUNK_S * RATE), np.float32))
    wait_until(lambda: bool(ended), _PATIENCE_S)
    assert "The disk is full" in ended[0].problem
    assert "the call goes on" in ended[0].problem
    assert soundfile.info(ended[0].files[0]).duration == pytest.approx(CHUNK_S)


def test_pieces_that_cannot_be_joined_now_are_kept_for_later(tmp_path: Path, monkeypatch) -> None:
    mic = Stream("input")
    recorder, ended = record(tmp_path, mic)
    mic.play(0.5)

    def refuse(*_: object) -> None:
        raise AudioFileError("The disk is full; make room.")

    with monkeypatch.context() as patched:
        patched.setattr(recorder_module, "AudioWriter", refuse)
        result = end(recorder, ended)
        assert recover(tmp_path) == ()
    assert result.files == ()
    assert "kept in pieces" in result.problem
    assert_holds(recover(tmp_path)[0], mic)


@pytest.mark.parametrize("where", ["file", "file/below"])
def test_a_folder_that_is_none_is_refused_in_a_sentence(tmp_path: Path, where: str) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(RecordingError, match="cannot be written"):
        Recorder(tmp_path / where, [], print)


def test_two_recordings_at_once_do_not_meet(tmp_path: Path) -> None:
    first, second = Stream("input"), Stream("input")
    one, two = record(tmp_path, first), record(tmp_path, second)
    first.play(0.2)
    second.play(0.3, seed=1)
    assert recover(tmp_path) == ()
    assert_holds(end(*one).files[0], first)
    assert_holds(end(*two).files[0], second)


_CRASHING = """
import sys, threading, time
from pathlib import Path
import numpy as np
from audio.recorder import Recorder, Source
from audio.ring import Ring
ring = Ring.create(1 << 16)
recorder = Recorder(Path(sys.argv[1]), [Source("input", ring, lambda: 8000, lambda: 0)], print)
recorder.start()
at = 0
while True:
    if ring.fill < 30_000:
        ring.push((np.arange(at, at + 800) % 8000 / 8000).astype(np.float32))
        at += 800
    time.sleep(0.001)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_after_a_crash_all_but_the_last_chunk_is_there(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", _CRASHING, str(tmp_path)])
    try:
        wait_until(lambda: len(list(tmp_path.glob(".*/input-*.flac"))) >= 3, _PATIENCE_S)
        assert recover(tmp_path) == ()  # it is still going on
        os.kill(process.pid, signal.SIGKILL)
    finally:
        process.kill()
        process.wait()
    chunks = len(list(tmp_path.glob(".*/input-*.flac")))
    (path,) = recover(tmp_path)
    samples, rate = soundfile.read(path, dtype="float32")
    assert len(samples) == chunks * CHUNK_S * rate
    np.testing.assert_allclose(samples, np.arange(len(samples)) % 8000 / 8000, atol=2**-23)
    assert list(tmp_path.iterdir()) == [path]
    assert recover(tmp_path) == ()


def test_a_crash_while_clearing_up_does_not_cost_the_file(tmp_path: Path) -> None:
    mic = Stream("input")
    recorder, ended = record(tmp_path, mic)
    mic.play(0.5)
    (path,) = end(recorder, ended).files
    half_cleared = tmp_path / f".{path.stem.removesuffix(' input')}.joined"
    half_cleared.mkdir()
    (half_cleared / "input-00001.flac").write_bytes(b"")
    assert recover(tmp_path) == ()
    assert list(tmp_path.iterdir()) == [path]
    assert_holds(path, mic)


def test_a_damaged_piece_costs_itself_only_and_is_kept(tmp_path: Path) -> None:
    take = tmp_path / ".2026-01-02 03-04-05.recording"
    take.mkdir()
    for number in range(3):
        soundfile.write(take / f"input-{number:05d}.flac", np.full(100, 0.1 * number), RATE)
    (take / "input-00001.flac").write_bytes(b"fLaC and no more")
    (path,) = recover(tmp_path)
    samples, _ = soundfile.read(path)
    np.testing.assert_allclose(samples, np.repeat([0.0, 0.2], 100), atol=1e-4)
    assert [kept.suffix for kept in tmp_path.glob(".*")] == [".unreadable"]
