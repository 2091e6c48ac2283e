"""The waveform of one recording: click to go there."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui.lanes import WAVE_EXPONENT
from gui.theme import current

STEP_S = 5.0


class WaveStrip(QWidget):
    """`sought(seconds)`: a click, or an arrow key for `STEP_S`."""

    sought = Signal(float)

    def __init__(self) -> None:
        super().__init__()
        self._peaks: NDArray[np.float32] = np.zeros(0, np.float32)
        self._seconds = 0.0
        self._position = 0.0
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Position in the recording")
        self.setToolTip("Click to go there; the arrow keys move five seconds")

    def sizeHint(self) -> QSize:
        """A small strip."""
        return QSize(400, 64)

    def show_peaks(self, peaks: NDArray[np.float32], seconds: float) -> None:
        """Shows another recording: (columns,) highest samples, empty for none yet."""
        self._peaks, self._seconds, self._position = peaks, seconds, 0.0
        self.update()

    def show_position(self, seconds: float) -> None:
        """Moves the playhead."""
        before, self._position = self._x(self._position), seconds
        if round(before) != round(self._x(seconds)):
            self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Goes there."""
        if event.button() == Qt.MouseButton.LeftButton and self._seconds:
            self.sought.emit(min(max(0.0, event.position().x() / self.width()), 1.0) * self._seconds)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Moves."""
        steps = {Qt.Key.Key_Left: -STEP_S, Qt.Key.Key_Right: STEP_S}
        step = steps.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
        elif self._seconds:
            self.sought.emit(min(max(0.0, self._position + step), self._seconds))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws what was played stronger than what is to come."""
        theme, painter = current(), QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(theme.focus), 2) if self.hasFocus() else Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.sunken))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 7, 7)
        painter.setPen(Qt.PenStyle.NoPen)
        head = self._x(self._position)
        for colour, left, right in (
            (theme.output, 0.0, head),
            (theme.border_strong, head, float(self.width())),
        ):
            painter.setClipRect(QRectF(left, 0, right - left, self.height()))
            painter.setBrush(QColor(colour))
            painter.drawPolygon(self._outline())
        painter.end()

    def _x(self, seconds: float) -> float:
        return 0.0 if not self._seconds else seconds / self._seconds * self.width()

    def _outline(self) -> QPolygonF:
        count, middle = len(self._peaks), self.height() / 2
        if not count:
            return QPolygonF()
        reach = np.maximum(0.5, np.minimum(self._peaks, 1) ** WAVE_EXPONENT * (middle - 6))
        x = np.linspace(4, self.width() - 4, count)
        upper = [QPointF(a, middle - b) for a, b in zip(x, reach, strict=True)]
        lower = [QPointF(a, middle + b) for a, b in zip(x[::-1], reach[::-1], strict=True)]
        return QPolygonF(upper + lower)
