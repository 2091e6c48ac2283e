"""What can be tuned, how the panel groups it, and the undoable step one turn of it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from PySide6.QtGui import QUndoCommand

from audio.gate import OFF_DB
from inference.engine.messages import EngineParams
from voices.tuning import RANGES, Tuning

MERGE_SECONDS = 0.8
SHARED_RANGES = {
    "input_gain_db": (-24.0, 24.0),
    "gate_db": (OFF_DB, -20.0),
    "noise_suppression": (0.0, 1.0),
    "monitor_gain_db": (-40.0, 6.0),
}
Value = float | bool


@dataclass(frozen=True)
class Knob:
    """One slider over a field of `Tuning` (`per_voice`: remembered for each voice) or of `EngineParams`.

    `step` and `coarse` are what an arrow and a page key move; numbers are shown times `shown` in `unit`.
    """

    name: str
    label: str
    unit: str
    low: float
    high: float
    step: float
    coarse: float
    default: float
    per_voice: bool
    tip: str
    shown: float = 1.0

    def clamp(self, value: Value) -> float:
        """Returns the nearest value the knob can have."""
        steps = round((min(max(value, self.low), self.high) - self.low) / self.step)
        return round(self.low + steps * self.step, 3)


@dataclass(frozen=True)
class Switch:
    """A field that is on or off, remembered as that of a `Knob` is."""

    name: str
    label: str
    default: bool
    per_voice: bool
    tip: str

    def clamp(self, value: Value) -> bool:
        """Returns on or off."""
        return bool(value)


Control = Knob | Switch


@dataclass(frozen=True)
class Group:
    """Controls under one heading, which folds them away; `open` at the first start."""

    id: str
    title: str
    controls: tuple[Control, ...]
    open: bool


def _knob(name: str, label: str, unit: str, step: float, coarse: float, tip: str, shown: float = 1.0) -> Knob:
    per_voice = name in RANGES
    low, high = RANGES[name] if per_voice else SHARED_RANGES[name]
    default = getattr(Tuning() if per_voice else EngineParams(), name)
    return Knob(name, label, unit, low, high, step, coarse, default, per_voice, tip, shown)


def _percent(name: str, label: str, tip: str) -> Knob:
    return _knob(name, label, "%", 0.01, 0.1, tip, 100.0)


PITCH = _knob("pitch_semitones", "Pitch", "st", 0.1, 1, "How high the voice is, in semitones")
MATCH_PITCH = Switch(
    "match_pitch",
    "Move to the voice's range",
    Tuning().match_pitch,
    True,
    "Moves your pitch to where this voice usually speaks, before Pitch is added",
)
LOUDNESS_MATCH = Switch(
    "loudness_match",
    "As loud as I speak",
    EngineParams().loudness_match,
    False,
    "Keeps every voice as loud as your own, whichever you choose",
)
VOLUME = _knob(
    "monitor_gain_db", "Volume", "dB", 1, 6, "How loud you hear yourself; the call does not change"
)
GROUPS = (
    Group(
        "voice",
        "Voice",
        (
            PITCH,
            MATCH_PITCH,
            _knob("formant_semitones", "Formant", "st", 0.1, 1, "Size of the mouth and throat, in semitones"),
            _percent("timbre", "Timbre", "How far towards the voice's colour: 0 % keeps yours"),
            _percent("intonation", "Intonation", "How lively the melody is: 0 % is one note, 100 % yours"),
            _percent("breathiness", "Breathiness", "How much breath is mixed into the voice"),
        ),
        open=True,
    ),
    Group(
        "tone",
        "Tone and level",
        (
            _knob("low_db", "Low end", "dB", 0.5, 3, "Warmth: louder or softer below 200 Hz"),
            _knob("brightness_db", "Brightness", "dB", 0.5, 3, "Air: louder or softer above 4 kHz"),
            _knob("output_gain_db", "Output gain", "dB", 0.5, 3, "How loud the call hears this voice"),
            LOUDNESS_MATCH,
        ),
        open=False,
    ),
    Group(
        "microphone",
        "Microphone",
        (
            _knob("input_gain_db", "Input gain", "dB", 0.5, 3, "Makes a quiet microphone louder"),
            _knob(
                "gate_db", "Gate", "dB", 1, 6, "What is fainter, or no speech, becomes silence; lowest: off"
            ),
            _percent("noise_suppression", "Noise", "How much of the room's steady noise is taken away"),
        ),
        open=False,
    ),
)
CONTROLS: dict[str, Control] = {control.name: control for group in GROUPS for control in group.controls}
KNOBS = tuple(control for control in CONTROLS.values() if isinstance(control, Knob))


class TurnKnob(QUndoCommand):
    """A change of one control; turns of the same knob that follow quickly become one step."""

    def __init__(
        self,
        control: Control,
        voice_id: str,
        old: Value,
        new: Value,
        apply: Callable[[str, str, Value], None],
    ) -> None:
        super().__init__(control.label)
        self._key = (control.name, voice_id if control.per_voice else "")
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


class Change(QUndoCommand):
    """Any other step: `apply` is called with the new value, and with the old one to undo it."""

    def __init__(self, text: str, old: object, new: object, apply: Callable[[object], None]) -> None:
        super().__init__(text)
        self._old, self._new, self._apply = old, new, apply

    def redo(self) -> None:
        """Applies the new value."""
        self._apply(self._new)

    def undo(self) -> None:
        """Applies the old value."""
        self._apply(self._old)
