"""A horizontal level meter in dB with peak hold."""

from __future__ import annotations

from math import log10
from time import monotonic

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui.theme import current, font

FLOOR_DB = -60.0
HOLD_SECONDS, FALL_DB_PER_SECOND = 1.5, 20.0
MARKS_DB = (-60, -48, -36, -24, -12, -6, 0)
FEW_MARKS_DB, FEW_WIDTH = (-60, -36, -12, 0), 200
"""What a meter narrower than this (px) is labelled with."""
LEAST_MARKS_DB, LEAST_WIDTH = (-60, -24, 0), 120
CLIP = 0.999


def decibels(amplitude: float) -> float:
    """Returns dB of full scale, `FLOOR_DB` at least."""
    return max(FLOOR_DB, 20.0 * log10(amplitude)) if amplitude > 0 else FLOOR_DB


class PeakHold:
    """A peak that stands for a while, then falls."""

    def __init__(self) -> None:
        self.db = FLOOR_DB
        self._since = 0.0
        self._last = 0.0

    def update(self, db: float, now: float) -> float:
        """Takes a reading at `now` seconds and returns the peak to show."""
        if db >= self.db:
            self.db, self._since = db, now
        elif now - self._since > HOLD_SECONDS:
            self.db = max(db, FLOOR_DB, self.db - FALL_DB_PER_SECOND * max(0.0, now - self._last))
        self._last = now
        return self.db


class LevelMeter(QWidget):
    """Body: RMS; pale body: peak; line: peak hold. Repaints only when a pixel changes."""

    def __init__(self, name: str, role: str, scale: bool = True) -> None:
        super().__init__()
        self._role, self._scale = role, scale
        self._hold = PeakHold()
        self._shown = (0, 0, 0)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(name)

    def sizeHint(self) -> QSize:
        """Bar and scale."""
        return QSize(180, 30 if self._scale else 14)

    @property
    def peak_db(self) -> float:
        """The peak that is held, dB of full scale."""
        return self._hold.db

    def show_level(self, peak: float, rms: float) -> None:
        """Shows a reading, linear."""
        held = self._hold.update(decibels(peak), monotonic())
        shown = (self._x(decibels(rms)), self._x(decibels(peak)), self._x(held))
        if shown != self._shown:
            self._shown = shown
            self.update(0, 0, self.width(), 14)

    def fall_silent(self) -> None:
        """Empties the meter at once, the peak that is held too."""
        self._hold = PeakHold()
        self.show_level(0.0, 0.0)

    def _x(self, db: float) -> int:
        return round((db - FLOOR_DB) / -FLOOR_DB * (self.width() - 2))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws bar and, where exposed, the scale."""
        theme = current()
        painter = QPainter(self)
        painter.fillRect(event.rect(), QColor(theme.surface))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.sunken if theme.dark else theme.border))
        painter.drawRoundedRect(QRectF(0, 1, self.width(), 12), 4, 4)
        rms, peak, held = self._shown
        pale = QColor(getattr(theme, self._role))
        pale.setAlphaF(0.42)
        self._bar(painter, peak, pale)
        self._bar(painter, rms, QColor(getattr(theme, self._role)))
        if held > 2:
            loud = self._hold.db
            role = theme.danger if loud > -1 else theme.warning if loud > -6 else theme.text
            painter.fillRect(QRectF(held - 1, 2, 2, 10), QColor(role))
        if self._scale and event.rect().bottom() > 14:
            self._paint_scale(painter)
        painter.end()

    def _bar(self, painter: QPainter, right: int, colour: QColor) -> None:
        if right > 1:
            painter.setBrush(colour)
            painter.drawRoundedRect(QRectF(1, 2, right, 10), 3, 3)

    def _paint_scale(self, painter: QPainter) -> None:
        painter.setFont(font(10))
        painter.setPen(QColor(current().text_muted))
        few = FEW_MARKS_DB if self.width() >= LEAST_WIDTH else LEAST_MARKS_DB
        for db in MARKS_DB if self.width() >= FEW_WIDTH else few:
            box = QRectF(self._x(db) - 16, 15, 32, 14)
            align = Qt.AlignmentFlag.AlignHCenter
            if db == FLOOR_DB:
                box, align = QRectF(0, 15, 32, 14), Qt.AlignmentFlag.AlignLeft
            elif db == 0:
                box, align = QRectF(self.width() - 32, 15, 32, 14), Qt.AlignmentFlag.AlignRight
            painter.drawText(box, align, f"{db}".replace("-", "−"))
