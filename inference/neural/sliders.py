"""Where the sliders of a neural voice are while they move."""

from __future__ import annotations

from dataclasses import astuple, dataclass

from inference.ease import eased
from voices.tuning import Tuning


@dataclass(frozen=True, slots=True)
class Sliders:
    """The fields of `Tuning` that the converter follows; `match` is `match_pitch` as a share, 0 to 1."""

    pitch_semitones: float = 0.0
    formant_semitones: float = 0.0
    timbre: float = 1.0
    intonation: float = 1.0
    breathiness: float = 0.0
    match: float = 1.0

    @staticmethod
    def of(tuning: Tuning) -> Sliders:
        """Where the tuning wants them."""
        return Sliders(
            tuning.pitch_semitones,
            tuning.formant_semitones,
            tuning.timbre,
            tuning.intonation,
            tuning.breathiness,
            float(tuning.match_pitch),
        )

    def toward(self, wanted: Sliders) -> Sliders:
        """A hop later."""
        if wanted == self:
            return self
        pairs = zip(astuple(self), astuple(wanted), strict=True)
        return Sliders(*(eased(before, after) for before, after in pairs))
