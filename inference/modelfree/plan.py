"""Where the next glottal period of the converted voice goes."""

from __future__ import annotations

import math
from dataclasses import dataclass

from inference.converter import MODEL_RATE
from inference.ease import eased
from inference.median import RunningMedian
from voices.tuning import Tuning
from voices.voice import Recipe

_PITCH_LIMIT = 24.0
_FORMANT_LIMIT = 12.0
_F0_MIN_HZ = 25.0
_F0_MAX_HZ = 2000.0
_SURE = 0.7
"""Voicing from which a hop says something about the speaker's range."""

_ROUGH_GAIN = 0.75
_ROUGH_PERIOD = 0.07


@dataclass(frozen=True, slots=True)
class Placement:
    """Distance to the next grain in samples, and its gain."""

    period: float
    gain: float


class Plan:
    """Turns periods of the speaker into periods of the voice, and says what else the tuning asks for.

    `formant_ratio` stretches the vocal tract, `whisper` and `breathiness` are shares of breath; all
    follow the tuning within 50 ms. Roughness makes every other period weaker and later, as vocal fry
    does: a subharmonic at half the pitch. `speaker` is what is known of the speaker's range.
    """

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self.speaker = RunningMedian()
        self.reset()

    def reset(self) -> None:
        """Forgets which of two periods comes next, the speaker, and where the sliders were."""
        self._weak = False
        self.speaker.reset()
        self._sliders: tuple[float, ...] = ()
        self.turn(Tuning(), 0.0, 0.0)
        self._sliders = ()

    def turn(self, tuning: Tuning, f0_hz: float, voicing: float) -> None:
        """Takes the tuning for the hop to come, and the speaker's pitch in it (0 = unvoiced)."""
        recipe = self._recipe
        if f0_hz > 0 and voicing > _SURE:
            self.speaker.add(f0_hz)
        wanted = (
            recipe.pitch_semitones + tuning.pitch_semitones,
            recipe.formant_semitones * tuning.timbre + tuning.formant_semitones,
            tuning.intonation,
            min(recipe.whisper * tuning.timbre, 1.0),
            min(recipe.roughness * tuning.timbre, 1.0),
            tuning.breathiness,
        )
        if wanted != self._sliders:
            before = self._sliders or wanted
            self._sliders = tuple(eased(b, w) for b, w in zip(before, wanted, strict=True))
        pitch, formant, self._intonation, self.whisper, self._roughness, self.breathiness = self._sliders
        self._pitch_ratio = _ratio(pitch, _PITCH_LIMIT)
        self.formant_ratio = _ratio(formant, _FORMANT_LIMIT)
        self._middle_hz = 0.0 if self._intonation == 1.0 else 2.0**self.speaker.octave

    def output_hz(self, f0_hz: float) -> float:
        """F0 of the voice when the speaker's is `f0_hz`, in Hz."""
        base = self._recipe.fixed_pitch_hz or f0_hz
        if self._middle_hz and not self._recipe.fixed_pitch_hz:
            base = self._middle_hz * (f0_hz / self._middle_hz) ** self._intonation
        return min(max(base * self._pitch_ratio, _F0_MIN_HZ), _F0_MAX_HZ)

    def next(self, period: float) -> Placement:
        """Placement of the grain that follows one whose period in the speech is `period` samples."""
        target = MODEL_RATE / self.output_hz(MODEL_RATE / period)
        gain = math.sqrt(target / period)
        roughness = self._roughness
        if self._weak:
            gain *= 1.0 - _ROUGH_GAIN * roughness
        side = 1.0 if self._weak else -1.0
        return Placement(target * (1.0 + _ROUGH_PERIOD * roughness * side), gain)

    def advance(self) -> None:
        """Tells that a grain has been placed."""
        self._weak = not self._weak


def _ratio(semitones: float, limit: float) -> float:
    return 2.0 ** (min(max(semitones, -limit), limit) / 12.0)
