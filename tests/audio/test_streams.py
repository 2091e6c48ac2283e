"""Opening streams: whatever the audio system refuses is one sentence, and nothing stays open."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from audio.devices import Device, DeviceError
from audio.ring import Ring
from audio.streams import StreamPlan, Streams, Tap, output_callback
from inference.engine.shared import STREAM


class Refused(Exception):
    """Stands for sounddevice.PortAudioError."""


class FakeStream:
    """A stream of a system that refuses to `open` or to `start` outputs, or nothing."""

    refuses = ""
    all: list[FakeStream]

    def __init__(self, **_: Any) -> None:
        if self.refuses == "open" and self.is_output:
            raise Refused("device in use")
        self.state, self.latency = "open", 0.01
        self.all.append(self)

    @property
    def is_output(self) -> bool:
        return isinstance(self, FakeOutput)

    def start(self) -> None:
        if self.refuses == "start" and self.is_output:
            raise Refused("unanticipated host error")
        self.state = "running"

    def abort(self) -> None:
        self.state = "stopped"

    def close(self) -> None:
        self.state = "closed"


class FakeOutput(FakeStream):
    """An output."""


def device(index: int, name: str, inputs: int, outputs: int) -> Device:
    return Device(index, f"x:{name}", name, "Core Audio", inputs, outputs, 48_000, 0.01, 0.01)


def tap() -> Tap:
    return Tap(Ring.create(1024), np.zeros(1, STREAM), np.zeros(1, np.int64))


def opened(monkeypatch: pytest.MonkeyPatch, refuses: str) -> Streams:
    FakeStream.refuses, FakeStream.all = refuses, []
    fake = SimpleNamespace(
        Stream=FakeStream, InputStream=FakeStream, OutputStream=FakeOutput, PortAudioError=Refused
    )
    monkeypatch.setitem(sys.modules, "sounddevice", fake)  # type: ignore[arg-type]
    mic, cable = device(0, "Microphone", 1, 0), device(1, "Cable", 0, 2)
    return Streams(StreamPlan(mic, cable, None, 48_000, 48_000, 0, 0), tap(), tap(), tap(), wake=lambda: None)


def test_both_run_and_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    streams = opened(monkeypatch, "")
    assert [stream.state for stream in FakeStream.all] == ["running", "running"]
    streams.close()
    assert [stream.state for stream in FakeStream.all] == ["closed", "closed"]


@pytest.mark.parametrize("refuses", ["open", "start"])
def test_a_refusal_is_a_sentence_and_nothing_stays_open(
    monkeypatch: pytest.MonkeyPatch, refuses: str
) -> None:
    with pytest.raises(DeviceError, match=f"would not {refuses} .*'.*Cable.*choose another device"):
        opened(monkeypatch, refuses)
    assert {stream.state for stream in FakeStream.all} == {"closed"}


@pytest.mark.parametrize("frames", [16, 240])
def test_a_ring_that_runs_dry_falls_silent_without_a_click(frames: int) -> None:
    out = tap()
    call, heard = output_callback(out), []
    for callback in range(480 // frames):
        if callback == 0:
            out.ring.push(np.full(100, 0.5, np.float32))
        block = np.full((frames, 2), 9.0, np.float32)
        call(block, frames, None, SimpleNamespace(output_underflow=False))
        heard.append(block)
    left, right = np.concatenate(heard).T
    np.testing.assert_array_equal(left, right)
    np.testing.assert_array_equal(left[:100], 0.5)
    assert (np.diff(left[99:165]) <= 0).all()
    assert np.abs(np.diff(left)).max() < 0.02
    assert not left[163:].any()
    assert out.counters["silence"][0] == 380
