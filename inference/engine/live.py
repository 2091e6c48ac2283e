"""A live session without a window: start, watch, report."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from audio.recorder import RecordingEnded, recover
from inference.engine.client import EngineClient
from inference.engine.messages import (
    EngineParams,
    EngineState,
    Noticed,
    StateChanged,
    StreamConfig,
    StreamsOpened,
    VoiceFailed,
)
from inference.engine.telemetry import Telemetry
from inference.speakers import SpeakerMemory
from voices.voice import Voice

_POLL_S = 0.05


class LiveError(ValueError):
    """The session could not be started or go on; the message is a sentence for the user."""


@dataclass(frozen=True)
class LiveReport:
    """What a session was like, as `menura live --report` writes it."""

    seconds: float
    voice: str
    telemetry: Telemetry
    peak_rss_mb: float

    def as_dict(self) -> dict[str, object]:
        """The report of the command-line contract (docs/command-line.md)."""
        t = self.telemetry
        return {
            "seconds": round(self.seconds, 3),
            "voice": self.voice,
            "runtime": _short(t.runtime),
            "sample_rate": t.sample_rate,
            "block_ms": round(t.block_ms, 3),
            "latency_ms": {name: round(value, 3) for name, value in t.latency.as_dict().items()},
            "xruns": asdict(t.xruns),
            "real_time_factor": round(t.real_time_factor, 4),
            "compute_p999_ms": round(t.compute_p999_ms, 3),
            "cpu_percent": round(t.cpu_percent, 1),
            "peak_rss_mb": round(self.peak_rss_mb, 1),
            "runtime_failures": t.runtime_failures,
            "worker_restarts": t.worker_restarts,
            "stream_restarts": t.stream_restarts,
        }


def _short(runtime: str) -> str:
    """A runtime's name as the command line takes it: 'Core ML (GPU)' -> 'coreml'."""
    known = {"": "model-free", "ONNX Runtime": "onnx"}
    return known.get(runtime) or ("coreml" if runtime.startswith("Core ML") else "torch")


class LiveSession:
    """Runs the engine until a time is up, someone asks to stop, or it fails.

    `tell` gets one sentence at a time for the terminal. `record` is a folder for what the microphone gives
    and what the call gets, `speakers` what is known and learnt of who speaks. Raises LiveError when it cannot
    start, RecordingError when it cannot record.
    """

    def __init__(
        self,
        config: StreamConfig,
        voice: Voice,
        params: EngineParams,
        tell: Callable[[str], None],
        record: Path | None = None,
        speakers: SpeakerMemory | None = None,
    ) -> None:
        self._config, self._voice, self._params, self._tell = config, voice, params, tell
        self._record, self._speakers = record, speakers
        self._stopping = self._limited = False
        self._ran_since: float | None = None
        self._usage: list[float] = []

    def stop(self) -> None:
        """Ends `run` soon; may be called from a signal handler."""
        self._stopping = True

    def run(self, seconds: float | None, bypass: bool) -> LiveReport:
        """Speaks for `seconds` of running stream (None: until `stop`)."""
        with EngineClient() as engine:
            if self._record:
                for path in recover(self._record):
                    self._tell(f"Recovered from a crash: {path}")
                engine.start_recording(self._record)
            engine.set_params(self._params)
            engine.set_voice(self._voice)
            engine.start(self._speakers.expecting(self._config) if self._speakers else self._config)
            try:
                while not self._stopping and not self._is_over(seconds):
                    self._listen(engine)
            finally:
                # Also of a call that fails in the midst.
                telemetry, peak = engine.telemetry(), engine.usage.peak_rss_mb
                self._remember(telemetry)
            engine.stop_recording()
            engine.stop()
            while engine.recording:
                self._listen(engine)
            self._listen(engine)
        ran = time.monotonic() - self._ran_since if self._ran_since else 0.0
        name = "bypass" if bypass else self._voice.id
        return LiveReport(ran, name, telemetry, peak)

    def _listen(self, engine: EngineClient) -> None:
        time.sleep(_POLL_S)
        for event in engine.poll():
            if self._speakers:
                self._speakers.hear(event)
            self._hear(event)

    def _remember(self, telemetry: Telemetry) -> None:
        problem = self._speakers.note(telemetry) if self._speakers else ""
        if problem:
            self._tell(problem)

    def _is_over(self, seconds: float | None) -> bool:
        if seconds is None or self._ran_since is None:
            return False
        return time.monotonic() - self._ran_since >= seconds

    def _hear(self, event: object) -> None:
        match event:
            case StateChanged(EngineState.FAILED, reason):
                raise LiveError(reason)
            case StateChanged(EngineState.RUNNING) if self._ran_since is None:
                self._ran_since = time.monotonic()
            case StateChanged(EngineState.RUNNING, reason):
                if reason or self._limited:
                    self._tell(reason or "Back to normal.")
                self._limited = False
            case StateChanged(EngineState.DEGRADED, reason):
                self._limited = True
                self._tell(reason)
            case Noticed(sentence):
                self._tell(sentence)
            case VoiceFailed(_, reason):
                raise LiveError(reason)
            case RecordingEnded(files, recorded_s, _, problem):
                self._tell(problem or f"Recorded {recorded_s:.1f} s: {', '.join(map(str, files))}")
            case StreamsOpened():
                self._tell(f"{event.input_device} -> {event.output_device} at {event.sample_rate} Hz")
