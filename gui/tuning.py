"""The knobs of the tuning panel and the undoable step one turn of them is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from PySide6.QtGui import QUndoCommand

MERGE_SECONDS = 0.8


@dataclass(frozen=True)
class Knob:
    """One slider. `name` is a field of `EngineParams`; `per_voice` knobs are remembered for each voice."""

    name: str
    label: str
    unit: str
    low: float
    high: float
    step: float
    default: float
    per_voice: bool
    tip: str

    def clamp(self, value: float) -> float:
        """Returns the nearest value the knob can have."""
        steps = round((min(max(value, self.low), self.high) - self.low) / self.step)
        return round(self.low + steps * self.step, 3)


KNOBS = (
    Knob("pitch_semitones", "Pitch", "st", -24, 24, 0.1, 0, True, "How high the voice is, in semitones"),
    Knob(
        "formant_semitones",
        "Formant",
        "st",
        -12,
        12,
        0.1,
        0,
        True,
        "Size of the mouth and throat, in semitones",
    ),
    Knob("output_gain_db", "Output gain", "dB", -24, 24, 0.5, 0, True, "How loud the call hears this voice"),
    Knob("input_gain_db", "Input gain", "dB", -24, 24, 0.5, 0, False, "Makes a quiet microphone louder"),
    Knob("gate_db", "Gate", "dB", -90, -20, 1, -70, False, "Sounds below this level become silence"),
)
KNOB_BY_NAME = {knob.name: knob for knob in KNOBS}


class TurnKnob(QUndoCommand):
    """A change of one knob; turns of the same knob that follow quickly become one step."""

    def __init__(
        self, knob: Knob, voice_id: str, old: float, new: float, apply: Callable[[str, str, float], None]
    ) -> None:
        super().__init__(knob.label)
        self._key = (knob.name, voice_id if knob.per_voice else "")
        self._voice_id, self._old, self._new, self._apply = voice_id, old, new, apply
        self._when = monotonic()

    def id(self) -> int:
        """Same for all turns, so that Qt offers them for merging."""
        return 1

    def redo(self) -> None:
        """Applies the new value."""
        self._apply(self._key[0], self._voice_id, self._new)

    def undo(self) -> None:
        """Applies the old value."""
        self._apply(self._key[0], self._voice_id, self._old)

    def mergeWith(self, other: QUndoCommand) -> bool:
        """Takes over a later turn of the same knob when it follows quickly."""
        if not isinstance(other, TurnKnob) or other._key != self._key:
            return False
        if other._when - self._when > MERGE_SECONDS:
            return False
        self._new, self._when = other._new, other._when
        return True
