"""Moves a speaker's melody into the target's range."""

from __future__ import annotations

import numpy as np

from inference.converter import Controls

F0_MIN_HZ = 45.0
F0_MAX_HZ = 1100.0

_BINS_PER_OCTAVE = 24
_LOWEST_OCTAVE = 5.25
_BINS = 128
_FORGET = 0.9994
"""Weight of the past per voiced hop: the median follows about the last 17 s of voice."""

_GUESS_HZ = 155.0
_GUESS_WEIGHT = 4.0
_SLEW_SEMITONES = 0.6
"""Largest change of the transposition per hop, so that learning the range never jumps."""

_VOICED_ON, _VOICED_OFF = 0.55, 0.4


class Melody:
    """Transposes F0 by the distance of the speaker's running median to the target's, plus the slider.

    The median starts at a guess that counts like four voiced hops. `target_hz` 0 keeps the speaker's
    range. Voicing has hysteresis, so that a doubtful frame does not flutter.
    """

    def __init__(self, target_hz: float) -> None:
        self._target_hz = target_hz
        self.reset()

    def reset(self) -> None:
        """Forgets the speaker."""
        self._histogram = np.zeros(_BINS)
        self._weight = 0.0
        self._shift: float | None = None
        self._voiced = False

    def follow(self, f0_hz: float, voicing: float, controls: Controls) -> float:
        """Returns the output's F0 in Hz for the input's, 0 where the hop is unvoiced."""
        self._voiced = voicing > (_VOICED_OFF if self._voiced else _VOICED_ON)
        if not self._voiced:
            return 0.0
        if voicing > 0.7:
            self._learn(f0_hz)
        wanted = controls.pitch_semitones
        if self._target_hz > 0:
            wanted += 12.0 * np.log2(self._target_hz) - 12.0 * self._median_octave()
        if self._shift is None:
            self._shift = wanted
        self._shift += float(np.clip(wanted - self._shift, -_SLEW_SEMITONES, _SLEW_SEMITONES))
        return float(np.clip(f0_hz * 2.0 ** (self._shift / 12.0), F0_MIN_HZ, F0_MAX_HZ))

    def _learn(self, f0_hz: float) -> None:
        place = int((np.log2(max(f0_hz, F0_MIN_HZ)) - _LOWEST_OCTAVE) * _BINS_PER_OCTAVE)
        self._histogram *= _FORGET
        self._histogram[min(max(place, 0), _BINS - 1)] += 1.0
        self._weight = self._weight * _FORGET + 1.0

    def _median_octave(self) -> float:
        """log2 of the median F0 so far, drawn to the guess while little was heard."""
        guess = float(np.log2(_GUESS_HZ))
        if self._weight == 0.0:
            return guess
        below = np.cumsum(self._histogram)
        half = 0.5 * below[-1]
        place = int(np.searchsorted(below, half))
        before = below[place - 1] if place else 0.0
        inside = (half - before) / max(self._histogram[place], 1e-9)
        heard = _LOWEST_OCTAVE + (place + inside) / _BINS_PER_OCTAVE
        return float((heard * self._weight + guess * _GUESS_WEIGHT) / (self._weight + _GUESS_WEIGHT))
