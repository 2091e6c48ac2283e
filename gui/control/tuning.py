"""The sound the user makes of each voice and of the microphone: remembered, undoable, sent at once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject
from PySide6.QtGui import QUndoStack

from gui.tuning import KNOB_BY_NAME, KNOBS, TurnKnob
from inference.engine.messages import EngineParams
from voices.tuning import Tuning

if TYPE_CHECKING:
    from gui.session import Session


class TuningController(QObject):
    """Owns the tuning part of the settings; every change is a step on `undo`."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self._settings = session.store.settings
        self.undo: QUndoStack = session.undo

    def turn(self, name: str, value: float) -> None:
        """Turns a knob, as an undoable step."""
        knob = KNOB_BY_NAME[name]
        params = self._session.params
        old, new = getattr(params.tuning if knob.per_voice else params, name), knob.clamp(value)
        if new != old:
            self.undo.push(TurnKnob(knob, self._session.voice_id, old, new, self._apply_turn))

    def of(self, voice_id: str) -> Tuning:
        """Returns what the user made of a voice, or what it came with."""
        own = {voice.id: voice.tuning for voice in self._session.voices}
        return self._settings.voices.get(voice_id, own.get(voice_id, Tuning()))

    def applied(self, params: EngineParams) -> EngineParams:
        """Returns the parameters with what is remembered for the voice in use and the microphone."""
        shared: dict[str, Any] = {
            k.name: k.clamp(getattr(self._settings.shared, k.name)) for k in KNOBS if not k.per_voice
        }
        return replace(params, tuning=self.of(self._session.voice_id).clamped(), **shared)

    def _apply_turn(self, name: str, voice_id: str, value: float) -> None:
        if KNOB_BY_NAME[name].per_voice:
            change: dict[str, Any] = {name: value}
            self._settings.voices[voice_id] = replace(self.of(voice_id), **change)
        else:
            setattr(self._settings.shared, name, value)
        self._session.send(self.applied(self._session.params))
        self._session.remember()
