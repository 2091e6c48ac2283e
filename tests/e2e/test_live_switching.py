"""From an RVC voice to a neural one and back while somebody speaks: never the microphone, no untold hole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from inference.engine.client import EngineClient
from inference.engine.messages import (
    EngineParams,
    EngineState,
    Event,
    StateChanged,
    StreamConfig,
    VoiceFailed,
    VoiceReady,
)
from inference.engine.telemetry import Telemetry
from tests.e2e.heard import raw_microphone
from tests.e2e.product import JACK_DEVICE
from tests.e2e.test_live_rig import call_until_well, server, silence
from tests.rig.caller import Call, Caller, Recording, wait_until, white_noise
from tests.rig.jack_server import RATE, JackServer
from tests.rig.speech import speech
from tests.rvc.conftest import model_folder, templates
from tests.rvc.spoken import install
from voices.builtin_neural import builtin_neural_voices
from voices.tuning import Tuning
from voices.voice import Voice

__all__ = ["model_folder", "server", "templates"]

pytestmark = [pytest.mark.jack, pytest.mark.timeout(300)]

_PATIENCE_S, _LONGEST_CALL_S = 60.0, 60.0
_SPOKEN_S = 0.7
"""How long each voice speaks beyond the time that the next needs to fill."""

_SLACK = 0.005
"""Share of the call that may be lost in the edges of the holes that are told."""


class Switcher:
    """An engine that is told which voice to speak with, and waited for."""

    def __init__(self, engine: EngineClient) -> None:
        self.engine = engine
        self._events: list[Event] = []

    def use(self, voice: Voice) -> None:
        """Goes over to the voice; returns when it is ready."""
        self._events.clear()
        self.engine.set_voice(voice)
        wait_until(lambda: self._has(VoiceReady), _PATIENCE_S)

    def start(self) -> None:
        """Opens the streams; returns when it is live."""
        self.engine.start(StreamConfig(input_device=JACK_DEVICE, output_device=JACK_DEVICE))
        wait_until(lambda: self._has(StateChanged) and self.engine.telemetry().running, _PATIENCE_S)

    def _has(self, kind: type) -> bool:
        self._events += self.engine.poll()
        for event in self._events:
            assert not isinstance(event, VoiceFailed), event
            assert not (isinstance(event, StateChanged) and event.state is EngineState.FAILED), event
        return any(isinstance(event, kind) for event in self._events)


def let_speak(call: Call, seconds: float) -> None:
    """Returns when the call is so much further."""
    until = call.played_s + seconds
    wait_until(lambda: call.played_s > until, _PATIENCE_S)


def fault(recording: Recording, before: Telemetry, after: Telemetry, begin_s: float) -> str:
    """What the call lost beyond what the counters tell of it; empty for nothing."""
    late = after.xruns.late_blocks - before.xruns.late_blocks
    dry = after.xruns.output_underflow - before.xruns.output_underflow
    told = late * RATE // 100 + round(dry * after.block_ms * RATE / 1000)
    silent = silence(recording, begin_s) & ~recording.excused(round(after.latency.total * RATE / 1000))
    lost, slack = int(silent.sum()), round(_SLACK * len(silent))
    return f"{lost} samples of silence, {told} told: {after.xruns}" if lost > told + slack else ""


def test_voices_of_both_kinds_follow_each_other_without_a_raw_or_untold_hole(
    server: JackServer,
    tmp_path: Path,
    model_folder: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Speech over a little noise: no voice answers that with exact silence."""
    for name, value in server.env({"MENURA_HOME": str(tmp_path)}).items():
        monkeypatch.setenv(name, value)
    rvc, neural = install(tmp_path, model_folder("v2-40k")), builtin_neural_voices()[0]
    signal = 0.5 * speech(_LONGEST_CALL_S) + white_noise(_LONGEST_CALL_S, level=0.02)

    def attempt() -> str:
        with EngineClient() as engine:
            engine.set_params(EngineParams(gate_db=-100.0, tuning=Tuning(match_pitch=False)))
            switcher = Switcher(engine)
            switcher.use(rvc)
            switcher.start()
            call = Caller(server).start(signal, _LONGEST_CALL_S)
            wait_until(lambda: call.played_s > _SPOKEN_S, _PATIENCE_S)
            before, begin_s = engine.telemetry(), call.played_s
            totals = [before.latency.total]
            for voice in (neural, rvc):
                switcher.use(voice)
                let_speak(call, _SPOKEN_S)
                totals.append(engine.telemetry().latency.total)
            after = engine.telemetry()
            recording = call.end()
        assert not raw_microphone(recording.played, recording.heard, RATE)
        # It was really the one and the other: blocks of 100 ms and more against hops of 10.
        assert min(totals[0], totals[2]) > totals[1] + 50, totals
        return fault(recording, before, after, begin_s)

    call_until_well(attempt)
