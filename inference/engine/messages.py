"""The typed message channel between a client (studio, command line) and the engine process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from audio.devices import Device
from audio.recorder import RecordingEnded
from voices.tuning import Tuning
from voices.voice import Voice


class Mode(StrEnum):
    """What the other end of the call hears."""

    CONVERTED = "converted"
    BYPASS = "bypass"
    MUTE = "mute"


class MonitorSource(StrEnum):
    """What the speaker hears on the monitor device.

    `OWN` is the voice as the converter gets it (gain, noise suppression, gate), `BYPASS` the microphone as
    the device delivers it, `DIFFERENCE` the converted voice less the own voice of the same moment.
    """

    OFF = "off"
    OWN = "own"
    CONVERTED = "converted"
    BYPASS = "bypass"
    DIFFERENCE = "difference"


class RecordWhat(StrEnum):
    """What a recording keeps: the microphone as the device gave it, what the call got, or a file of each."""

    INPUT = "input"
    OUTPUT = "output"
    BOTH = "both"


class EngineState(StrEnum):
    """Where the engine is in its life."""

    STOPPED = "stopped"
    STARTING = "starting"
    RUNNING = "running"
    DEGRADED = "degraded"
    FAILED = "failed"


@dataclass(frozen=True)
class StreamConfig:
    """Which devices to open, by stable name; None takes the system's default.

    `sample_rate` in Hz and `block_frames` per callback are chosen by the engine when None. `speakers`:
    the median F0 (Hz) of who usually speaks into a microphone, by its stable name.
    """

    input_device: str | None = None
    output_device: str | None = None
    monitor_device: str | None = None
    sample_rate: int | None = None
    block_frames: int | None = None
    speakers: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class EngineParams:
    """Everything that may change between two blocks; the engine ramps each change.

    `tuning` belongs to the voice, the rest to the speaker, the room and the moment.
    `noise_suppression` is 0 (off) to 1; `loudness_match` keeps the voice as loud as the speaker.
    """

    mode: Mode = Mode.CONVERTED
    tuning: Tuning = field(default_factory=Tuning)
    input_gain_db: float = 0.0
    gate_db: float = -70.0
    noise_suppression: float = 0.0
    loudness_match: bool = True
    monitor: MonitorSource = MonitorSource.OFF
    monitor_gain_db: float = -6.0


# Commands, client -> engine.


@dataclass(frozen=True)
class Start:
    """Opens the streams and begins to convert."""

    config: StreamConfig


@dataclass(frozen=True)
class Stop:
    """Closes the streams; the process stays ready."""


@dataclass(frozen=True)
class SetVoice:
    """Makes this voice ready, then cross-fades to it."""

    voice: Voice


@dataclass(frozen=True)
class SetParams:
    """Replaces the parameters."""

    params: EngineParams


@dataclass(frozen=True)
class Shutdown:
    """Ends the engine process."""


Command = Start | Stop | SetVoice | SetParams | Shutdown

# Events, engine -> client.


@dataclass(frozen=True)
class StateChanged:
    """The engine's state; `reason` is a sentence for the user where there is something to say."""

    state: EngineState
    reason: str = ""


@dataclass(frozen=True)
class VoiceReady:
    """This voice is being spoken from now on."""

    voice_id: str


@dataclass(frozen=True)
class VoiceFailed:
    """This voice could not be made ready; the one before goes on."""

    voice_id: str
    reason: str


@dataclass(frozen=True)
class StreamsOpened:
    """The devices really opened, by stable name, and what they run at."""

    input_device: str
    output_device: str
    monitor_device: str | None
    sample_rate: int
    block_frames: int
    duplex: bool


@dataclass(frozen=True)
class Noticed:
    """Something happened that the call has got over by itself: a sentence for the journal."""

    sentence: str


@dataclass(frozen=True)
class DevicesListed:
    """Answer to `EngineClient.request_devices`; `problem` is a sentence when listing failed."""

    devices: tuple[Device, ...]
    problem: str = ""


Event = StateChanged | Noticed | VoiceReady | VoiceFailed | StreamsOpened | DevicesListed | RecordingEnded
