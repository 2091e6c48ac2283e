"""An engine without audio: keeps what it is told and plays back synthetic speech to the window."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from time import monotonic

import numpy as np
from numpy.typing import NDArray

from audio.devices import Device
from audio.files import write_audio
from audio.recorder import RecordingEnded
from inference.converter import HOP, MODEL_RATE
from inference.engine.latency import LatencyBudget
from inference.engine.messages import (
    DevicesListed,
    EngineParams,
    EngineState,
    Event,
    Mode,
    RecordWhat,
    StateChanged,
    StreamConfig,
    StreamsOpened,
    VoiceReady,
)
from inference.engine.phrase import PhraseProgress
from inference.engine.recording import RecordingProgress
from inference.engine.telemetry import Scope, Telemetry, Xruns
from voices.voice import Voice

MICROPHONE = Device(
    0, "alsa:mic", "Studio Microphone", "ALSA", 1, 0, 48_000, 0.005, 0.0, is_default_input=True
)
CABLE = Device(1, "alsa:cable", "Menura Cable", "ALSA", 2, 2, 48_000, 0.005, 0.005, is_default_output=True)
HEADPHONES = Device(2, "alsa:phones", "Headphones", "ALSA", 0, 2, 48_000, 0.0, 0.005)
DEVICES = (MICROPHONE, CABLE, HEADPHONES)
VOWELS = ((730, 1090, 2440), (270, 2290, 3010), (300, 870, 2240), (530, 1840, 2480), (570, 840, 2410))
SECONDS = 12
_DELAY = MODEL_RATE // 50
Take = tuple[NDArray[np.float32], NDArray[np.float32]]
"""A signal at 24 kHz and its F0 per hop."""


@cache
def speech(shift: float = 1.0, seed: int = 3) -> Take:
    """Returns `SECONDS` of babble at 24 kHz and its F0 per hop; `shift` multiplies pitch and formants."""
    random = np.random.default_rng(seed)
    n = SECONDS * MODEL_RATE
    t = np.arange(n) / MODEL_RATE
    f0 = 118 * shift * 2 ** (0.28 * np.sin(2 * np.pi * 0.43 * t) + 0.12 * np.sin(2 * np.pi * 1.9 * t + 1))
    phase = 2 * np.pi * np.cumsum(f0) / MODEL_RATE
    voiced = np.clip(8 * np.sin(2 * np.pi * 1.7 * t) + 3, 0, 1) * (np.sin(2 * np.pi * 0.21 * t) > -0.75)
    formants = np.stack(
        [np.interp(t, np.arange(40) * 0.31, random.choice(f, 40)) for f in zip(*VOWELS, strict=True)]
    )
    x = np.zeros(n)
    for k in range(1, 60):
        hz = k * f0
        gain = sum(1 / (1 + ((hz - f * shift**0.5) / 90) ** 2) / (i + 1) for i, f in enumerate(formants))
        x += np.where(hz < 11_000, gain * np.sin(k * phase), 0)
    breath = np.clip(3 * np.sin(2 * np.pi * 0.85 * t) - 1.5, 0, 1) * (voiced < 0.05)
    hiss = np.diff(random.standard_normal(n + 1)) * 0.01 * breath
    x = 0.35 * x / np.abs(x).max() * voiced + hiss + 2e-4 * random.standard_normal(n)
    heard = np.where(voiced > 0.3, f0, 0)[HOP // 2 :: HOP]
    return x.astype(np.float32), heard.astype(np.float32)


@dataclass
class FakeEngine:
    """An `EnginePort`; tests read what it got and push `events`.

    Signal flows by `clock`, and only between start and stop: `signals` (input and output), babble without.
    A phrase comes out as it went in, 20 ms later. `speaker_hz` is what it has learnt of who speaks. `opens`
    false: a start fails with `refusal`.
    """

    devices: tuple[Device, ...] = DEVICES
    opens: bool = True
    refusal: str = "The microphone is used by another program: close it and try again."
    clock: Callable[[], float] = monotonic
    speaker_hz: float = 0.0
    signals: tuple[Take, Take] | None = None
    events: list[Event] = field(default_factory=list)
    starts: list[StreamConfig] = field(default_factory=list)
    voices: list[Voice] = field(default_factory=list)
    params: list[EngineParams] = field(default_factory=list)
    stops: int = 0
    closed: bool = False
    reads: int = 0

    def __post_init__(self) -> None:
        self._began: float | None = None
        self._recording: tuple[Path, RecordWhat, float] | None = None
        self._phrase: tuple[int, NDArray[np.float32]] | None = None
        self._stopped_at: int | None = None

    def start(self, config: StreamConfig) -> None:
        """Goes live, or fails as told."""
        self.starts.append(config)
        self.events.append(StateChanged(EngineState.STARTING))
        if not self.opens:
            self.events.append(StateChanged(EngineState.FAILED, self.refusal))
            return
        names = [config.input_device or "Studio Microphone", config.output_device or "Menura Cable"]
        self.events.append(StreamsOpened(names[0], names[1], config.monitor_device, 48_000, 240, True))
        self.events.append(StateChanged(EngineState.RUNNING))
        self._began = self.clock()

    def stop(self) -> None:
        """Goes silent."""
        self.stops += 1
        self._began = None
        self.events.append(StateChanged(EngineState.STOPPED))

    def set_voice(self, voice: Voice) -> None:
        """Is ready at once."""
        self.voices.append(voice)
        self.events.append(VoiceReady(voice.id))

    def set_params(self, params: EngineParams) -> None:
        """Keeps them."""
        self.params.append(params)

    def request_devices(self) -> None:
        """Lists `devices`."""
        self.events.append(DevicesListed(self.devices))

    def poll(self) -> list[Event]:
        """Hands over the events."""
        events, self.events = self.events, []
        return events

    def telemetry(self) -> Telemetry:
        """A plausible reading."""
        self.reads += 1
        if self._began is None:
            return Telemetry(speaker_hz=self.speaker_hz)
        at = self._position()
        wobble = float(np.sin(at / MODEL_RATE))
        latency = LatencyBudget(5.0, 5.0, 10.0, 13.4, 1.1, 2.6 + 0.3 * wobble, 2.5, 5.0)
        peaks = [float(np.abs(x).max(initial=0)) for x in self._last(at)]
        levels = [float(np.sqrt(np.mean(x * x))) if x.size else 0.0 for x in self._last(at)]
        return Telemetry(
            running=True, seconds=at / MODEL_RATE, sample_rate=48_000, block_ms=5.0, latency=latency,
            xruns=Xruns(output_underflow=int(at / MODEL_RATE > 20)), real_time_factor=0.11 + 0.01 * wobble,
            compute_p999_ms=3.1, cpu_percent=13 + wobble, rss_mb=96.0,
            input_peak=peaks[0], input_rms=levels[0], output_peak=peaks[1], output_rms=levels[1],
            limiter_gain_db=-1.2 * (peaks[1] > 0.33),
            gate_open=levels[0] > 0.001, drift_ppm=-3.0 + wobble,
            speaker_hz=self.speaker_hz,
        )  # fmt: skip

    def scope(self, cursor: int) -> Scope:
        """What flowed since `cursor`, two seconds at most."""
        nothing = np.zeros(0, np.float32)
        if self._began is None:
            return Scope(cursor, nothing, nothing, nothing, nothing)
        end = self._position()
        start = max(cursor if cursor <= end else 0, end - 2 * MODEL_RATE)
        (x, f0), (y, g0) = self._speech()
        samples = np.arange(start, end) % x.size
        hops = np.arange(start // HOP, end // HOP) % f0.size
        return Scope(end, x[samples], y[samples], f0[hops], g0[hops])

    def history(self, seconds: float) -> Scope:
        """What flowed in the last `seconds` since the start."""
        nothing = np.zeros(0, np.float32)
        if self._began is None:
            return Scope(0, nothing, nothing, nothing, nothing)
        end = self._position()
        samples = np.arange(max(0, end - round(seconds * MODEL_RATE) // HOP * HOP), end)
        hops = samples[::HOP] // HOP
        (x, f0), (y, g0) = self._speech()
        wrapped = samples % x.size
        spoken = y[wrapped]
        if self._phrase:
            first = self._phrase[0] + _DELAY - (samples[0] if samples.size else 0)
            into = np.arange(len(self._phrase[1])) + first
            fits = (into >= 0) & (into < spoken.size)
            spoken[into[fits]] = self._phrase[1][fits]
        return Scope(end // HOP, x[wrapped], spoken, f0[hops % f0.size], g0[hops % g0.size])

    def play_phrase(self, samples: NDArray[np.float32], speaker_hz: float = 0.0) -> int:
        """Begins with the next hop."""
        self._phrase, self._stopped_at = (self._position(), samples), None
        return self._phrase[0]

    def phrase_progress(self, ticket: int) -> PhraseProgress:
        """By the clock; over for one that was stopped, and when audio does not flow."""
        if self._phrase is None:
            return PhraseProgress(over=True)
        first, samples = self._phrase
        hops = len(samples) // HOP
        at = self._stopped_at if self._stopped_at is not None else self._position()
        played = min(max((at - first) // HOP, 0), hops) if self._began is not None else 0
        over = played == hops or self._stopped_at is not None or self._began is None
        return PhraseProgress(played, hops, over, first / MODEL_RATE, first // HOP)

    def stop_phrase(self) -> None:
        """Ends it."""
        self._stopped_at = self._position()

    def start_recording(self, folder: Path, what: RecordWhat = RecordWhat.BOTH) -> None:
        """Remembers since when, and what for."""
        self._recording = (folder, what, self.clock())

    def stop_recording(self) -> None:
        """Writes as much of the signals as the time that went by."""
        if self._recording is None:
            return
        folder, what, since = self._recording
        seconds = self.clock() - since
        signals = {"input": self._speech()[0][0], "output": self._speech()[1][0]}
        names = [name for name in signals if what in (RecordWhat.BOTH, name)]
        for name in names:
            write_audio(
                folder / f"{name}.flac", np.resize(signals[name], round(seconds * MODEL_RATE)), MODEL_RATE
            )
        self._recording = None
        self.events.append(RecordingEnded(tuple(folder / f"{name}.flac" for name in names), seconds, 0))

    @property
    def recording(self) -> RecordingProgress | None:
        """How far it is."""
        return RecordingProgress(self.clock() - self._recording[2], 0) if self._recording else None

    def close(self) -> None:
        """Is over."""
        self.closed = True
        self._began = None

    def fail(self, reason: str) -> None:
        """Breaks down while live."""
        self._began = None
        self.events.append(StateChanged(EngineState.FAILED, reason))

    def _position(self) -> int:
        return int((self.clock() - (self._began or 0)) * MODEL_RATE) // HOP * HOP

    def _speech(self) -> tuple[Take, Take]:
        return self.signals or (speech(1.0), speech(1.5))

    def _last(self, at: int) -> list[NDArray[np.float32]]:
        span = np.arange(max(0, at - 800), at) % self._speech()[0][0].size
        heard = [x[span] for x, _ in self._speech()]
        if self.params and self.params[-1].mode is Mode.MUTE:
            heard[1] = heard[1] * 0
        return heard
