"""The sheet of shortcuts."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from gui.widgets.buttons import PushButton
from gui.widgets.text import label

NATIVE = QKeySequence.SequenceFormat.NativeText
SHORTCUTS = (
    ("Space, F5, Ctrl+R", "Start or stop"),
    ("1", "Call hears the converted voice"),
    ("2", "Call hears your own voice"),
    ("3", "Call hears nothing"),
    ("M", "What you hear: off, own, converted"),
    ("H (hold)", "Hear the other signal"),
    ("Ctrl+F", "Search voices"),
    ("Enter", "Switch to the voice in focus"),
    ("F", "Favourite the voice in focus"),
    ("Ctrl+1 … 9", "The pages"),
    ("Alt+1 … 4", "Recall a snapshot, or fill an empty one"),
    ("Alt+Shift+1 … 4", "Store a snapshot"),
    ("Ctrl+Z, Ctrl+Shift+Z", "Undo, redo"),
    ("Arrows, Page keys", "Turn the slider in focus, a little or a lot"),
    ("Delete", "Reset the slider in focus"),
    ("Ctrl+Shift+O", "Overlay on or off"),
    ("Ctrl+T", "Light or dark"),
    ("F1", "This sheet"),
)


class ShortcutSheet(QDialog):
    """Lists every key that does something."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Shortcuts")
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 20, 24, 20)
        column.setSpacing(16)
        column.addWidget(label("Shortcuts", "value"))
        grid = QGridLayout()
        grid.setHorizontalSpacing(24)
        grid.setVerticalSpacing(8)
        for row, (keys, what) in enumerate(SHORTCUTS):
            caps = QHBoxLayout()
            caps.setSpacing(6)
            for key in keys.split(", "):
                caps.addWidget(label(QKeySequence(key).toString(NATIVE) or key, "key"))
            caps.addStretch(1)
            grid.addLayout(caps, row, 0)
            grid.addWidget(label(what), row, 1)
        column.addLayout(grid)
        close = PushButton("Close", "primary")
        close.clicked.connect(self.accept)
        column.addWidget(close, alignment=Qt.AlignmentFlag.AlignRight)
