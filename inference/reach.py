"""Which sliders change nothing of a voice, and why: what the window shows greyed out."""

from __future__ import annotations

from inference.rvc.facts import VECTORS
from inference.usual_pitch import takes_pitch
from voices.models import model_folder
from voices.voice import Voice, VoiceKind

_FOLLOWS = "This voice has no range of its own: it follows your pitch"
_UNKNOWN = "The usual pitch of this voice is not known, so it keeps yours: set it, or move Pitch"
_BREATH = "RVC voices bring their own breath"
_NO_INDEX = "This voice came without an .index file, which is what timbre draws from"
_NO_PITCH = "This voice is a non-f0 one: its file says nothing of pitch"


def idle_sliders(voice: Voice) -> dict[str, str]:
    """Names of fields of `Tuning` without effect on `voice`, each with the reason."""
    is_rvc = voice.kind is VoiceKind.RVC
    idle = {} if voice.f0_median_hz > 0 else {"match_pitch": _UNKNOWN if is_rvc else _FOLLOWS}
    if not is_rvc:
        return idle
    idle["breathiness"] = _BREATH
    if not (model_folder(voice.model) / VECTORS).exists():
        idle["timbre"] = _NO_INDEX
    if not takes_pitch(voice):
        idle |= dict.fromkeys(("pitch_semitones", "match_pitch", "intonation"), _NO_PITCH)
    return idle


def lacks_pitch(voice: Voice) -> bool:
    """Whether the automatic match waits for its user to say the voice's usual pitch."""
    return voice.f0_median_hz == 0 and voice.kind is VoiceKind.RVC and takes_pitch(voice)
