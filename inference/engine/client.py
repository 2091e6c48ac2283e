"""The engine as its users see it: the studio and the command line."""

from __future__ import annotations

import multiprocessing as mp
import threading
from collections import deque
from pathlib import Path

import numpy as np

from audio.fence import Fence
from inference.converter import HOP, MODEL_RATE
from inference.engine.devices import list_in_own_process
from inference.engine.latency import LatencyBudget
from inference.engine.messages import (
    Command,
    EngineParams,
    Event,
    RecordWhat,
    SetParams,
    SetVoice,
    Shutdown,
    Start,
    Stop,
    StreamConfig,
)
from inference.engine.phrase import PhrasePlayer, PhraseProgress
from inference.engine.recording import RecordingProgress, RecordingSwitch
from inference.engine.shared import SCOPE_HOPS, SharedBlock
from inference.engine.supervisor import Supervisor, Usage
from inference.engine.telemetry import Scope, Telemetry, Xruns
from voices.voice import Voice

_SCOPE_READ_HOPS = 200
"""Most hops handed out at once to a window that polls, 2 s."""

_HISTORY_HOPS = 4000
"""Most hops of history; what is older may be overwritten while it is being read."""

_AS_THEY_ARE = (
    "seconds",
    "block_ms",
    "real_time_factor",
    "compute_p999_ms",
    "input_peak",
    "input_rms",
    "output_peak",
    "output_rms",
    "limiter_gain_db",
    "drift_ppm",
    "speaker_hz",
)
"""Fields of the shared record that `Telemetry` has under the same name and meaning."""


class EngineClient:
    """Starts and steers the engine. One thread uses it, and no call waits for the engine.

    >>> with EngineClient() as engine:
    ...     engine.set_voice(find_voice("deep"))
    ...     engine.start(StreamConfig())
    ...     for event in engine.poll(): ...
    """

    def __init__(self) -> None:
        self._shared = SharedBlock.create()
        self._fence = Fence()
        self._commands, theirs = mp.Pipe()
        self._events: deque[Event] = deque(maxlen=1000)
        self._recording = RecordingSwitch(self._shared, self._events.append)
        self._phrases = PhrasePlayer(self._shared)
        self._supervisor = Supervisor(self._shared, theirs, self._events.append)
        self._thread = threading.Thread(target=self._supervisor.run, name="engine supervisor", daemon=True)
        self._thread.start()

    def __enter__(self) -> EngineClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self, config: StreamConfig) -> None:
        """Opens the streams; StateChanged events tell how it goes."""
        self._send(Start(config))

    def stop(self) -> None:
        """Closes the streams."""
        self._send(Stop())

    def set_voice(self, voice: Voice) -> None:
        """Makes the voice ready and goes over to it; VoiceReady or VoiceFailed follows."""
        self._send(SetVoice(voice))

    def set_params(self, params: EngineParams) -> None:
        """Applies from the next hop on."""
        self._send(SetParams(params))

    def start_recording(self, folder: Path, what: RecordWhat = RecordWhat.BOTH) -> None:
        """Records from now on into FLAC files in `folder`, also across restarts of the streams.

        Raises RecordingError when nothing can be written there, or a recording is going on. When it ends,
        by `stop_recording` or by itself (a full disk), RecordingEnded follows.
        """
        self._recording.start(folder, what)

    def stop_recording(self) -> None:
        """Ends the recording; RecordingEnded follows once its files are whole."""
        self._recording.stop()

    @property
    def recording(self) -> RecordingProgress | None:
        """The recording that is going on."""
        return self._recording.progress

    def play_phrase(self, samples: np.ndarray, speaker_hz: float = 0.0) -> int:
        """Speaks `samples` in the microphone's place: (n,) float32 at MODEL_RATE; returns its ticket.

        `speaker_hz`: median F0 of who says it, 0 where it is not known. It ends by itself. Raises
        PhraseError while another is being played, or when it is too long.
        """
        return self._phrases.play(samples, speaker_hz)

    def phrase_progress(self, ticket: int) -> PhraseProgress:
        """How far the phrase of this ticket is."""
        return self._phrases.progress(ticket)

    def stop_phrase(self) -> None:
        """Gives the microphone back its place at the next hop."""
        self._phrases.stop()

    def request_devices(self) -> None:
        """Lists the devices afresh; DevicesListed follows."""
        threading.Thread(
            target=lambda: self._events.append(list_in_own_process()), name="device list", daemon=True
        ).start()

    def poll(self) -> list[Event]:
        """Events since the last call."""
        events = []
        while self._events:
            events.append(self._events.popleft())
        return events

    @property
    def usage(self) -> Usage:
        """What the engine's processes use."""
        return self._supervisor.usage

    @property
    def pids(self) -> dict[str, int]:
        """Numbers of the engine's processes by role: worker, audio."""
        return self._supervisor.pids

    def telemetry(self) -> Telemetry:
        """The newest consistent record."""
        record, usage = self._record(), self.usage
        values = dict(zip(record.dtype.names or (), record.item(), strict=True))
        parts = LatencyBudget(**{name: values[name] for name in LatencyBudget.__dataclass_fields__})
        streams = [self._shared["input_stream"][0], self._shared["output_stream"][0]]
        xruns = Xruns(
            input_overflow=int(streams[0]["xruns"]),
            output_underflow=int(streams[1]["underruns"] + streams[1]["xruns"]),
            late_blocks=int(values["late_blocks"]),
            dropped_samples=int(values["dropped_samples"] + streams[0]["dropped"]),
        )
        return Telemetry(
            running=bool(values["running"]),
            gate_open=bool(values["gate_open"]),
            latency=parts,
            xruns=xruns,
            sample_rate=int(values["sample_rate"]),
            load_margin_ms=values["load_margin"],
            cpu_percent=usage.cpu_percent,
            rss_mb=usage.rss_mb,
            runtime=values["runtime"].decode(errors="replace"),
            runtime_failures=int(record["runtime_failures"]),
            worker_restarts=usage.worker_restarts,
            stream_restarts=usage.stream_restarts,
            **{name: values[name] for name in _AS_THEY_ARE},
        )

    def _record(self) -> np.ndarray:
        """A copy of the telemetry that no write fell into; after a few tries, whatever is there."""
        sequence, source = self._shared["sequence"], self._shared["telemetry"]
        for _ in range(8):
            before = int(sequence[0])
            self._fence()
            copy = source.copy()
            self._fence()
            if before % 2 == 0 and before == int(sequence[0]):
                break
        return copy[0]

    def scope(self, cursor: int) -> Scope:
        """What was heard and spoken since `cursor` (0 at first), at most 2 s."""
        written = int(self._shared["scope_hops"][0])
        oldest = max(0, written - _SCOPE_READ_HOPS)
        return self._signal(oldest if cursor > written else max(cursor, oldest), written)

    def history(self, seconds: float) -> Scope:
        """What was heard and spoken last, at most 40 s; also after `stop`, and across restarts."""
        written = int(self._shared["scope_hops"][0])
        hops = min(round(seconds * MODEL_RATE / HOP), _HISTORY_HOPS, written)
        return self._signal(written - hops, written)

    def _signal(self, first: int, written: int) -> Scope:
        slots = np.arange(first, written) % SCOPE_HOPS
        self._fence()

        def signal(name: str) -> np.ndarray:
            return self._shared[name].reshape(SCOPE_HOPS, HOP)[slots].ravel()

        return Scope(
            cursor=written,
            input=signal("scope_input"),
            output=signal("scope_output"),
            input_f0=self._shared["scope_input_f0"][slots],
            output_f0=self._shared["scope_output_f0"][slots],
        )

    def close(self) -> None:
        """Ends the engine; the client cannot be used any more."""
        if not self._thread.is_alive() and self._commands.closed:
            return
        self._recording.close()
        self._phrases.stop()
        self._send(Shutdown())
        self._thread.join(timeout=5.0)
        self._commands.close()
        self._shared.close()
        self._shared.unlink()

    def _send(self, command: Command) -> None:
        try:
            self._commands.send(command)
        except OSError:
            # The supervisor has ended, which it has told through its last event.
            return
