"""Who usually speaks into which microphone: the pitch that a call begins with."""

from __future__ import annotations

from dataclasses import replace

from gui.settings import Settings
from inference.engine.messages import StreamConfig
from inference.engine.telemetry import Telemetry

_WORTH_KEEPING = 0.01
"""Share by which a pitch must have changed to be written again."""


class SpeakerMemory:
    """Keeps the speaker's median F0 in the settings, by the microphone that was chosen.

    >>> engine.start(memory.open(devices.stream_config()))
    >>> memory.note(engine.telemetry())         # True: something new is to be kept
    """

    def __init__(self, settings: Settings) -> None:
        self._pitches = settings.speakers
        self._microphone: str | None = None

    def open(self, config: StreamConfig) -> StreamConfig:
        """The devices about to be opened, with what is known of who speaks there."""
        self._microphone = config.input_device or ""
        return replace(config, speaker_hz=self._pitches.get(self._microphone, 0.0))

    def note(self, telemetry: Telemetry) -> bool:
        """Keeps what the engine has learnt of who speaks; whether that is new."""
        if self._microphone is None or not telemetry.speaker_hz:
            return False
        before = self._pitches.get(self._microphone, 0.0)
        if abs(telemetry.speaker_hz - before) <= _WORTH_KEEPING * before:
            return False
        self._pitches[self._microphone] = round(telemetry.speaker_hz, 1)
        return True
