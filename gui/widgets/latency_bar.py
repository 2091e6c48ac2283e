"""The latency as a stacked bar of its parts, and its history as a sparkline."""

from __future__ import annotations

from collections import deque

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui.theme import current, font
from inference.engine.latency import LatencyBudget

PARTS = (
    ("device_in", "Device in", "What the audio system reports for the microphone"),
    ("ring_in", "Ring", "Device block and input ring"),
    ("hop", "Hop", "Filling one step of the converter"),
    ("lookahead", "Look-ahead", "Resamplers, converter and limiter"),
    ("compute_p99", "Compute", "Time that 99 of 100 steps stay under (p99)"),
    ("margin", "Margin", "Safety pre-fill of the output ring"),
    ("device_out", "Device out", "What the audio system reports for the output"),
)
GOAL_MS, LIMIT_MS = 50.0, 100.0
CELL_MIN, ROW, LEGEND_TOP = 82, 34, 36


class LatencyBar(QWidget):
    """A stacked bar, on which the goal is marked, and a legend with numbers."""

    def __init__(self) -> None:
        super().__init__()
        self._budget = LatencyBudget()
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy = self.sizePolicy()
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setAccessibleName("Latency by part")
        self.setToolTip("\n".join(f"{name}: {tip}" for _, name, tip in PARTS))

    def hasHeightForWidth(self) -> bool:
        """The legend wraps."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Bar and the legend's rows."""
        return LEGEND_TOP + -(-len(PARTS) // self._cells(width)) * ROW

    def sizeHint(self) -> QSize:
        """One legend row."""
        return QSize(420, LEGEND_TOP + ROW)

    def minimumSizeHint(self) -> QSize:
        """Two legend rows."""
        return QSize(260, LEGEND_TOP + ROW)

    def show_budget(self, budget: LatencyBudget) -> None:
        """Shows a budget."""
        if budget != self._budget:
            self._budget = budget
            parts = ", ".join(f"{name} {getattr(budget, key):.1f} ms" for key, name, _ in PARTS)
            self.setAccessibleDescription(f"{parts}; total {budget.total:.1f} ms")
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws all of it; happens a few times a second at most."""
        theme = current()
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(theme.surface))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_bar(painter)
        cells = self._cells(self.width())
        width = self.width() / cells
        for i, (key, name, _) in enumerate(PARTS):
            box = QRectF(i % cells * width, LEGEND_TOP + i // cells * ROW, width, ROW)
            self._paint_entry(painter, box, theme.parts[i], name, getattr(self._budget, key))
        painter.end()

    def _cells(self, width: int) -> int:
        fitting = max(1, min(len(PARTS), width // CELL_MIN))
        return fitting if fitting == len(PARTS) else min(fitting, 4)

    def _paint_bar(self, painter: QPainter) -> None:
        theme, width = current(), float(self.width())
        scale = width / max(GOAL_MS * 1.2, self._budget.total * 1.04)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.sunken if theme.dark else theme.border))
        painter.drawRoundedRect(QRectF(0, 2, width, 16), 5, 5)
        x = 0.0
        for colour, (key, _, _) in zip(theme.parts, PARTS, strict=True):
            part = max(0.0, getattr(self._budget, key)) * scale
            if part > 0.5:
                painter.setBrush(QColor(colour))
                painter.drawRoundedRect(QRectF(x, 2, max(1.5, part - 1.5), 16), 3, 3)
            x += part
        goal = GOAL_MS * scale
        painter.setPen(QPen(QColor(theme.text_muted), 1, Qt.PenStyle.DashLine))
        painter.drawLine(QPointF(goal, 0), QPointF(goal, 21))
        painter.setFont(font(10))
        painter.setPen(QColor(theme.text_muted))
        painter.drawText(QRectF(goal - 80, 19, 78, 12), Qt.AlignmentFlag.AlignRight, f"goal {GOAL_MS:.0f} ms")

    def _paint_entry(self, painter: QPainter, box: QRectF, colour: str, name: str, ms: float) -> None:
        theme = current()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colour))
        painter.drawRoundedRect(QRectF(box.x(), box.y() + 5, 8, 8), 2, 2)
        painter.setFont(font(11))
        painter.setPen(QColor(theme.text_muted))
        painter.drawText(box.adjusted(13, 0, 0, 0), Qt.AlignmentFlag.AlignTop, name)
        painter.setFont(font(12, font().Weight.DemiBold))
        painter.setPen(QColor(theme.text))
        painter.drawText(
            box.adjusted(13, 15, 0, 0),
            Qt.AlignmentFlag.AlignTop,
            f"{ms:.1f} ms" if self._budget.total else "–",
        )


class Sparkline(QWidget):
    """The total of the last minutes; a red mark where audio was lost."""

    LENGTH = 240

    def __init__(self) -> None:
        super().__init__()
        self._totals: deque[float] = deque(maxlen=self.LENGTH)
        self._marks: deque[bool] = deque(maxlen=self.LENGTH)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMinimumSize(72, 40)
        self.setAccessibleName("Latency history")
        self.setToolTip("Total latency over the last two minutes; red marks are dropouts")

    def add(self, total_ms: float, lost: bool) -> None:
        """Adds a reading."""
        self._totals.append(total_ms)
        self._marks.append(lost)
        self.update()

    def clear(self) -> None:
        """Forgets the past."""
        self._totals.clear()
        self._marks.clear()
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws ground, marks and line."""
        theme = current()
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(theme.surface))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.sunken))
        painter.drawRoundedRect(QRectF(self.rect()), 6, 6)
        top = max(GOAL_MS * 1.3, max(self._totals, default=0.0) * 1.1)
        self._paint_goal(painter, top)
        step = (self.width() - 8) / (self.LENGTH - 1)
        x0 = self.width() - 4 - step * (len(self._totals) - 1)
        for i, lost in enumerate(self._marks):
            if lost:
                painter.fillRect(QRectF(x0 + i * step - 1, 4, 2, self.height() - 8), QColor(theme.danger))
        room = self.height() - 8
        line = QPolygonF(
            [QPointF(x0 + i * step, 4 + room * (1 - v / top)) for i, v in enumerate(self._totals)]
        )
        painter.setPen(QPen(QColor(theme.output), 1.6))
        painter.drawPolyline(line)
        painter.end()

    def _paint_goal(self, painter: QPainter, top: float) -> None:
        y = 4 + (self.height() - 8) * (1 - GOAL_MS / top)
        painter.setPen(QPen(QColor(current().border_strong), 1, Qt.PenStyle.DashLine))
        painter.drawLine(QPointF(4, y), QPointF(self.width() - 4, y))
