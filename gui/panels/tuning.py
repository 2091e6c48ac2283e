"""The sound of the voice in use: snapshots, presets, and sliders in groups that fold."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QUndoStack
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from gui.control.snapshots import SLOTS
from gui.tuning import CONTROLS, GROUPS, MATCH_PITCH, Control, Group, Knob
from gui.widgets.buttons import IconButton, PushButton
from gui.widgets.fold import Fold
from gui.widgets.knob_row import KnobRow
from gui.widgets.name_dialog import NameDialog
from gui.widgets.select import Select
from gui.widgets.snapshot_bar import SnapshotBar
from gui.widgets.switch import SwitchBox
from gui.widgets.text import tip
from inference.engine.messages import EngineParams
from inference.reach import idle_sliders, lacks_pitch
from voices.tuning import Tuning
from voices.voice import Voice

AS_IT_CAME, CHANGED = "As it came", "Changed"


class TuningPanel(QWidget):
    """`turned(control, value)` for each change of the user; presets by name, "" is as the voice came."""

    turned = Signal(str, object)
    preset_chosen = Signal(str)
    preset_saved = Signal(str)
    preset_deleted = Signal(str)
    folded = Signal(str, bool)
    pitch_wanted = Signal()
    """The user knows where the voice in use speaks, or has a recording of it."""

    def __init__(self, stack: QUndoStack, folds: Mapping[str, bool]) -> None:
        super().__init__()
        self.rows: dict[str, KnobRow] = {}
        self.switches: dict[str, SwitchBox] = {}
        self.snapshots = SnapshotBar(SLOTS)
        self.say_pitch = PushButton("Its usual pitch is not known: set it …", "link")
        self.presets = Select("Preset")
        self.save = IconButton("plus", "Save this sound as a preset of the voice", 16)
        self.delete = IconButton("trash", "Delete this preset", 16)
        self.undo = IconButton("undo", "Undo (Ctrl+Z)", 16)
        self.redo = IconButton("redo", "Redo (Ctrl+Shift+Z)", 16)
        self.groups = {group.id: self._make_group(group, folds) for group in GROUPS}
        self._tuning, self._original = Tuning(), Tuning()
        self._named: Mapping[str, Tuning] = {}
        self._connect(stack)
        self._lay_out()

    def show_params(self, params: EngineParams) -> None:
        """Shows the values in use."""
        values = {
            c.name: getattr(params.tuning if c.per_voice else params, c.name) for c in CONTROLS.values()
        }
        for name, row in self.rows.items():
            row.show_value(values[name])
        for name, switch in self.switches.items():
            switch.setChecked(values[name])
        for group in GROUPS:
            away = [c.label for c in group.controls if values[c.name] != c.default]
            self.groups[group.id].show_note(f"{len(away)} changed" if away else "")
        self._tuning = params.tuning
        self._show_presets()

    def show_voice(self, voice: Voice | None) -> None:
        """Says whose sound it is."""
        self.groups["voice"].set_title(voice.name if voice else "Voice")
        self._original = voice.tuning if voice else Tuning()
        idle = idle_sliders(voice) if voice else {"match_pitch": ""}
        for name, row in self.rows.items():
            row.set_idle(idle.get(name))
        for name, switch in self.switches.items():
            switch.set_idle(idle.get(name))
        self.say_pitch.setVisible(voice is not None and lacks_pitch(voice))

    def show_presets(self, named: Mapping[str, Tuning]) -> None:
        """Shows the presets of the voice in use."""
        self._named = dict(named)
        self._show_presets()

    def stops(self) -> list[QWidget]:
        """Returns what Tab goes through, from top to bottom."""
        found: list[QWidget] = [*self.snapshots.slots.values(), self.snapshots.store, self.presets]
        found += [self.save, self.delete, self.undo, self.redo]
        for group in GROUPS:
            found.append(self.groups[group.id].head)
            for control in group.controls:
                row = self.rows.get(control.name)
                found += row.stops() if row else [self.switches[control.name]]
                if control is MATCH_PITCH:
                    found.append(self.say_pitch)
        return found

    def sizeHint(self) -> QSize:
        """Wide enough for a row."""
        return QSize(264, super().sizeHint().height())

    def _show_presets(self) -> None:
        items: list[tuple[str, object]] = [(AS_IT_CAME, ""), *((name, name) for name in self._named)]
        chosen = next((name for name, tuning in self._named.items() if tuning == self._tuning), None)
        if self._tuning == self._original:
            chosen = chosen or ""
        if chosen is None:
            items.append((CHANGED, None))
        self.presets.show_items(items, chosen)
        self.delete.setEnabled(bool(chosen))
        self.save.setEnabled(chosen is None)

    def _choose_preset(self, index: int) -> None:
        name = self.presets.itemData(index)
        if name is not None:
            self.preset_chosen.emit(name)

    def _ask_name(self) -> None:
        number = len(self._named) + 1
        NameDialog(self, "Save preset", "Save", f"Preset {number}", self.preset_saved.emit).open()

    def _make_group(self, group: Group, folds: Mapping[str, bool]) -> Fold:
        fold = Fold(group.title, folds.get(group.id, group.open))
        for control in group.controls:
            fold.body.addWidget(self._make_control(control))
            if control is MATCH_PITCH:
                fold.body.addWidget(self.say_pitch, alignment=Qt.AlignmentFlag.AlignLeft)
        fold.toggled.connect(lambda is_open, name=group.id: self.folded.emit(name, is_open))
        return fold

    def _make_control(self, control: Control) -> QWidget:
        if isinstance(control, Knob):
            row = self.rows[control.name] = KnobRow(control)
            row.turned.connect(lambda value, n=control.name: self.turned.emit(n, value))
            return row
        switch = self.switches[control.name] = SwitchBox(control.label, control.tip)
        switch.clicked.connect(lambda on, n=control.name: self.turned.emit(n, on))
        return switch

    def _connect(self, stack: QUndoStack) -> None:
        self.presets.activated.connect(self._choose_preset)
        self.save.clicked.connect(self._ask_name)
        self.say_pitch.clicked.connect(self.pitch_wanted)
        self.delete.clicked.connect(lambda: self.preset_deleted.emit(self.presets.currentData()))
        self.undo.clicked.connect(stack.undo)
        self.redo.clicked.connect(stack.redo)
        stack.canUndoChanged.connect(self.undo.setEnabled)
        stack.canRedoChanged.connect(self.redo.setEnabled)
        stack.undoTextChanged.connect(self._name_undo)
        stack.redoTextChanged.connect(self._name_redo)
        self.undo.setEnabled(stack.canUndo())
        self.redo.setEnabled(stack.canRedo())

    def _name_undo(self, what: str) -> None:
        self.undo.setToolTip(tip(f"Undo {what} (Ctrl+Z)"))

    def _name_redo(self, what: str) -> None:
        self.redo.setToolTip(tip(f"Redo {what} (Ctrl+Shift+Z)"))

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(2)
        head.addWidget(self.presets, 1)
        for button in (self.save, self.delete, self.undo, self.redo):
            head.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 0, 12, 8)
        column.setSpacing(4)
        column.addWidget(self.snapshots)
        column.addLayout(head)
        for group in self.groups.values():
            column.addWidget(group)
        column.addStretch(1)
