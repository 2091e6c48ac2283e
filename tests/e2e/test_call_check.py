"""The call check on a real sound server: engine, "Menura Microphone", a recorder at its far end, judge."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from audio import virtual_mic
from inference.call_check import Evidence, Result, Verdict, judge, phrase, sent_during
from inference.converter import HOP
from inference.engine.client import EngineClient
from inference.engine.messages import EngineState, StateChanged, StreamConfig, VoiceReady
from inference.far_end import Event, FarEnd, FarEndFailed, Listening, Recording
from tests.rig.caller import wait_until
from tests.rig.pulse_server import pulse_server
from voices.builtin import find_voice

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="other systems install a cable"),
    pytest.mark.timeout(300),
]
_PATIENCE_S = 60.0
_CHECKS = 3


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EngineClient]:
    """Live between a sink's monitor and the virtual microphone."""
    monkeypatch.setenv("MENURA_HOME", str(tmp_path))
    with pulse_server(tmp_path, monkeypatch):
        virtual_mic.create()
        with EngineClient() as client:
            client.set_voice(find_voice("deep"))
            client.start(StreamConfig(output_device=virtual_mic.DEVICE))
            events: list[object] = []

            def live() -> bool:
                events.extend(client.poll())
                speaks = any(isinstance(event, VoiceReady) for event in events)
                return speaks and client.telemetry().running

            wait_until(live, _PATIENCE_S)
            assert not any(isinstance(e, StateChanged) and e.state is EngineState.FAILED for e in events)
            yield client


def check(engine: EngineClient) -> tuple[Result, bool]:
    """One run, as the Call page does it; and whether the audio system or the engine was late in it."""
    far_end, events = FarEnd(virtual_mic.DEVICE), list[Event]()

    def has(kind: type) -> bool:
        events.extend(far_end.poll())
        assert not any(isinstance(event, FarEndFailed) for event in events), events
        return any(isinstance(event, kind) for event in events)

    try:
        wait_until(lambda: has(Listening), _PATIENCE_S)
        before = engine.telemetry()
        ticket = engine.play_phrase(phrase())
        wait_until(lambda: engine.phrase_progress(ticket).over, _PATIENCE_S)
        far_end.finish()
        wait_until(lambda: has(Recording), _PATIENCE_S)
    finally:
        far_end.close()
    progress = engine.phrase_progress(ticket)
    assert progress.complete
    recording = next(event for event in events if isinstance(event, Recording))
    sent = sent_during(engine.history(20.0), progress)
    assert len(sent) == progress.hops * HOP
    after = engine.telemetry()
    return judge(Evidence(sent, progress.began_at, recording, before, after)), after.xruns != before.xruns


def test_the_far_end_of_the_virtual_microphone_hears_the_phrase(engine: EngineClient) -> None:
    """How many dropouts there are is up to the machine; that voice and words come through is not.

    A check in which the server itself was late says more of the machine: another one then, as a user would.
    """
    for _ in range(_CHECKS):
        result, late = check(engine)
        if not late:
            break
    assert {line.name for line in result.lines} == {"Level", "Latency", "Dropouts", "Words"}, result.summary
    assert result.verdict is not Verdict.FAILS, result.summary


def test_a_device_that_is_not_there_is_a_sentence() -> None:
    far_end, events = FarEnd("No such cable · ALSA"), list[Event]()

    def answered() -> bool:
        events.extend(far_end.poll())
        return bool(events)

    wait_until(answered, _PATIENCE_S)
    far_end.close()
    assert isinstance(events[0], FarEndFailed)
    assert events[0].reason.endswith(".")
