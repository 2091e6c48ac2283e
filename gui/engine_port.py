"""What the studio needs from an engine; `inference.engine.client.EngineClient` is one."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from inference.engine.messages import EngineParams, Event, RecordWhat, StreamConfig
from inference.engine.phrase import PhraseProgress
from inference.engine.recording import RecordingProgress
from inference.engine.telemetry import Scope, Telemetry
from voices.voice import Voice


class EnginePort(Protocol):
    """Steers one engine process. Called from the window's thread only; no call blocks."""

    def start(self, config: StreamConfig) -> None:
        """Opens the streams, again where they are open; `StateChanged` events follow."""

    def stop(self) -> None:
        """Closes the streams; `StateChanged` follows."""

    def set_voice(self, voice: Voice) -> None:
        """Makes a voice ready and switches to it; `VoiceReady` or `VoiceFailed` follows."""

    def set_params(self, params: EngineParams) -> None:
        """Replaces the parameters."""

    def request_devices(self) -> None:
        """Lists the devices anew; `DevicesListed` follows."""

    def poll(self) -> list[Event]:
        """Returns the events since the last call, oldest first."""

    def telemetry(self) -> Telemetry:
        """Returns the latest reading."""

    def scope(self, cursor: int) -> Scope:
        """Returns the signal that is new since `cursor` (24 kHz); 0 at first."""

    def history(self, seconds: float) -> Scope:
        """Returns the signal of the last seconds, at most 40, also after `stop`."""

    def start_recording(self, folder: Path, what: RecordWhat = RecordWhat.BOTH) -> None:
        """Records into FLAC files there; raises RecordingError. `RecordingEnded` follows in the end."""

    def stop_recording(self) -> None:
        """Ends the recording; `RecordingEnded` follows once its files are whole."""

    @property
    def recording(self) -> RecordingProgress | None:
        """Returns how far the recording is that goes on, if any."""

    def play_phrase(self, samples: NDArray[np.float32], speaker_hz: float = 0.0) -> int:
        """Speaks (n,) at 24 kHz in the microphone's place; returns its ticket. Raises PhraseError.

        `speaker_hz`: median F0 of who says it.
        """

    def phrase_progress(self, ticket: int) -> PhraseProgress:
        """Returns how far that phrase is."""

    def stop_phrase(self) -> None:
        """Ends it."""

    def close(self) -> None:
        """Ends the engine process."""
