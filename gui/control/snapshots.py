"""Four sounds to go back and forth between: a voice each, and what was made of it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from gui.settings import Snapshot
from gui.tuning import CONTROLS, Change, Knob

if TYPE_CHECKING:
    from gui.session import Session

SLOTS = ("A", "B", "C", "D")


class SnapshotController(QObject):
    """Owns the snapshots in the settings. `changed`: another slot is active, filled, or left behind."""

    changed = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self._stored = session.store.settings.snapshots
        self.active = ""
        session.params_changed.connect(lambda _: self.changed.emit())
        session.voice_changed.connect(lambda _: self.changed.emit())
        session.library.changed.connect(self.changed)

    def stored(self, slot: str) -> Snapshot | None:
        """Returns what a slot holds; None where it is empty or its voice is gone."""
        snapshot = self._stored.get(slot)
        known = snapshot and self._session.library.find(snapshot.voice_id)
        return snapshot if known else None

    def is_changed(self) -> bool:
        """Whether the sound in use differs from that of the active slot."""
        stored = self.stored(self.active)
        return stored is not None and stored != self._now()

    def describe(self, slot: str) -> str:
        """Returns voice and tuning of a slot in words, "" where it is empty."""
        stored = self.stored(slot)
        voice = self._session.library.find(stored.voice_id) if stored else None
        if stored is None or voice is None:
            return ""
        values = (
            f"{c.label} {round(getattr(stored.tuning, c.name) * c.shown, 1):g} {c.unit}"
            for c in CONTROLS.values()
            if isinstance(c, Knob) and c.per_voice and getattr(stored.tuning, c.name) != c.default
        )
        return ", ".join([voice.name, *values])

    def press(self, slot: str) -> None:
        """Recalls a slot; an empty one takes what is heard now."""
        if self.stored(slot):
            self.recall(slot)
        else:
            self.store(slot)

    def store(self, slot: str) -> None:
        """Keeps voice and tuning in a slot, as an undoable step."""
        self._change(slot, self._now(), f"Store snapshot {slot}")
        self._activate(slot)

    def clear(self, slot: str) -> None:
        """Empties a slot, as an undoable step."""
        self._change(slot, None, f"Clear snapshot {slot}")

    def recall(self, slot: str) -> None:
        """Goes back to the voice and the tuning of a slot; does nothing for an empty one."""
        snapshot = self.stored(slot)
        if snapshot is None:
            return
        if snapshot.voice_id != self._session.voice_id:
            self._session.choose_voice(snapshot.voice_id)
        self._session.tuning.use(snapshot.voice_id, snapshot.tuning, f"Recall snapshot {slot}")
        self._activate(slot)

    def _now(self) -> Snapshot:
        voice_id = self._session.voice_id
        return Snapshot(voice_id, self._session.tuning.of(voice_id))

    def _change(self, slot: str, new: Snapshot | None, what: str) -> None:
        old = self._stored.get(slot)
        if new != old:
            self._session.undo.push(Change(what, old, new, partial(self._set, slot)))

    def _set(self, slot: str, snapshot: Any) -> None:
        if snapshot is None:
            self._stored.pop(slot, None)
        else:
            self._stored[slot] = snapshot
        self._session.remember()
        self.changed.emit()

    def _activate(self, slot: str) -> None:
        self.active = slot
        self.changed.emit()
