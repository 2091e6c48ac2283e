"""What a voice is."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from voices.refinement import Refinement
from voices.tuning import Tuning


class VoiceKind(StrEnum):
    """Which family of converter speaks a voice."""

    MODEL_FREE = "model-free"
    NEURAL = "neural"
    RVC = "rvc"


@dataclass(frozen=True)
class Recipe:
    """What the model-free converter does to speech; the identity by default.

    `pitch_semitones` and `formant_semitones` shift pitch and vocal-tract resonances. `fixed_pitch_hz`
    replaces the melody by one note (0 keeps it). `whisper` replaces voicing by breath and `roughness`
    adds vocal-fry-like subharmonics, both 0 to 1.
    """

    pitch_semitones: float = 0.0
    formant_semitones: float = 0.0
    fixed_pitch_hz: float = 0.0
    whisper: float = 0.0
    roughness: float = 0.0


@dataclass(frozen=True)
class Voice:
    """A target a speaker can be converted to.

    `embedding` (neural voices) is the speaker embedding, unit length; `f0_median_hz` is the middle of
    the target's range, 0 when it follows the speaker; `f0_low_hz` and `f0_high_hz` hold 90 % of it, 0
    where unknown. `colour` (#rrggbb) and `glyph` (an icon name in assets/icons) are its face where it has
    no picture. `tuning` is where its sliders start. `refinement` is what fine-tuning found for it.
    An RVC voice has its networks in `voices.models` under the name `model` (SHA-256 in hex); of the
    speakers in there it is number `speaker`.
    """

    id: str
    name: str
    description: str
    kind: VoiceKind
    recipe: Recipe = field(default_factory=Recipe)
    embedding: tuple[float, ...] = ()
    f0_median_hz: float = 0.0
    licence: str = ""
    source: str = ""
    colour: str = "#7a8cff"
    glyph: str = "voice"
    builtin: bool = False
    tuning: Tuning = field(default_factory=Tuning)
    f0_low_hz: float = 0.0
    f0_high_hz: float = 0.0
    refinement: Refinement | None = None
    model: str = ""
    speaker: int = 0
