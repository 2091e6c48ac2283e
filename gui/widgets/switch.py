"""A switch that is on or off, with its name."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QCheckBox

from gui.theme import current

TRACK_WIDTH, TRACK_HEIGHT, GAP = 28.0, 16.0, 8


class SwitchBox(QCheckBox):
    """A check box that looks like a switch: name at the left, track at the right."""

    def __init__(self, text: str, tip: str) -> None:
        super().__init__(text)
        self._tip = tip
        self.set_idle(None)
        self.setMinimumHeight(24)

    def set_idle(self, reason: str | None) -> None:
        """Greys it out where it changes nothing, with the reason as its tip; None: it works."""
        self.setEnabled(reason is None)
        self.setToolTip(reason or self._tip)
        self.setStatusTip(reason or self._tip)

    def sizeHint(self) -> QSize:
        """Name and track."""
        width = self.fontMetrics().horizontalAdvance(self.text()) + GAP + TRACK_WIDTH + 4
        return QSize(round(width), 24)

    def minimumSizeHint(self) -> QSize:
        """The name may be elided."""
        return QSize(80, 24)

    def hitButton(self, _: object) -> bool:
        """The whole row can be clicked."""
        return True

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws name, track, handle and focus ring."""
        theme, y = current(), self.height() / 2
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QColor(theme.text if self.isEnabled() else theme.text_disabled))
        track = QRectF(self.width() - TRACK_WIDTH - 2, y - TRACK_HEIGHT / 2, TRACK_WIDTH, TRACK_HEIGHT)
        room = QRectF(0, 0, track.left() - GAP, self.height())
        name = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, int(room.width()))
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, name)
        on = self.isChecked() and self.isEnabled()
        painter.setPen(QPen(QColor(theme.focus), 2) if self.hasFocus() else Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.accent if on else theme.border_strong))
        painter.drawRoundedRect(track, TRACK_HEIGHT / 2, TRACK_HEIGHT / 2)
        x = track.right() - TRACK_HEIGHT / 2 if self.isChecked() else track.left() + TRACK_HEIGHT / 2
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.on_accent if on else theme.surface))
        painter.drawEllipse(QPointF(x, y), TRACK_HEIGHT / 2 - 3, TRACK_HEIGHT / 2 - 3)
        painter.end()
