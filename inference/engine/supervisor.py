"""Keeps the engine's two processes alive and in step; a thread of the client's process.

A small state machine around three questions: which streams are wanted, does the audio process run them,
is the worker attached to them. It touches no sample, so a busy window only delays a restart.
"""

from __future__ import annotations

import logging
import multiprocessing as mp
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

from inference.engine import entry
from inference.engine.child import Child
from inference.engine.internal import (
    Attach,
    Attached,
    Detach,
    Detached,
    Fault,
    Loaded,
    Lost,
    Opened,
    Ready,
    StreamInfo,
    UseParams,
    UseVoice,
)
from inference.engine.load import LoadWatch
from inference.engine.messages import (
    Command,
    EngineParams,
    EngineState,
    Event,
    Noticed,
    SetParams,
    SetVoice,
    Shutdown,
    Start,
    StateChanged,
    Stop,
    StreamConfig,
    VoiceFailed,
    VoiceReady,
)
from inference.engine.progress import HangWatch, Progress, wants_to_run
from inference.engine.shared import SharedBlock
from inference.engine.standby import Standby
from inference.engine.time_watch import TimeWatch
from voices.voice import Voice

_log = logging.getLogger(__name__)

_TICK_S = 0.1
_STALL_S = {"input": 1.0, "output": 5.0}
"""How long a side may not call: PulseAudio pauses outputs for 2 s and more on a busy machine."""
_LOADING_S, _OPENING_S = 30.0, 8.0
"""A busy machine may take long to load our code; what comes after that is the audio system."""
_STILL_S, _HANG_S, _HANG_LOADING_S = 0.7, 1.1, 1.5
"""How long the block loop may take nothing: where no thread of the worker even wants to run; where one does,
which may be no hang but a machine that gives it no core; and while a voice loads, where importing its runtime
may hold the interpreter's lock for as long as a slow disk takes."""

_CALM_S = 3.0
"""How long all must be well before a process is put in store: what comes back needs the machine first."""

_RETRY_S, _LOST_AGAIN_S = 0.5, 5.0
_DETACH_S = 0.5
_USAGE_S = 0.5
_CRASHES, _CRASH_WINDOW_S = 5, 30.0


@dataclass
class Usage:
    """What the engine's processes use; written by the supervisor, read by the client."""

    cpu_percent: float = 0.0
    rss_mb: float = 0.0
    peak_rss_mb: float = 0.0
    worker_restarts: int = 0
    stream_restarts: int = 0


class Supervisor:
    """The state machine. `run` is the thread; commands come through `commands`, events go to `emit`."""

    def __init__(self, shared: SharedBlock, commands: Connection, emit: Callable[[Event], None]) -> None:
        self._shared = shared
        self._commands = commands
        self._emit = emit
        self._wake = mp.get_context("spawn").Semaphore(0)
        self._standby = Standby(shared, self._wake)
        self._calm_at = 0.0
        self._state = EngineState.STOPPED
        self._reason = ""
        self._fault = ""
        self._wanted: StreamConfig | None = None
        self._fallback: StreamConfig | None = None
        self._voice: Voice | None = None
        self._spoken: Voice | None = None
        self._params = EngineParams()
        self._worker: Child | None = None
        self._audio: Child | None = None
        self._info: StreamInfo | None = None
        self._speakers: Mapping[str, float] = {}
        self._speaker_hz = 0.0
        self._ran = False
        self._attached = self._ready = False
        self._detach_until = 0.0
        self._retry_at = self._lost_at = 0.0
        self._opening_until = 0.0
        self._load = LoadWatch()
        self._time = TimeWatch()
        self._progress = {name: Progress(shared[f"{name}_stream"], s) for name, s in _STALL_S.items()}
        self._hang = HangWatch(shared.input_ring, shared["input_stream"])
        self._crashes: deque[float] = deque(maxlen=_CRASHES)
        self._usage_at = 0.0
        self.usage = Usage()

    @property
    def pids(self) -> dict[str, int]:
        """Process numbers of what runs, by role."""
        children = {"worker": self._worker, "audio": self._audio}
        return {role: child.pid for role, child in children.items() if child}

    def run(self) -> None:
        """Works until Shutdown, or until the client's end of the pipe is gone; tells its own failure."""
        try:
            self._run()
        except Exception as error:  # noqa: BLE001 - a thread's failure would otherwise be seen by nobody
            _log.exception("supervisor failed")
            self._change(EngineState.FAILED, f"The engine's supervisor failed ({error}); restart Menura.")
        finally:
            for child in (self._audio, self._worker):
                if child:
                    child.close()
            self._standby.close()

    def _run(self) -> None:
        self._start_worker()
        running = True
        while running:
            connections: list[Any] = [self._commands]
            for child in (self._worker, self._audio):
                connections += [child.conn, child.sentinel] if child and child.alive else []
            wait(connections, _TICK_S)
            self._watch_time()
            running = self._take_commands()
            self._take_messages()
            self._watch()
            self._wake.release()
        self._change(EngineState.STOPPED)

    # Commands.

    def _take_commands(self) -> bool:
        try:
            while self._commands.poll():
                command: Command = self._commands.recv()
                if isinstance(command, Shutdown):
                    return False
                self._obey(command)
        except (EOFError, OSError):
            return False
        return True

    def _obey(self, command: Command) -> None:
        match command:
            case Start(config):
                self._fallback = self._wanted if self._ran else None
                self._close_audio()
                self._wanted, self._ran, self._retry_at = config, False, 0.0
                self._speakers = config.speakers
                self._crashes.clear()
                self._change(EngineState.STARTING)
            case Stop():
                self._wanted = None
                self._close_audio()
                self._change(EngineState.STOPPED)
            case SetVoice(voice):
                self._voice = voice
                if self._worker:
                    self._worker.send(UseVoice(voice))
            case SetParams(params):
                self._params = params
                if self._worker:
                    self._worker.send(UseParams(params))

    # What the processes say.

    def _take_messages(self) -> None:
        for child in (self._worker, self._audio):
            for message in child.messages() if child else ():
                self._hear(message)

    def _hear(self, message: object) -> None:
        match message:
            case Ready():
                self._ready = True
            case Attached():
                self._attached = True
                self._calm_at = time.monotonic() + _CALM_S
                if self._info:
                    self._load.reset()
                    self._change(EngineState.RUNNING)
            case Detached():
                self._attached = False
            case VoiceReady(voice_id):
                if self._voice and self._voice.id == voice_id:
                    self._spoken = self._voice
                self._emit(message)
            case VoiceFailed(voice_id):
                # A worker that is started again gets the last voice that worked.
                if self._voice and self._voice.id == voice_id:
                    self._voice = self._spoken
                self._emit(message)
            case Fault(reason, trace):
                self._fault = reason
                _log.error("worker failed\n%s", trace)
            case Loaded():
                self._opening_until = time.monotonic() + _OPENING_S
            case Opened(streams, info):
                if not self._ran:
                    # Only now it is known which one that is: the chosen, the system's, or the one before.
                    self._speaker_hz = self._speakers.get(streams.input_device, 0.0)
                self.usage.stream_restarts += int(self._ran)
                self._info, self._ran = info, True
                self._breathe()
                self._emit(streams)
                self._attach()
            case Lost(reason):
                self._lost(reason)

    def _lost(self, reason: str) -> None:
        self._close_audio()
        if not self._ran and self._fallback:
            self._wanted, self._fallback = self._fallback, None
            self._change(EngineState.DEGRADED, f"{reason} Going back to the devices before.")
            return
        if not self._ran:
            # It never worked: the user has to choose something else.
            self._wanted = None
            self._change(EngineState.FAILED, reason)
            return
        now = time.monotonic()
        # At once the first time; a device that is gone for longer is asked now and then.
        self._retry_at = now + _RETRY_S if now - self._lost_at < _LOST_AGAIN_S else now
        self._lost_at = now
        self._change(EngineState.DEGRADED, f"{reason} Trying again until it is back.")

    # The processes' life.

    def _watch_time(self) -> None:
        """Notices that this process was not run for a while, and that somebody set the clock."""
        pause_s, sentences = self._time.look()
        if pause_s and self._wanted:
            # The devices slept as well: what they did not do meanwhile says nothing of them.
            self._breathe()
            self._opening_until += pause_s
            self._hang.reset()
        for sentence in sentences:
            self._emit(Noticed(sentence))

    def _watch(self) -> None:
        now = time.monotonic()
        if self._worker and not self._worker.alive:
            self._bury_worker(now)
        if self._audio and not self._audio.alive and self._wanted:
            self._lost("The audio process ended unexpectedly.")
        if self._audio and self._info:
            self._watch_progress(now)
        if self._audio and not self._info and now > self._opening_until:
            self._lost("The audio system did not answer when the device was opened.")
        free = not self._attached or now > self._detach_until
        if self._wanted and self._ready and not self._audio and now >= self._retry_at and free:
            self._audio = self._standby.take(entry.audio, self._wanted)
            self._opening_until = now + _LOADING_S
        self._keep_standby(now)
        if now >= self._usage_at:
            self._usage_at = now + _USAGE_S
            self._follow_speaker()
            self._measure()
            self._watch_load(now)

    def _keep_standby(self, now: float) -> None:
        """Puts a process in store in calm times, and while the next attempt at a device has to wait."""
        calm = self._attached and self._info and now > self._calm_at
        waits = self._wanted and not self._audio and now < self._retry_at
        if calm or waits:
            self._standby.prepare(now)

    def _follow_speaker(self) -> None:
        """Keeps what the worker has learnt of the speaker, for the one that takes its place."""
        if self._attached and self._info:
            self._speaker_hz = float(self._shared["telemetry"]["speaker_hz"][0])

    def _breathe(self) -> None:
        """Lets the devices begin before they are watched."""
        for progress in self._progress.values():
            progress.breathe(time.monotonic())

    def _watch_progress(self, now: float) -> None:
        for name, progress in self._progress.items():
            if progress.stalled(now):
                does = "gives no more" if name == "input" else "takes no more"
                self._lost(f"The audio device {does} samples.")
                return
        stuck_s = self._hang.look(now, self._attached)
        if self._worker and self._is_hung(self._worker, stuck_s):
            # Only ending the process gets the loop out.
            self._bury_worker(now)

    def _is_hung(self, worker: Child, stuck_s: float) -> bool:
        if self._voice is not self._spoken:
            return stuck_s > _HANG_LOADING_S
        return stuck_s > _HANG_S or (stuck_s > _STILL_S and not wants_to_run(worker.pid))

    def _watch_load(self, now: float) -> None:
        """Says so when a load costs delay, or when hops take longer to compute than to speak."""
        if not self._attached or self._state not in (EngineState.RUNNING, EngineState.DEGRADED):
            return
        record = self._shared["telemetry"]
        factor, extra_ms = float(record["real_time_factor"][0]), float(record["load_margin"][0])
        name = f"'{self._spoken.name}'" if self._spoken else "this voice"
        told = self._load.look(now, factor, extra_ms, name, float(record["piece"][0]))
        if told:
            self._change(told.state, told.reason)

    def _start_worker(self) -> None:
        self._worker = self._standby.take(entry.worker)
        self._worker.send(UseParams(self._params))
        if self._voice:
            self._worker.send(UseVoice(self._voice))
        if self._info:
            # Streams that run wait for nothing but the voice.
            self._attach()

    def _bury_worker(self, now: float) -> None:
        assert self._worker
        for message in self._worker.messages():
            self._hear(message)
        self._worker.close(patience_s=0.0)
        # Nobody promises samples now: silence is one event, not one a callback.
        self._shared["armed"][0] = self._shared["monitor_armed"][0] = 0
        self._worker, self._attached, self._ready = None, False, False
        self.usage.worker_restarts += 1
        self._crashes.append(now)
        if len(self._crashes) == _CRASHES and now - self._crashes[0] < _CRASH_WINDOW_S:
            self._wanted = None
            self._close_audio()
            self._crashes.clear()
            reason = f" ({self._fault})" if self._fault else ""
            self._change(
                EngineState.FAILED,
                f"The converter failed {_CRASHES} times{reason}; choose another voice and start again.",
            )
        elif self._wanted:
            reason = f" ({self._fault})" if self._fault else ""
            self._fault = ""
            self._change(
                EngineState.DEGRADED,
                f"The converter stopped{reason}; the call hears silence until it is back.",
            )
        self._start_worker()

    def _attach(self) -> None:
        assert self._info
        assert self._worker
        self._worker.send(Attach(self._info, self._speaker_hz))

    def _close_audio(self) -> None:
        # Streams that opened while a voice was loading may not be attached yet.
        if (self._attached or self._info) and self._worker:
            self._worker.send(Detach())
            self._detach_until = time.monotonic() + _DETACH_S
            self._wake.release()
        if self._audio:
            self._audio.close()
        self._audio, self._info = None, None

    def _measure(self) -> None:
        pairs = [child.measure() for child in (self._worker, self._audio, self._standby.child) if child]
        self.usage.cpu_percent = sum(cpu for cpu, _ in pairs)
        self.usage.rss_mb = sum(rss for _, rss in pairs)
        self.usage.peak_rss_mb = max(self.usage.peak_rss_mb, self.usage.rss_mb)

    def _change(self, state: EngineState, reason: str = "") -> None:
        if (state, reason) != (self._state, self._reason):
            self._emit(StateChanged(state, reason))
        self._state, self._reason = state, reason
