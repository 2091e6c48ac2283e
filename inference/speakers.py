"""Who usually speaks into which microphone: the pitch that a call begins with, kept from call to call."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from inference.engine.messages import EngineState, Event, StateChanged, StreamConfig, StreamsOpened
from inference.engine.telemetry import Telemetry
from voices.files import FileError, write_text
from voices.home import home

FILE_NAME = "speakers.json"
_VERSION = 1
_WORTH_KEEPING = 0.01
"""Share by which a pitch must have changed to be written again."""


class SpeakerMemory:
    """The speaker's median F0 by the stable name of the microphone that really ran. One thread uses it.

    The studio and `menura live` share the file; only one of them runs an engine at a time. What cannot be
    read of it is learnt again within seconds of speech.

    >>> memory = SpeakerMemory()
    >>> engine.start(memory.expecting(config))
    >>> memory.hear(event)                     # each that the engine has
    >>> memory.note(engine.telemetry())        # when it is going to stop, or has
    """

    def __init__(self) -> None:
        self._pitches: dict[str, float] = {}
        self._opened: str | None = None
        self._microphone: str | None = None

    def expecting(self, config: StreamConfig) -> StreamConfig:
        """The devices about to be opened, with what is known of who speaks into which."""
        # Read now, not earlier: another Menura may have run meanwhile.
        self._pitches |= _read()
        return replace(config, speakers=dict(self._pitches))

    def hear(self, event: Event) -> None:
        """Follows which microphone it is: the chosen one, the system's, or the one before."""
        match event:
            case StreamsOpened():
                self._opened = event.input_device
            case StateChanged(EngineState.RUNNING):
                # Until then telemetry tells of the microphone before.
                self._microphone = self._opened

    def note(self, telemetry: Telemetry) -> str:
        """Keeps what the engine has learnt of who speaks; a sentence where that could not be written."""
        if self._microphone is None or not telemetry.speaker_hz:
            return ""
        before = self._pitches.get(self._microphone, 0.0)
        if abs(telemetry.speaker_hz - before) <= _WORTH_KEEPING * before:
            return ""
        self._pitches[self._microphone] = round(telemetry.speaker_hz, 1)
        content = {"version": _VERSION, "microphones": self._pitches}
        try:
            write_text(_path(), json.dumps(content, indent=1) + "\n")
        except (FileError, OSError) as error:
            return f"The range of your voice could not be kept for the next call: {error}"
        return ""


def _path() -> Path:
    return home() / FILE_NAME


def _read() -> dict[str, float]:
    try:
        content: Any = json.loads(_path().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    found = content.get("microphones") if isinstance(content, Mapping) else None
    if not isinstance(found, Mapping):
        return {}
    return {name: float(hz) for name, hz in found.items() if _is_pitch(hz)}


def _is_pitch(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1000
