"""What the steps of the page share: a card with a number and a heading."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from gui.theme import current
from gui.widgets.text import label


class StepCard(QFrame):
    """A numbered part of the page; its widgets go into `body`, what stands beside the heading into `head`."""

    def __init__(self, number: int, title: str) -> None:
        super().__init__()
        self.setObjectName("hint")
        self.setAccessibleName(f"Step {number}: {title}")
        mark = label(str(number), "step")
        mark.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.head = QHBoxLayout()
        self.head.setSpacing(8)
        self.head.addWidget(mark)
        self.head.addWidget(label(title, "panel"), 1)
        self.body = QVBoxLayout()
        self.body.setSpacing(8)
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 12, 14, 14)
        column.setSpacing(10)
        column.addLayout(self.head)
        column.addLayout(self.body, 1)


def field(name: str, widget: QWidget) -> tuple[QLabel, QWidget]:
    """A widget with the caption that names it."""
    caption = label(name, "section")
    caption.setBuddy(widget)
    widget.setAccessibleName(name)
    return caption, widget


class GoalBar(QWidget):
    """How much speech there is: a bar up to the goal, with a mark where it is enough."""

    def __init__(self, name: str, enough_s: float, goal_s: float) -> None:
        super().__init__()
        self._enough, self._goal = enough_s, goal_s
        self._seconds = 0.0
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    @property
    def seconds(self) -> float:
        """What is shown."""
        return self._seconds

    def show_seconds(self, seconds: float) -> None:
        """Shows seconds of speech."""
        if abs(seconds - self._seconds) > 0.05 or (seconds == 0) != (self._seconds == 0):
            self._seconds = seconds
            self.setAccessibleDescription(f"{seconds:.0f} of {self._goal:.0f} seconds of speech")
            self.update()

    def sizeHint(self) -> QSize:
        """A thin line."""
        return QSize(120, 8)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws ground, bar and mark."""
        theme = current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.border))
        painter.drawRoundedRect(QRectF(0, 1, self.width(), 6), 3, 3)
        share = min(1.0, self._seconds / self._goal)
        if share > 0:
            painter.setBrush(QColor(theme.live if self._seconds >= self._enough else theme.accent))
            painter.drawRoundedRect(QRectF(0, 1, max(6.0, share * self.width()), 6), 3, 3)
        painter.setBrush(QColor(theme.text_muted))
        painter.drawRect(QRectF(self.width() * self._enough / self._goal - 0.5, 0, 1, 8))
        painter.end()
