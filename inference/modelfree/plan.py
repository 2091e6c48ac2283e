"""Where the next glottal period of the converted voice goes."""

from __future__ import annotations

import math
from dataclasses import dataclass

from inference.converter import MODEL_RATE
from voices.tuning import Tuning
from voices.voice import Recipe

_PITCH_LIMIT = 24.0
_FORMANT_LIMIT = 12.0
_F0_MIN_HZ = 25.0
_F0_MAX_HZ = 2000.0
_ROUGH_GAIN = 0.75
_ROUGH_PERIOD = 0.07


@dataclass(frozen=True, slots=True)
class Placement:
    """Distance to the next grain in samples, and its gain."""

    period: float
    gain: float


class Plan:
    """Turns periods of the speaker into periods of the voice.

    Roughness makes every other period weaker and later, as vocal fry does: a subharmonic at half the
    pitch.
    """

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self.reset()

    def reset(self) -> None:
        """Forgets which of two periods comes next, and the tuning."""
        self._weak = False
        self._pitch_ratio = _ratio(self._recipe.pitch_semitones, _PITCH_LIMIT)
        self.formant_ratio = _ratio(self._recipe.formant_semitones, _FORMANT_LIMIT)

    def turn(self, tuning: Tuning) -> None:
        """Takes the tuning for the hop to come; they add to the recipe's shifts."""
        recipe = self._recipe
        self._pitch_ratio = _ratio(recipe.pitch_semitones + tuning.pitch_semitones, _PITCH_LIMIT)
        self.formant_ratio = _ratio(recipe.formant_semitones + tuning.formant_semitones, _FORMANT_LIMIT)

    def output_hz(self, f0_hz: float) -> float:
        """F0 of the voice when the speaker's is `f0_hz`, in Hz."""
        base = self._recipe.fixed_pitch_hz or f0_hz
        return min(max(base * self._pitch_ratio, _F0_MIN_HZ), _F0_MAX_HZ)

    def next(self, period: float) -> Placement:
        """Placement of the grain that follows one whose period in the speech is `period` samples."""
        target = MODEL_RATE / self.output_hz(MODEL_RATE / period)
        gain = math.sqrt(target / period)
        roughness = self._recipe.roughness
        if self._weak:
            gain *= 1.0 - _ROUGH_GAIN * roughness
        side = 1.0 if self._weak else -1.0
        return Placement(target * (1.0 + _ROUGH_PERIOD * roughness * side), gain)

    def advance(self) -> None:
        """Tells that a grain has been placed."""
        self._weak = not self._weak


def _ratio(semitones: float, limit: float) -> float:
    return 2.0 ** (min(max(semitones, -limit), limit) / 12.0)
