"""The usual pitch of a voice whose file does not tell it: said by its user, or heard in recordings of it.

>>> library.update(voice.id, **heard_in([Path("ada.wav")]).fields())
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from inference.rvc.facts import RvcError, read_facts
from voices.models import model_folder
from voices.voice import Voice, VoiceKind

LOWEST_HZ, HIGHEST_HZ = 50.0, 1000.0
"""What `inference.f0` tracks."""


class PitchError(ValueError):
    """No usual pitch for this voice, or none in these recordings; one sentence for the user."""


@dataclass(frozen=True)
class UsualPitch:
    """The middle of a voice's range in Hz, 0 where it is not known; `low_hz` to `high_hz` hold 90 % of it,
    0 where only the middle is known."""

    median_hz: float = 0.0
    low_hz: float = 0.0
    high_hz: float = 0.0

    @staticmethod
    def of(voice: Voice) -> UsualPitch:
        """What is known of a voice."""
        return UsualPitch(voice.f0_median_hz, voice.f0_low_hz, voice.f0_high_hz)

    def fields(self) -> dict[str, float]:
        """The fields of a `Voice` that hold it."""
        return {"f0_median_hz": self.median_hz, "f0_low_hz": self.low_hz, "f0_high_hz": self.high_hz}

    def in_words(self) -> str:
        """'212 Hz, mostly 170 to 300 Hz'; empty where it is not known."""
        if not self.median_hz:
            return ""
        reach = f", mostly {self.low_hz:.0f} to {self.high_hz:.0f} Hz" if self.high_hz else ""
        return f"{self.median_hz:.0f} Hz{reach}"


def said(hz: float) -> UsualPitch:
    """A pitch that the user knows. Raises PitchError."""
    if not LOWEST_HZ <= hz <= HIGHEST_HZ:
        raise PitchError(f"A usual pitch is a number from {LOWEST_HZ:.0f} to {HIGHEST_HZ:.0f} Hz.")
    return UsualPitch(hz)


def heard_in(paths: Sequence[Path]) -> UsualPitch:
    """The middle and reach of F0 in recordings of one speaker, of the first 20 s of speech in each.

    Raises PitchError, AudioFileError.
    """
    from audio.files import read_mono  # scipy, which the window starts without
    from inference.enrolment import MIN_SPEECH_S, hear, pitch_range

    recordings = [hear(*read_mono(path)) for path in paths]
    for path, recording in zip(paths, recordings, strict=True):
        if recording.card.refusal:
            raise PitchError(f"{path.name}: {recording.card.refusal}")
    seconds = sum(recording.card.speech_s for recording in recordings)
    if seconds < MIN_SPEECH_S:
        raise PitchError(
            f"There are only {seconds:.1f} s of speech; use at least {MIN_SPEECH_S:.0f} s of it."
        )
    low, median, high = pitch_range([one.heard.voiced_hz for one in recordings if one.heard])
    return UsualPitch(round(median, 1), round(low, 1), round(high, 1))


def pitch_refusal(voice: Voice) -> str:
    """Why there is no usual pitch to be said of a voice; empty where there is."""
    if voice.kind is VoiceKind.MODEL_FREE:
        return f"'{voice.name}' has no pitch of its own: it moves yours."
    if voice.builtin:
        return f"'{voice.name}' is built in; copy it first and change the copy."
    if voice.kind is VoiceKind.RVC and not takes_pitch(voice):
        return f"'{voice.name}' is a non-f0 RVC voice, which no pitch can be given."
    return ""


def takes_pitch(voice: Voice) -> bool:
    """Whether an RVC voice follows a melody; so does one whose model cannot be read just now."""
    try:
        return read_facts(model_folder(voice.model)).has_pitch
    except RvcError:
        return True
