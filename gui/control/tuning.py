"""The sound the user makes of each voice and of the microphone: remembered, undoable, sent at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from gui.tuning import CONTROLS, Change, TurnKnob, Value
from inference.engine.messages import EngineParams
from voices.tuning import Tuning

if TYPE_CHECKING:
    from gui.session import Session


class TuningController(QObject):
    """Owns tunings and presets of the voices in the settings; every change is a step on the undo stack.

    `presets_changed(voice_id)`: another list of presets.
    """

    presets_changed = Signal(str)

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self._settings = session.store.settings

    def turn(self, name: str, value: Value) -> None:
        """Turns a knob or a switch, as an undoable step."""
        control, params = CONTROLS[name], self._session.params
        old, new = getattr(params.tuning if control.per_voice else params, name), control.clamp(value)
        if new != old:
            step = TurnKnob(control, self._session.voice_id, old, new, self._apply_turn)
            self._session.undo.push(step)

    def use(self, voice_id: str, tuning: Tuning, what: str) -> None:
        """Replaces the whole tuning of a voice, as one undoable step called `what`."""
        old, new = self.of(voice_id), tuning.clamped()
        if new != old:
            self._session.undo.push(Change(what, old, new, partial(self._set, voice_id)))

    def of(self, voice_id: str) -> Tuning:
        """Returns what the user made of a voice, or what it came with."""
        remembered = self._settings.voices.get(voice_id)
        return (remembered or self.came_with(voice_id)).clamped()

    def came_with(self, voice_id: str) -> Tuning:
        """Returns where a voice's sliders start."""
        voice = self._session.library.find(voice_id)
        return voice.tuning if voice else Tuning()

    def applied(self, params: EngineParams) -> EngineParams:
        """Returns the parameters with what is remembered for the voice in use and the microphone."""
        shared: dict[str, Any] = {
            c.name: c.clamp(getattr(self._settings.shared, c.name))
            for c in CONTROLS.values()
            if not c.per_voice
        }
        return replace(params, tuning=self.of(self._session.voice_id), **shared)

    def presets(self, voice_id: str) -> Mapping[str, Tuning]:
        """Returns a voice's presets by name, in the order in which they were made."""
        return self._settings.presets.get(voice_id, {})

    def save_preset(self, voice_id: str, name: str) -> None:
        """Keeps the tuning of a voice under a name; one of the same name is replaced."""
        changed = {**self.presets(voice_id), name: self.of(voice_id)}
        self._change_presets(voice_id, changed, f"Save preset {name}")

    def delete_preset(self, voice_id: str, name: str) -> None:
        """Forgets a preset; the sound stays as it is."""
        changed = {n: t for n, t in self.presets(voice_id).items() if n != name}
        self._change_presets(voice_id, changed, f"Delete preset {name}")

    def _change_presets(self, voice_id: str, changed: Mapping[str, Tuning], what: str) -> None:
        old = dict(self.presets(voice_id))
        self._session.undo.push(Change(what, old, changed, partial(self._set_presets, voice_id)))

    def _set_presets(self, voice_id: str, presets: Any) -> None:
        self._settings.presets[voice_id] = dict(presets)
        self._session.remember()
        self.presets_changed.emit(voice_id)

    def _set(self, voice_id: str, tuning: Any) -> None:
        self._settings.voices[voice_id] = tuning
        self._refresh()

    def _apply_turn(self, name: str, voice_id: str, value: Value) -> None:
        if CONTROLS[name].per_voice:
            change: dict[str, Any] = {name: value}
            self._settings.voices[voice_id] = replace(self.of(voice_id), **change)
        else:
            setattr(self._settings.shared, name, value)
        self._refresh()

    def _refresh(self) -> None:
        self._session.send(self.applied(self._session.params))
        self._session.remember()
