"""Messages between the supervisor and the two processes of the engine."""

from __future__ import annotations

from dataclasses import dataclass

from inference.engine.messages import EngineParams, StreamsOpened
from voices.voice import Voice


@dataclass(frozen=True)
class StreamInfo:
    """What the audio process opened. Rates in Hz (monitor 0: none), latencies in seconds as reported."""

    input_rate: int
    output_rate: int
    monitor_rate: int
    duplex: bool
    input_latency_s: float
    output_latency_s: float


# Supervisor -> worker.


@dataclass(frozen=True)
class Attach:
    """Streams are open: convert between the rings.

    `speaker_hz`: median F0 of who is expected to speak, 0 where it is not known.
    """

    info: StreamInfo
    speaker_hz: float = 0.0


@dataclass(frozen=True)
class Detach:
    """Leave the rings alone; answered with Detached."""


@dataclass(frozen=True)
class UseVoice:
    """Build a converter for this voice and go over to it."""

    voice: Voice


@dataclass(frozen=True)
class UseParams:
    """Apply from the next hop on."""

    params: EngineParams


WorkerCommand = Attach | Detach | UseVoice | UseParams

# Worker -> supervisor.


@dataclass(frozen=True)
class Ready:
    """The worker has loaded its code and hears commands."""


@dataclass(frozen=True)
class Attached:
    """The worker converts between the rings."""


@dataclass(frozen=True)
class Detached:
    """The worker touches no ring until the next Attach."""


@dataclass(frozen=True)
class Fault:
    """The block loop failed; the process ends. `trace` is for the log."""

    reason: str
    trace: str


# Audio process -> supervisor.


@dataclass(frozen=True)
class Loaded:
    """The process has loaded its code and asks the audio system next."""


@dataclass(frozen=True)
class Opened:
    """The streams run."""

    streams: StreamsOpened
    info: StreamInfo


@dataclass(frozen=True)
class Lost:
    """The streams could not be opened, or stopped by themselves; the process ends."""

    reason: str
