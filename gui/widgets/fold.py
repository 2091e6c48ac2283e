"""A group under a heading that folds it away."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from gui.icons import icon
from gui.widgets.buttons import THEME_EVENTS
from gui.widgets.text import ElidedLabel


class Fold(QWidget):
    """`toggled(open)`; put the group's rows into `body`. A note at the right says what a closed one hides."""

    toggled = Signal(bool)

    def __init__(self, title: str, is_open: bool) -> None:
        super().__init__()
        self._title = title
        self.head = QToolButton()
        self.head.setProperty("kind", "fold")
        self.head.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.head.setCheckable(True)
        self.head.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.note = ElidedLabel("", "accent")
        self.note.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._room = QWidget()
        self.body = QVBoxLayout(self._room)
        self.body.setContentsMargins(0, 0, 0, 4)
        self.body.setSpacing(3)
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(self.head)
        row.addWidget(self.note, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(1)
        column.addLayout(row)
        column.addWidget(self._room)
        self.head.toggled.connect(self._show)
        self.head.clicked.connect(self.toggled)
        self.head.setChecked(is_open)
        self._show(is_open)

    def set_title(self, title: str) -> None:
        """Changes the heading."""
        self._title = title
        self._show(self.head.isChecked())

    def show_note(self, text: str) -> None:
        """Says what a closed group hides; an open one says nothing."""
        self.note.setText("" if self.head.isChecked() else text)

    def changeEvent(self, event: QEvent) -> None:
        """Takes over a new theme."""
        if event.type() in THEME_EVENTS:
            self._draw_arrow()
        super().changeEvent(event)

    def _show(self, is_open: bool) -> None:
        title = self.head.fontMetrics().elidedText(self._title, Qt.TextElideMode.ElideRight, 150)
        self.head.setText(title)
        self.head.setAccessibleName(self._title)
        self.head.setToolTip(f"{'Fold away' if is_open else 'Unfold'} {self._title}")
        self._room.setVisible(is_open)
        if is_open:
            self.note.setText("")
        self._draw_arrow()

    def _draw_arrow(self) -> None:
        name = "chevron-down" if self.head.isChecked() else "chevron-right"
        self.head.setIcon(icon(name, "text_muted", 14))
