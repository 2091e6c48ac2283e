"""Recording takes: the process beside the window, fed by the JACK rig, and what a crash leaves."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pytest

from audio.files import read_mono
from audio.recorder import recover
from inference.quality.live import Advice, LiveCoach, Tone
from inference.takes import Event, TakeEnded, TakeFailed, TakeRecorder
from tests.rig.caller import wait_until
from tests.rig.jack_server import JackServer
from tests.rig.speaker import speaking
from tests.rig.speech import speech

RATE = 48_000


def coach_of(x: np.ndarray) -> LiveCoach:
    coach = LiveCoach(RATE)
    for start in range(0, len(x), 1999):
        coach.take(x[start : start + 1999])
    return coach


def in_a_room(level: float, noise: float) -> np.ndarray:
    rng = np.random.default_rng(1)
    x = np.concatenate([np.zeros(RATE, np.float32), speech(6)])
    x *= level / np.abs(x).max()
    return (x + noise * rng.standard_normal(len(x))).astype(np.float32)


@pytest.mark.parametrize(
    ("x", "words", "tone"),
    [
        (in_a_room(0.5, 1e-4), "Good", Tone.CALM),
        (in_a_room(0.02, 1e-5), "Too quiet", Tone.WARNING),
        (np.clip(in_a_room(4.0, 1e-4), -1, 1), "Too loud", Tone.WARNING),
        (in_a_room(0.5, 0.04), "noisy", Tone.WARNING),
        (np.zeros(4 * RATE, np.float32), "Nothing is heard", Tone.WARNING),
        (np.zeros(RATE // 2, np.float32), "Listening", Tone.CALM),
        (np.full(4 * RATE, np.nan, np.float32), "Nothing is heard", Tone.WARNING),
    ],
)
def test_live_advice(x: np.ndarray, words: str, tone: Tone) -> None:
    advice = coach_of(x).advice()
    assert words in advice.sentence
    assert advice.tone is tone


def test_speech_is_counted() -> None:
    coach = coach_of(in_a_room(0.5, 1e-4))
    assert 3 < coach.speech_s < 6.5
    coach.forget_speech()
    assert coach.speech_s == 0


class Events:
    """What a recorder has told so far."""

    def __init__(self, takes: TakeRecorder) -> None:
        self._takes = takes
        self.all: list[Event] = []

    def wait(self, kind: type) -> Event:
        """The first event of a kind, waited for."""

        def come() -> bool:
            self.all += self._takes.poll()
            return any(isinstance(event, kind) for event in self.all)

        wait_until(come, timeout_s=60)
        return next(event for event in self.all if isinstance(event, kind))


@pytest.mark.jack
def test_a_take_holds_what_the_caller_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with JackServer() as server, speaking(server):
        for name, value in server.env().items():
            monkeypatch.setenv(name, value)
        takes = TakeRecorder()
        events = Events(takes)
        try:
            takes.listen(None)
            wait_until(lambda: takes.open, timeout_s=60)
            takes.record(tmp_path)
            wait_until(lambda: takes.seconds > 3, timeout_s=60)
            wait_until(lambda: takes.rms > 0, timeout_s=60)
            takes.finish()
            ended = events.wait(TakeEnded)
        finally:
            takes.close()
    assert isinstance(ended, TakeEnded)
    assert ended.problem == ""
    samples, rate = read_mono(ended.files[0])
    assert rate == server.rate
    assert len(samples) / rate == pytest.approx(ended.seconds, abs=0.1)
    assert np.abs(samples).max() > 0.02
    assert any(isinstance(event, Advice) for event in events.all)


@pytest.mark.jack
def test_a_killed_recorder_loses_seconds_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with JackServer() as server, speaking(server):
        for name, value in server.env().items():
            monkeypatch.setenv(name, value)
        takes = TakeRecorder()
        events = Events(takes)
        try:
            takes.listen(None)
            wait_until(lambda: takes.open, timeout_s=60)
            takes.record(tmp_path)
            wait_until(lambda: len(list(tmp_path.glob(".*/take-*.flac"))) >= 2, timeout_s=60)
            os.kill(takes._process.pid, signal.SIGKILL)
            events.wait(TakeFailed)
        finally:
            takes.close()
    (file,) = recover(tmp_path)
    assert len(read_mono(file)[0]) / RATE >= 3.9


def test_no_microphone_is_a_sentence(tmp_path: Path) -> None:
    takes = TakeRecorder()
    events = Events(takes)
    try:
        takes.listen("No such microphone · Nowhere")
        failed = events.wait(TakeFailed)
    finally:
        takes.close()
    assert isinstance(failed, TakeFailed)
    assert failed.reason.endswith(".")
