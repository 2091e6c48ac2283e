"""A tick box that can be seen on every ground; the system's own has no outline in a dark theme."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QCheckBox, QSizePolicy

from gui.icons import draw
from gui.theme import current

SIZE = 18


class TickBox(QCheckBox):
    """The box alone; `name` is what screen readers say and its tooltip."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setToolTip(name)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """A square."""
        return QSize(SIZE, SIZE)

    def minimumSizeHint(self) -> QSize:
        """As the size hint."""
        return self.sizeHint()

    def hitButton(self, _: object) -> bool:
        """All of it can be clicked."""
        return True

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws box, tick and focus ring."""
        theme = current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ticked = self.isChecked()
        # On whole pixels either way: a line of one pixel that lies across two is half as dark.
        edge, width = (1.0, 2.0) if self.hasFocus() else (1.5, 1.0)
        usual = (theme.accent if ticked else theme.text_muted) if self.isEnabled() else theme.text_disabled
        painter.setPen(QPen(QColor(theme.focus if self.hasFocus() else usual), width))
        painter.setBrush(QColor(theme.sunken if not ticked else usual))
        painter.drawRoundedRect(QRectF(edge, edge, SIZE - 2 * edge, SIZE - 2 * edge), 4, 4)
        if ticked:
            colour = theme.on_accent if self.isEnabled() else theme.surface
            draw(painter, "check", QRectF(2, 2, SIZE - 4, SIZE - 4), colour)
        painter.end()
