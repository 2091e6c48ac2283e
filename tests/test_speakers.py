"""Who speaks into which microphone is known from call to call, by the microphone that really ran."""

from __future__ import annotations

from pathlib import Path

import pytest

from inference.engine import live
from inference.engine.live import LiveError, LiveSession
from inference.engine.messages import EngineParams, EngineState, StateChanged, StreamConfig, StreamsOpened
from inference.engine.telemetry import Telemetry
from inference.speakers import FILE_NAME, SpeakerMemory
from tests.fakes.fake_engine import FakeEngine
from voices.builtin import find_voice


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MENURA_HOME", str(tmp_path))
    return tmp_path


def opened(name: str) -> StreamsOpened:
    return StreamsOpened(name, "cable", None, 48_000, 240, True)


def known() -> dict[str, float]:
    """What a new process knows."""
    return dict(SpeakerMemory().expecting(StreamConfig()).speakers)


RUNNING = StateChanged(EngineState.RUNNING)


def test_it_is_kept_for_the_microphone_that_ran_not_for_the_one_that_was_wished() -> None:
    memory = SpeakerMemory()
    memory.expecting(StreamConfig("broken"))
    memory.hear(opened("the one before"))
    memory.hear(RUNNING)
    assert memory.note(Telemetry(speaker_hz=118.34)) == ""
    assert known() == {"the one before": 118.3}


def test_until_another_microphone_runs_the_telemetry_is_of_the_one_before() -> None:
    memory = SpeakerMemory()
    memory.hear(opened("first"))
    memory.hear(RUNNING)
    memory.hear(opened("second"))
    memory.note(Telemetry(speaker_hz=118.3))
    assert known() == {"first": 118.3}
    memory.hear(RUNNING)
    memory.note(Telemetry(speaker_hz=210.0))
    assert known() == {"first": 118.3, "second": 210.0}


def test_nothing_is_kept_of_what_is_not_known() -> None:
    memory = SpeakerMemory()
    memory.note(Telemetry(speaker_hz=100.0))
    memory.hear(opened("mic"))
    memory.hear(RUNNING)
    memory.note(Telemetry(speaker_hz=0.0))
    assert known() == {}


@pytest.mark.parametrize(
    "content",
    [b"{", b"[]", b"\xff\xfe", b'{"microphones": 3}', b'{"microphones": {"a": true, "b": "x", "c": -1}}'],
)
def test_a_damaged_file_is_learnt_again(home: Path, content: bytes) -> None:
    (home / FILE_NAME).write_bytes(content)
    assert known() == {}
    memory = SpeakerMemory()
    memory.expecting(StreamConfig())
    memory.hear(opened("mic"))
    memory.hear(RUNNING)
    memory.note(Telemetry(speaker_hz=150.0))
    assert known() == {"mic": 150.0}


def test_what_another_menura_learnt_meanwhile_stays() -> None:
    studio, command = SpeakerMemory(), SpeakerMemory()
    for memory, name, hz in ((command, "desk", 110.0), (studio, "headset", 190.0)):
        memory.expecting(StreamConfig())
        memory.hear(opened(name))
        memory.hear(RUNNING)
        memory.note(Telemetry(speaker_hz=hz))
    assert known() == {"desk": 110.0, "headset": 190.0}


def test_a_folder_that_cannot_be_written_is_told(home: Path) -> None:
    (home / FILE_NAME).mkdir()
    memory = SpeakerMemory()
    memory.hear(opened("mic"))
    memory.hear(RUNNING)
    said = memory.note(Telemetry(speaker_hz=150.0))
    assert said.startswith("The range of your voice could not be kept")


class Engine(FakeEngine):
    """An engine for a session without a window."""

    class usage:
        peak_rss_mb = 0.0

    recording = None

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def stop_recording(self) -> None:
        """Nothing is recorded."""


def run(monkeypatch: pytest.MonkeyPatch, engine: Engine) -> None:
    monkeypatch.setattr(live, "EngineClient", lambda: engine)
    session = LiveSession(
        StreamConfig("mic"), find_voice("deep"), EngineParams(), lambda _: None, speakers=SpeakerMemory()
    )
    session.run(0.0, bypass=False)


def test_the_command_begins_with_what_the_last_call_learnt(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = Engine(speaker_hz=123.4), Engine(speaker_hz=123.4)
    run(monkeypatch, first)
    run(monkeypatch, second)
    assert first.starts[0].speakers == {}
    assert second.starts[0].speakers == {"mic": 123.4}


def test_a_call_that_fails_in_the_midst_has_learnt_something(monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing(Engine):
        def start(self, config: StreamConfig) -> None:
            super().start(config)
            self.events.append(StateChanged(EngineState.FAILED, "It was unplugged."))

    with pytest.raises(LiveError):
        run(monkeypatch, Failing(speaker_hz=99.0))
    assert known() == {"mic": 99.0}


def test_a_command_whose_device_fails_keeps_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LiveError):
        run(monkeypatch, Engine(speaker_hz=99.0, opens=False))
    assert known() == {}
