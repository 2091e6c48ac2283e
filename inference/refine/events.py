"""What a refinement tells while it works, and at its end. Light: the window imports it at its start."""

from __future__ import annotations

from dataclasses import dataclass

from inference.refine.job import About
from voices.voice import Voice

_LEAST_GAIN = 0.02
"""Share by which the held-out distance must fall for the tuning to have found anything."""

_LOST_WORDS = 0.05
"""More than this lost of the words' correlation, and the voice stays as it was."""


@dataclass(frozen=True)
class Judgement:
    """Likeness, 0 to 1, and words (`inference.likeness.follow`), without and with the refinement; distance
    of held-out phrases (`inference.refine.tuner`) likewise."""

    likeness: tuple[float, float]
    words: tuple[float, float]
    distance: tuple[float, float]

    @property
    def refusal(self) -> str:
        """Why the voice stays as it was, as a sentence; empty where refining it was worth it."""
        if self.distance[1] > self.distance[0] * (1 - _LEAST_GAIN):
            return "Nothing was found that makes the voice say the held-out recordings better."
        if self.likeness[1] < self.likeness[0]:
            before, after = (100 * value for value in self.likeness)
            return f"Likeness fell from {before:.1f} % to {after:.1f} %."
        if self.words[1] < self.words[0] - _LOST_WORDS:
            return "Words became less clear."
        return ""


class StoppedError(Exception):
    """The job was stopped; what is done so far is kept, of one that had not begun yet nothing."""


@dataclass(frozen=True)
class Progress:
    """How far a job is, 0 to 1. `stage` is for people; `left_s`: seconds still to go, as far as it looks.

    Before `Begun` both are of this stage alone. `left_s` is None where nothing is known of it yet.
    """

    stage: str
    share: float
    left_s: float | None


@dataclass(frozen=True)
class Begun:
    """The recordings are taken in, and the job is on disk: from here on it can be gone on with."""

    about: About


@dataclass(frozen=True)
class Outcome:
    """What came of it. `voice` is the new voice, None where the old one stays; `reason` says why."""

    voice: Voice | None
    judgement: Judgement
    reason: str
    seconds: float


@dataclass(frozen=True)
class Ended:
    """The job was stopped, or could not be done: then `reason` is a sentence.

    What is done is `kept`, but for a job that had not begun yet.
    """

    reason: str = ""
    kept: bool = True


Event = Progress | Begun | Outcome | Ended
