"""The latency as a stacked bar of its parts, and its history as a sparkline."""

from __future__ import annotations

from collections import deque

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui.theme import current, font
from gui.widgets.plots import Axis, PlotView, StackedBar, still_box
from inference.engine.latency import LatencyBudget

PARTS = (
    ("device_in", "Device in", "What the audio system reports for the microphone"),
    ("ring_in", "Ring", "Device block, or what the microphone delivers at once"),
    ("hop", "Hop", "Filling one step of the converter, or a block of a Studio voice"),
    ("lookahead", "Look-ahead", "Resamplers, converter and limiter"),
    ("compute_p99", "Compute", "Time that 99 of 100 steps stay under (p99), or given to a block"),
    ("margin", "Margin", "Safety pre-fill of the output ring"),
    ("device_out", "Device out", "What the audio system reports for the output"),
)
GOAL_MS = 50.0
CELL_MIN, ROW, LEGEND_TOP = 82, 34, 36
BAR_ROOM, GOAL_PX = 20, 10


class BudgetPlot(PlotView):
    """The stacked bar over an axis in ms, on which the goal is marked."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._budget = LatencyBudget()
        self._box = still_box()
        self._bar = StackedBar()
        self._goal = pg.InfiniteLine(GOAL_MS, angle=90)
        self._axis = Axis("bottom", self._box, LEGEND_TOP - BAR_ROOM, offset=0, spill=0)
        self._box.addItem(self._bar, ignoreBounds=True)
        self._box.addItem(self._goal, ignoreBounds=True)
        self.ci.addItem(self._box, 0, 0)
        self.ci.addItem(self._axis, 1, 0)
        self.ci.layout.setRowFixedHeight(0, BAR_ROOM)

    def show_budget(self, budget: LatencyBudget) -> None:
        """Shows a budget."""
        self._budget = budget
        self.redraw()

    def rebuild(self) -> None:
        """Draws the parts; happens a few times a second at most."""
        super().rebuild()
        theme, room = current(), max(GOAL_MS * 1.2, self._budget.total * 1.04)
        self._box.setRange(xRange=(0, room), yRange=(-0.125, 1.125), padding=0)
        self._bar.show_parts(
            [(getattr(self._budget, key), c) for c, (key, _, _) in zip(theme.parts, PARTS, strict=True)], room
        )
        self._goal.setPen(pg.mkPen(theme.text_muted, style=Qt.PenStyle.DashLine))
        self._axis.show_marks([(GOAL_MS, f"goal {GOAL_MS:.0f} ms")], GOAL_PX)


class LatencyBar(QWidget):
    """A stacked bar, on which the goal is marked, and a legend with numbers."""

    def __init__(self) -> None:
        super().__init__()
        self._budget = LatencyBudget()
        self.plot = BudgetPlot(self)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
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

    def resizeEvent(self, event: object) -> None:
        """The bar is as wide as the legend."""
        self.plot.setGeometry(0, 0, self.width(), LEGEND_TOP)

    def show_budget(self, budget: LatencyBudget) -> None:
        """Shows a budget."""
        if budget != self._budget:
            self._budget = budget
            parts = ", ".join(f"{name} {getattr(budget, key):.1f} ms" for key, name, _ in PARTS)
            self.setAccessibleDescription(f"{parts}; total {budget.total:.1f} ms")
            self.plot.show_budget(budget)
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws the legend; happens a few times a second at most."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(current().surface))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        cells = self._cells(self.width())
        width = self.width() / cells
        for i, (key, name, _) in enumerate(PARTS):
            box = QRectF(i % cells * width, LEGEND_TOP + i // cells * ROW, width, ROW)
            self._paint_entry(painter, box, current().parts[i], name, getattr(self._budget, key))
        painter.end()

    def _cells(self, width: int) -> int:
        fitting = max(1, min(len(PARTS), width // CELL_MIN))
        return fitting if fitting == len(PARTS) else min(fitting, 4)

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
            # The sum with 0 keeps a tiny negative part from being "-0.0".
            f"{round(ms, 1) + 0.0:.1f} ms" if self._budget.total else "–",
        )


class Sparkline(PlotView):
    """The total of the last minutes; red marks along the foot where audio was lost."""

    LENGTH = 240
    MARK = 0.14
    """A mark's share of the height: a row of them leaves the line readable."""

    def __init__(self) -> None:
        super().__init__()
        self._totals: deque[float] = deque(maxlen=self.LENGTH)
        self._lost: deque[bool] = deque(maxlen=self.LENGTH)
        self._box = still_box()
        self._line = pg.PlotCurveItem(antialias=True)
        self._goal = pg.InfiniteLine(GOAL_MS, angle=0)
        self._marks = pg.BarGraphItem(x=[], height=[], width=1.0, pen=None)
        for item in (self._goal, self._marks, self._line):
            self._box.addItem(item, ignoreBounds=True)
        self.ci.addItem(self._box, 0, 0)
        self.ci.setContentsMargins(4, 4, 4, 4)
        self.setMinimumSize(72, 40)
        self.setAccessibleName("Latency history")
        self.setToolTip("Total latency over the last two minutes; red marks are dropouts")

    def sizeHint(self) -> QSize:
        """As small as it may be."""
        return self.minimumSize()

    def add(self, total_ms: float, lost: bool) -> None:
        """Adds a reading."""
        self._totals.append(total_ms)
        self._lost.append(lost)
        self.redraw()

    def forget(self) -> None:
        """Forgets the past."""
        self._totals.clear()
        self._lost.clear()
        self.redraw()

    def rebuild(self) -> None:
        """Draws line, goal and marks, the newest reading at the right."""
        super().rebuild()
        theme = current()
        totals = np.array(self._totals, float)
        at = np.arange(totals.size) - totals.size + 1
        top = max(GOAL_MS * 1.3, float(totals.max(initial=0.0)) * 1.1)
        self._box.setRange(xRange=(1 - self.LENGTH, 0.5), yRange=(0, top), padding=0)
        self._line.setData(at, totals, pen=pg.mkPen(theme.output, width=1.6))
        self._goal.setPen(pg.mkPen(theme.border_strong, style=Qt.PenStyle.DashLine))
        lost = at[np.array(self._lost, bool)]
        self._marks.setOpts(
            x=lost, height=np.full(lost.size, top * self.MARK), brush=pg.mkBrush(theme.danger), pen=None
        )

    def drawBackground(self, painter: QPainter, rect: QRectF) -> None:
        """Draws the sunken ground."""
        painter.fillRect(rect, QColor(current().surface))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(current().sunken))
        painter.drawRoundedRect(QRectF(self.viewport().rect()), 6, 6)
