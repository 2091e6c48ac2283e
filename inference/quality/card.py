"""What is said about one recording."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Grade(StrEnum):
    """How good one side of a recording is."""

    GOOD = "good"
    FAIR = "fair"
    POOR = "poor"


_ORDER = (Grade.GOOD, Grade.FAIR, Grade.POOR)


@dataclass(frozen=True)
class Line:
    """One line of a card: `name` ("Noise"), `value` with its unit ("34 dB"), and what to do about it."""

    name: str
    value: str
    grade: Grade
    advice: str


@dataclass(frozen=True)
class Quality:
    """The card of one clip.

    `seconds` and `speech_s` say how long it is and how much of that is speech. `snr_db` is the level of
    the speech above that of its pauses, `decay_s` how long sound takes to die away after words (0: too few
    pauses to tell), `clipped_share` the share of samples at the ceiling, `bandwidth_hz` where the spectrum
    ends. `agreement` says how alike the voice is throughout (mean cosine of its two most different
    parts), `tonality` and `pulse` how much of it are held notes and regular beats. `pitch_span` is in
    semitones from the 5th to the 95th percentile of F0, `voiced_s` the seconds it rests on. `refusal` is
    one sentence for the user where no voice can be made from the clip, else empty.
    """

    seconds: float
    speech_s: float
    snr_db: float
    decay_s: float
    clipped_share: float
    bandwidth_hz: int
    agreement: float
    tonality: float
    pulse: float
    pitch_span: float
    voiced_s: float
    lines: tuple[Line, ...]
    refusal: str = ""

    @property
    def grade(self) -> Grade:
        """The worst of the lines; poor where the clip is refused."""
        grades = [Grade.POOR] if self.refusal else [line.grade for line in self.lines]
        return max(grades, key=_ORDER.index, default=Grade.GOOD)

    @property
    def advice(self) -> tuple[str, ...]:
        """What to do, worst first: the lines that are not good."""
        flawed = [line for line in self.lines if line.grade is not Grade.GOOD]
        return tuple(x.advice for x in sorted(flawed, key=lambda x: _ORDER.index(x.grade), reverse=True))
