"""The far end's recorder on a machine that is busy or forbids it; e2e records a real one."""

from __future__ import annotations

from multiprocessing import Pipe
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from audio.devices import Device
from inference import far_end
from inference.far_end import FarEndFailed, Listening, Recording

DEVICE = Device(3, "Cable · ALSA", "Cable", "ALSA", 1, 0, 48_000, 0.01, 0.01)


class RefusedError(Exception):
    """As `sounddevice.PortAudioError`: (words, code)."""


class Stream:
    """Starts once `answers` has no more refusals in it."""

    answers: list[tuple[str, int]]
    still_open = 0

    def __init__(self, callback: Any, **_: Any) -> None:
        self._callback = callback
        Stream.still_open += 1

    def start(self) -> None:
        if self.answers:
            raise RefusedError(*self.answers.pop(0))
        self._callback(np.full((480, 1), 0.5, np.float32), 480, None, None)

    def abort(self) -> None:
        pass

    def close(self, ignore_errors: bool = True) -> None:
        Stream.still_open -= 1


LATE, FORBIDDEN = ("Wait timed out", -9987), ("Unanticipated host error", -9999)


def record(monkeypatch: pytest.MonkeyPatch, *answers: tuple[str, int]) -> list[object]:
    """What the recorder says when its device answers so."""
    monkeypatch.setattr(Stream, "answers", list(answers), raising=False)
    monkeypatch.setattr(Stream, "still_open", 0)
    fake = SimpleNamespace(InputStream=Stream, PortAudioError=RefusedError)
    monkeypatch.setattr(far_end, "portaudio", lambda: fake)
    monkeypatch.setattr(far_end, "refresh", lambda: None)
    monkeypatch.setattr(far_end, "find_device", lambda name, kind: DEVICE)
    monkeypatch.setattr(far_end, "choose_rate", lambda source, output: 48_000)
    monkeypatch.setattr(far_end.signal, "signal", lambda *_: None)
    ours, theirs = Pipe()
    ours.send(None)
    far_end.run(theirs, DEVICE.name)
    said = []
    while ours.poll():
        said.append(ours.recv())
    assert Stream.still_open == 0
    return said


@pytest.mark.parametrize("answers", [(), (LATE,)])
def test_a_stream_that_starts_late_is_started_once_more(monkeypatch, answers) -> None:
    listening, recording = record(monkeypatch, *answers)
    assert listening == Listening()
    assert isinstance(recording, Recording)
    np.testing.assert_array_equal(recording.samples, np.full(480, 0.5, np.float32))


@pytest.mark.parametrize("answers", [(LATE, LATE), (FORBIDDEN,)])
def test_what_does_not_start_says_what_to_do(monkeypatch, answers) -> None:
    (failed,) = record(monkeypatch, *answers)
    assert isinstance(failed, FarEndFailed)
    assert answers[-1][0] in failed.reason
    assert "allow Menura to use microphones" in failed.reason
