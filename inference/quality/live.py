"""Advice while somebody records: too quiet, too loud, too noisy, or keep going."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

FRAME_S = 0.03
_RECENT_S, _FLOOR_S, _CLIP_S = 4.0, 12.0, 2.0
_SETTLE_S = 2.0
_SILENT_DB, _QUIET_DB = -75.0, -38.0
_CLIP = 0.99
_STANDS_OUT_DB = 12.0
_FAIR_SNR_DB, _NOISY_DB = 18.0, -55.0


class Tone(StrEnum):
    """How urgent an advice is."""

    CALM = "calm"
    WARNING = "warning"


@dataclass(frozen=True)
class Advice:
    """One sentence for whoever reads aloud just now."""

    sentence: str
    tone: Tone = Tone.CALM


class LiveCoach:
    """Watches the level of a recording; bounded memory, one thread, nothing raises on bad samples.

    >>> coach = LiveCoach(48_000)
    >>> coach.take(block)                    # (n,) float32 as it comes from the device
    >>> coach.advice().sentence, coach.speech_s
    """

    def __init__(self, rate: int) -> None:
        """`rate` in Hz."""
        self._size = max(1, round(FRAME_S * rate))
        self._rest = np.zeros(0, np.float32)
        self._levels = np.full(round(_FLOOR_S / FRAME_S), np.nan)
        self._count = 0
        self._clipped_at = -(10**9)
        self._spoken = 0
        self.peak = self.rms = 0.0

    @property
    def speech_s(self) -> float:
        """Seconds so far that stood out of the noise."""
        return self._spoken * FRAME_S

    def forget_speech(self) -> None:
        """Counts the speech from here on; what is known of the room stays."""
        self._spoken = 0

    def take(self, block: Samples) -> None:
        """Takes what was recorded next: (n,) floats."""
        x = np.concatenate((self._rest, np.nan_to_num(np.asarray(block, np.float32), posinf=1, neginf=-1)))
        whole = len(x) // self._size
        self._rest = x[whole * self._size :]
        if not whole:
            return
        frames = x[: whole * self._size].reshape(whole, self._size)
        self.peak = float(np.abs(frames).max())
        self.rms = float(np.sqrt(np.square(frames, dtype=np.float64).mean()))
        for frame in frames:
            self._take_frame(frame)

    def advice(self) -> Advice:
        """What to say now."""
        recent = self._last(_RECENT_S)
        if len(recent) * FRAME_S < _SETTLE_S:
            return Advice("Listening …")
        loud = float(np.percentile(recent, 90))
        floor = self._floor()
        if (self._count - self._clipped_at) * FRAME_S < _CLIP_S:
            return Advice("Too loud: move back a little or lower the input level.", Tone.WARNING)
        if loud < _SILENT_DB:
            return Advice("Nothing is heard: is this the right microphone, and is it on?", Tone.WARNING)
        if floor > _NOISY_DB and loud - floor < _FAIR_SNR_DB:
            return Advice("It is noisy here: switch off fans, close the window, come closer.", Tone.WARNING)
        if self._spoken == 0:
            return Advice("Read the text aloud when you are ready.")
        if loud < _QUIET_DB:
            return Advice("Too quiet: come closer or raise the input level.", Tone.WARNING)
        return Advice("Good. Keep going.")

    def _take_frame(self, frame: Samples) -> None:
        level = 10 * float(np.log10(np.mean(np.square(frame, dtype=np.float64)) + 1e-10))
        self._levels[self._count % len(self._levels)] = level
        self._count += 1
        if np.count_nonzero(np.abs(frame) >= _CLIP) >= 3:
            self._clipped_at = self._count
        if level > max(self._floor() + _STANDS_OUT_DB, _SILENT_DB):
            self._spoken += 1

    def _floor(self) -> float:
        known = self._levels[: self._count] if self._count < len(self._levels) else self._levels
        return float(np.percentile(known, 5)) if len(known) else 0.0

    def _last(self, seconds: float) -> NDArray[np.float64]:
        count = min(self._count, round(seconds / FRAME_S), len(self._levels))
        return self._levels[(self._count - count + np.arange(count)) % len(self._levels)]
