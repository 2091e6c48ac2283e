"""A small display above all windows: what the call hears, how loud, how late."""

from __future__ import annotations

from contextlib import suppress

from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt, QTimer
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetrics,
    QGuiApplication,
    QHideEvent,
    QMouseEvent,
    QMoveEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QShowEvent,
)
from PySide6.QtWidgets import QWidget

from gui.control.call import CallAction
from gui.session import Session
from gui.theme import CAPTION_PX, current, font
from gui.tray import state_role
from gui.widgets.level_meter import FLOOR_DB, decibels
from inference.engine.messages import Mode

READ_MS = 100
SIZE = QSize(216, 56)
_EDGE, _BAR = 12, 6
_MARGIN = 24
"""Distance from the corner of the screen where it first appears."""
_FARTHEST = 1 << 20
"""No desktop is so wide; Qt takes no number of any size."""

_WORDS = {Mode.MUTE: "muted", Mode.BYPASS: "your own voice"}
_TIP = "Drag to move, double-click for the window"

Flag = Qt.WindowType


class Hud(QWidget):
    """Takes no focus; drawn at most 10 times a second, and only where something changed.

    Its place is remembered; whether it is wanted too, by `toggle`.
    """

    def __init__(self, session: Session) -> None:
        super().__init__(None, Flag.Tool | Flag.FramelessWindowHint | Flag.WindowStaysOnTopHint)
        self.setWindowFlag(Flag.WindowDoesNotAcceptFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_TranslucentBackground)
        self.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
        self.setWindowTitle("Menura overlay")
        self.setToolTip(_TIP)
        self.setFixedSize(SIZE)
        self._session = session
        self._grip: QPoint | None = None
        self._shown: tuple[str, str, str, int] = ("", "", "", 0)
        self._timer = QTimer(self)
        self._timer.setInterval(READ_MS)
        self._timer.timeout.connect(self.refresh)
        session.call.hud_wanted.connect(self.toggle)
        self.move(self._place())

    def toggle(self) -> None:
        """Shows or hides it, also at the next start."""
        self._session.store.settings.call.hud = not self.isVisible()
        self.setVisible(not self.isVisible())
        self._session.remember()

    def refresh(self) -> None:
        """Reads the engine and paints what changed."""
        shown = self._read()
        if shown == self._shown:
            return
        words = shown[:3] != self._shown[:3]
        self._shown = shown
        self.setAccessibleName(f"{shown[0]}, {shown[1]} {shown[2]}")
        if words:
            self.update()
        else:
            self.update(0, self.height() // 2, self.width(), self.height() // 2)

    def _read(self) -> tuple[str, str, str, int]:
        """(voice, what else there is to say, latency, length of the level's bar in px)."""
        session = self._session
        name = session.voice.name if session.voice else ""
        if not session.running:
            return name, "stopped", "", 0
        words = _WORDS.get(session.params.mode, "")
        telemetry = session.engine.telemetry() if session.engine else None
        if telemetry is None or not telemetry.running:
            return name, words or "starting", "", 0
        share = (decibels(telemetry.output_rms) - FLOOR_DB) / -FLOOR_DB
        return name, words, f"{telemetry.latency.total:.0f} ms", round(share * (self.width() - 2 * _EDGE))

    def paintEvent(self, _: QPaintEvent) -> None:
        """One card: dot, voice, latency; below, the level or why there is none."""
        theme, role = current(), state_role(self._session)
        name, words, latency, bar = self._shown
        own = role == "danger"
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(theme.danger if own else theme.border_strong), 2 if own else 1))
        painter.setBrush(QColor(theme.surface))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 8, 8)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(getattr(theme, role)))
        painter.drawEllipse(QPointF(_EDGE + 4, 18), 4, 4)
        figures = font(CAPTION_PX)
        taken = QFontMetrics(figures).horizontalAdvance(latency)
        self._text(
            painter, QRectF(_EDGE, 8, self.width() - 2 * _EDGE, 20), latency, figures, "text_muted", True
        )
        bold = font(weight=QFont.Weight.DemiBold)
        room = self.width() - 3 * _EDGE - 12 - taken
        fitted = QFontMetrics(bold).elidedText(name, Qt.TextElideMode.ElideRight, room)
        self._text(painter, QRectF(_EDGE + 16, 8, room, 20), fitted, bold, "text")
        below = QRectF(_EDGE, 36, self.width() - 2 * _EDGE, _BAR)
        if words:
            self._text(
                painter, below.adjusted(16, -6, 0, 6), words, figures, "danger" if own else "text_muted"
            )
        else:
            self._bar(painter, below, bar)
        painter.end()

    def _bar(self, painter: QPainter, box: QRectF, length: int) -> None:
        theme = current()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.sunken if theme.dark else theme.border))
        painter.drawRoundedRect(box, 3, 3)
        if length > 2:
            painter.setBrush(QColor(theme.output))
            painter.drawRoundedRect(QRectF(box.left(), box.top(), length, box.height()), 3, 3)

    def _text(
        self, painter: QPainter, box: QRectF, words: str, face: QFont, role: str, right: bool = False
    ) -> None:
        painter.setFont(face)
        painter.setPen(QColor(getattr(current(), role)))
        side = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
        painter.drawText(box, side | Qt.AlignmentFlag.AlignVCenter, words)

    def showEvent(self, event: QShowEvent) -> None:
        """Begins to read."""
        super().showEvent(event)
        self.refresh()
        self._timer.start()

    def hideEvent(self, event: QHideEvent) -> None:
        """Costs nothing any more."""
        super().hideEvent(event)
        self._timer.stop()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Takes hold of it; the window system moves it where it can, as Wayland wants."""
        if event.button() == Qt.MouseButton.LeftButton:
            handle = self.windowHandle()
            moves = handle is not None and handle.startSystemMove()
            self._grip = None if moves else event.position().toPoint()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Moves it."""
        if self._grip is not None:
            self.move(event.globalPosition().toPoint() - self._grip)

    def mouseReleaseEvent(self, _: QMouseEvent) -> None:
        """Lets go."""
        self._grip = None

    def mouseDoubleClickEvent(self, _: QMouseEvent) -> None:
        """Brings the window."""
        self._session.call.do(CallAction.SHOW)

    def moveEvent(self, event: QMoveEvent) -> None:
        """Remembers the place."""
        super().moveEvent(event)
        if self.isVisible():
            self._session.store.settings.call.hud_at = f"{self.x()},{self.y()}"
            self._session.remember()

    def _place(self) -> QPoint:
        """Where it was left, if that is still on a screen; else the upper right corner."""
        x, _, y = self._session.store.settings.call.hud_at.partition(",")
        with suppress(ValueError):
            at = QPoint(*(max(-_FARTHEST, min(int(part), _FARTHEST)) for part in (x, y)))
            middle = at + QPoint(self.width() // 2, self.height() // 2)
            if QGuiApplication.screenAt(middle):
                return at
        room = QGuiApplication.primaryScreen().availableGeometry()
        return QPoint(room.right() - self.width() - _MARGIN, room.top() + _MARGIN)
