"""Sliders for the voice and for the microphone, with undo and redo."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QUndoStack
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from gui.tuning import KNOB_BY_NAME, KNOBS
from gui.widgets.buttons import IconButton
from gui.widgets.knob_row import KnobRow
from gui.widgets.text import ElidedLabel, label
from inference.engine.messages import EngineParams
from voices.voice import Voice


class TuningPanel(QWidget):
    """`turned(knob, value)` for each change of the user."""

    turned = Signal(str, float)

    def __init__(self, stack: QUndoStack) -> None:
        super().__init__()
        self.rows = {knob.name: KnobRow(knob) for knob in KNOBS}
        self.undo = IconButton("undo", "Undo (Ctrl+Z)", 16)
        self.redo = IconButton("redo", "Redo (Ctrl+Shift+Z)", 16)
        self._for = ElidedLabel("", "section")
        self.undo.clicked.connect(stack.undo)
        self.redo.clicked.connect(stack.redo)
        stack.canUndoChanged.connect(self.undo.setEnabled)
        stack.canRedoChanged.connect(self.redo.setEnabled)
        self.undo.setEnabled(stack.canUndo())
        self.redo.setEnabled(stack.canRedo())
        self._lay_out()
        for name, row in self.rows.items():
            row.turned.connect(lambda value, n=name: self.turned.emit(n, value))

    def show_params(self, params: EngineParams) -> None:
        """Shows the values in use."""
        for name, row in self.rows.items():
            owner = params.tuning if KNOB_BY_NAME[name].per_voice else params
            row.show_value(getattr(owner, name))

    def show_voice(self, voice: Voice | None) -> None:
        """Says which voice the values are remembered for."""
        self._for.setText(f"For {voice.name}" if voice else "For this voice")

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(2)
        head.addWidget(self._for, 1)
        head.addWidget(self.undo)
        head.addWidget(self.redo)
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 0, 14, 12)
        column.setSpacing(5)
        column.addLayout(head)
        for knob in KNOBS:
            if knob.per_voice:
                column.addWidget(self.rows[knob.name])
        rule = QFrame()
        rule.setObjectName("rule")
        column.addWidget(rule)
        column.addWidget(label("For your microphone", "section"))
        for knob in KNOBS:
            if not knob.per_voice:
                column.addWidget(self.rows[knob.name])
        column.addStretch(1)
