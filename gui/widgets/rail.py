"""The navigation rail: one button a page, icon over label."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QButtonGroup, QFrame, QToolButton, QVBoxLayout, QWidget

from gui.icons import draw, icon
from gui.theme import current
from gui.widgets.buttons import THEME_EVENTS

WIDTH = 78
ICON = 20


class Entry(Protocol):
    """What the rail shows of a page."""

    @property
    def id(self) -> str:
        """Its name in signals."""

    @property
    def title(self) -> str:
        """Its label."""

    @property
    def icon(self) -> str:
        """A name in assets/icons."""


class RailButton(QToolButton):
    """A page's button; the page in front is in the accent colour."""

    def __init__(self, entry: Entry, key: str) -> None:
        super().__init__()
        self._icon = entry.icon
        self.setText(entry.title)
        self.setCheckable(True)
        self.setProperty("kind", "rail")
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        self.setIconSize(QSize(ICON, ICON))
        self.setFixedSize(WIDTH - 12, 54)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setToolTip(f"{entry.title} ({key})" if key else entry.title)
        self.setAccessibleName(f"Page {entry.title}")
        self.toggled.connect(self._refresh)
        self._refresh()

    def changeEvent(self, event: QEvent) -> None:
        """Takes over a new theme."""
        if event.type() in THEME_EVENTS:
            self._refresh()
        super().changeEvent(event)

    def _refresh(self) -> None:
        self.setIcon(icon(self._icon, "accent" if self.isChecked() else "text_muted", ICON))


class Mark(QWidget):
    """The product's mark."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedSize(30, 30)
        self.setToolTip("Menura")
        self.setAccessibleName("Menura")

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws it in the accent colour."""
        painter = QPainter(self)
        draw(painter, "logo", QRectF(self.rect()), current().accent)
        painter.end()


class Rail(QFrame):
    """`chosen(id)`: the user wants a page."""

    chosen = Signal(str)

    def __init__(self, entries: Sequence[Entry]) -> None:
        super().__init__()
        self.setObjectName("bar")
        self.setFixedWidth(WIDTH)
        self.setAccessibleName("Pages")
        self.buttons: dict[str, RailButton] = {}
        group = QButtonGroup(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(5, 14, 5, 8)
        column.setSpacing(4)
        column.addWidget(Mark(), alignment=Qt.AlignmentFlag.AlignHCenter)
        column.addSpacing(12)
        for number, entry in enumerate(entries, 1):
            button = RailButton(entry, f"Ctrl+{number}" if number < 10 else "")
            button.clicked.connect(lambda _=False, page=entry.id: self.chosen.emit(page))
            group.addButton(button)
            self.buttons[entry.id] = button
            column.addWidget(button, alignment=Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(1)

    def show_page(self, page_id: str) -> None:
        """Marks the page in front."""
        self.buttons[page_id].setChecked(True)
