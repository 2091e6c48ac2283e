"""Moves a speaker's melody into the target's range."""

from __future__ import annotations

import numpy as np

from inference.median import F0_MIN_HZ, RunningMedian
from inference.neural.sliders import Sliders

F0_MAX_HZ = 1100.0

_SLEW_SEMITONES = 0.6
"""Largest change of the transposition per hop, so that learning the range never jumps."""

_VOICED_ON, _VOICED_OFF = 0.55, 0.4


class Melody:
    """Transposes F0 by the distance of the speaker's running median to the target's, plus the slider.

    `speaker` is that median, and may be told what to expect. `target_hz` 0 keeps the speaker's range, as
    `match` 0 does; `intonation` scales the distance from the median. Voicing has hysteresis, so that a
    doubtful frame does not flutter.
    """

    def __init__(self, target_hz: float) -> None:
        self._target_hz = target_hz
        self.speaker = RunningMedian()
        self.reset()

    def reset(self) -> None:
        """Forgets the speaker."""
        self.speaker.reset()
        self._shift: float | None = None
        self._voiced = False

    def follow(self, f0_hz: float, voicing: float, sliders: Sliders) -> float:
        """Returns the output's F0 in Hz for the input's, 0 where the hop is unvoiced."""
        self._voiced = voicing > (_VOICED_OFF if self._voiced else _VOICED_ON)
        if not self._voiced:
            return 0.0
        if voicing > 0.7:
            self.speaker.add(f0_hz)
        middle = self.speaker.octave
        if self._target_hz > 0:
            self._approach(12.0 * (float(np.log2(self._target_hz)) - middle))
        octave = middle + (float(np.log2(f0_hz)) - middle) * sliders.intonation
        semitones = sliders.pitch_semitones + sliders.match * (self._shift or 0.0)
        return min(max(2.0 ** (octave + semitones / 12.0), F0_MIN_HZ), F0_MAX_HZ)

    def _approach(self, wanted: float) -> None:
        if self._shift is None:
            self._shift = wanted
        self._shift += min(max(wanted - self._shift, -_SLEW_SEMITONES), _SLEW_SEMITONES)
