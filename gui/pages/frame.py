"""What the pages beside Live share: a heading, a line that says what the page is for, and room below."""

from __future__ import annotations

from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from gui.widgets.dock import panel_area
from gui.widgets.text import label

EDGE = 20


def section(title: str) -> tuple[QFrame, QVBoxLayout]:
    """A group with a heading: its frame and the column below the heading."""
    frame = QFrame()
    frame.setObjectName("group")
    column = QVBoxLayout(frame)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(8)
    column.addWidget(label(title, "panel"))
    return frame, column


class PageFrame(QFrame):
    """A card with a heading; add the page's own widgets to `body`, buttons of the heading to `head`.

    >>> class EnginePage(PageFrame):
    ...     def __init__(self, session: Session) -> None:
    ...         super().__init__("Engine", "Which processor speaks, and how fast.")
    ...         self.body.addWidget(table, 1)
    """

    def __init__(self, title: str, purpose: str, scrolls: bool = False) -> None:
        """`scrolls`: the body may be higher than the window."""
        super().__init__()
        self.setObjectName("card")
        self.title = label(title, "title")
        self.purpose = label(purpose, "caption")
        self.head = QHBoxLayout()
        self.head.setSpacing(8)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self.title)
        words.addWidget(self.purpose)
        self.head.addLayout(words, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(EDGE, 16, EDGE, 16)
        column.setSpacing(14)
        column.addLayout(self.head)
        room = QWidget()
        self.body = QVBoxLayout(room)
        self.body.setContentsMargins(0, 0, 0, 0)
        self.body.setSpacing(12)
        self.area = panel_area(room) if scrolls else None
        column.addWidget(self.area or room, 1)
