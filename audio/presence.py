"""A gate that lets speech through and makes quiet of everything else."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from pywebrtc_audio import VoiceDetector

from audio.levels import FLOOR_DB, gain_to_db, measure
from audio.smooth import GainRamp

Block = NDArray[np.float32]

_DETECTOR_RATE = 48_000
"""The detector takes 16, 32 or 48 kHz and looks at the 8 kHz below: every sample given twice is enough."""

_LIKELY = 0.3
"""Speech probability that counts: fan, hiss and hum stay below 0.2 (p99), 80 % of speech is above 0.5."""

_VOICED = 0.5
_STEADY_HOPS, _PARTS = 3, 4
_STEADY_DB, _FALL_DB = 18.0, 6.0
"""What has no pitch must last this many hops, with no quarter of one fainter than another by the first, and
not end fainter by the second: two key strokes that meet leave a hole between them, a fricative has none."""


_LOWEST_FLOOR_DB = -80.0
_RISE_DB, _FAST_RISE_DB = 0.03, 0.2
"""How fast the floor, the faintest of late, may rise per hop: 3 dB a second, and 20 while neither the
detector nor the pitch speaks of speech, so that a fan just switched on is soon known."""

_ABOVE_FLOOR_DB = 6.0
_CLEAR_DB = 9.0
"""What is this far above the floor needs no detector, which takes some 50 ms to be sure."""

_HOLD_HOPS = 30
_CARRY_HOPS = 300
_CARRY_DB = 20.0
"""A held note stops looking like speech; it is carried on for 3 s while it is voiced and not faint."""

_EARLY_HOPS = 10
"""A voice that comes later than this is let through so many hops before its sound: speech is known for
sure only some 50 ms after it began."""

_LONGEST_DELAY = 256
_FADE_DB_PER_HOP = 0.05
_RELEASE = math.exp(-0.1)
_SHUT = 1e-3


class PresenceGate:
    """Opens at once where speech begins, and closes softly 300 ms after the last of it.

    The decision is made from what the microphone hears and applied to the converted voice, which is
    late by the converter's look-ahead: the gate is so open before the first sound arrives, and costs no
    latency of its own. Speech is what WebRTC's detector finds likely and is either voiced, as the
    converter has found out anyway, or steady: a key stroke is neither for long. Bit-exact while open.

    >>> gate = PresenceGate()
    >>> gate.process(voice, heard, voicing=0.9, on=True)    # `voice` in place
    """

    def __init__(self) -> None:
        self._detector = VoiceDetector(_DETECTOR_RATE)
        self._ramp = GainRamp()
        self._recent = np.zeros(_STEADY_HOPS)
        self._parts = np.zeros((_STEADY_HOPS, _PARTS))
        self._decided = np.zeros(_LONGEST_DELAY + 1, np.bool_)
        self.reset()

    @property
    def open(self) -> bool:
        """Whether speech is let through."""
        return self._hold > 0

    def reset(self) -> None:
        """Opens the gate and forgets the past."""
        self._detector.reset()
        self._ramp.reset(1.0)
        self._hold = _HOLD_HOPS
        self._carry = 0
        self._decided[:] = True
        self._speech_db = FLOOR_DB
        self._floor_db = 0.0
        self._recent[:] = FLOOR_DB
        self._parts[:] = 0.0

    def process(self, voice: Block, heard: Block, voicing: float, on: bool, delay: int = 0) -> Block:
        """Gates `voice`: (n,) float32 in place and returns it.

        `heard`: 10 ms of the microphone at 24 kHz, (240,) finite float32; `voicing`: probability that
        they are voiced; `delay`: hops, at most 256, until `heard` is heard in `voice`. Off opens the gate
        within the hop and costs nothing.
        """
        if not on:
            self._hold = _HOLD_HOPS
            self._decided[:] = True
            return self._ramp.process(voice, 1.0)
        self._decide(heard, voicing)
        self._decided[1:] = self._decided[:-1]
        self._decided[0] = self._hold > 0
        late = min(max(0, delay - _EARLY_HOPS), _LONGEST_DELAY)
        gain = 1.0 if self._decided[late] else self._ramp.gain * _RELEASE
        return self._ramp.process(voice, gain if gain > _SHUT else 0.0)

    def _decide(self, heard: Block, voicing: float) -> None:
        heard = np.clip(heard, -1.0, 1.0)
        likely = self._detector.process(np.repeat(heard, 2)) > _LIKELY
        level_db = self._measure(heard)
        voiced = voicing > _VOICED
        rise = _RISE_DB if likely or voiced else _FAST_RISE_DB
        self._floor_db = max(min(level_db, self._floor_db + rise), _LOWEST_FLOOR_DB)
        self._hold -= 1
        self._carry -= 1
        self._speech_db -= _FADE_DB_PER_HOP
        if self._is_speech(level_db, likely, voiced):
            self._hold, self._carry = _HOLD_HOPS, _CARRY_HOPS
            self._speech_db = max(self._speech_db, level_db)
        elif voiced and self._hold > 0 and self._carry > 0 and level_db > self._speech_db - _CARRY_DB:
            self._hold = _HOLD_HOPS

    def _measure(self, heard: Block) -> float:
        """Level of a hop in dB, remembered with the powers of its quarters."""
        # Differences weigh down rumble, whose level never rests, and weigh up consonants.
        change = np.diff(heard, prepend=heard[:1])
        self._recent[:-1], self._parts[:-1] = self._recent[1:], self._parts[1:]
        self._recent[-1] = level_db = gain_to_db(measure(change).rms)
        self._parts[-1] = np.mean(np.square(change).reshape(_PARTS, -1), axis=1)
        return level_db

    def _is_speech(self, level_db: float, likely: bool, voiced: bool) -> bool:
        # To ask that voicing lasts for three hops would keep out keys that ring, and cost 2 % of the words.
        clear = level_db > self._floor_db + _CLEAR_DB
        return (voiced and (likely or clear)) or self._is_steady(likely)

    def _is_steady(self, likely: bool) -> bool:
        faintest = self._recent.min()
        if faintest <= self._floor_db + (_ABOVE_FLOOR_DB if likely else _CLEAR_DB):
            return False
        falls = self._recent[-1] <= self._recent.max() - _FALL_DB
        return not falls and bool(self._parts.min() > self._parts.max() * 10 ** (-0.1 * _STEADY_DB))
