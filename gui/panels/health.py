"""Latency part by part, its history, dropouts, load and drift."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from gui.widgets.latency_bar import LatencyBar, Sparkline
from gui.widgets.text import Readout, label
from inference.engine.telemetry import Telemetry

ONE_ROW_WIDTH, ROOMY_WIDTH = 680, 430
SLOW_TICKS, HISTORY_TICKS = 8, 15
"""Of 30 readings a second: numbers change about 4 times, the history 2 times a second."""

TILES = (
    ("underflow", "Underruns", "Moments in which the output had nothing to play"),
    ("overflow", "Overruns", "Moments in which the microphone's sound was lost"),
    ("late", "Late hops", "Steps that were computed after their deadline"),
    ("dropped", "Lost", "Sound that was thrown away because it came too late or the output took none"),
    ("load", "Real time", "Computing time against audio time; below 100 % is real time"),
    ("cpu", "CPU", "The engine's use of one processor core"),
    ("memory", "RAM, MB", "The engine's memory"),
    ("drift", "Drift, ppm", "Difference between the clocks of input and output"),
    ("restarts", "Restarts", "Restarts of the worker and of the streams"),
)


class Tile(QFrame):
    """A number with its name."""

    def __init__(self, name: str, tip: str) -> None:
        super().__init__()
        self.setObjectName("tile")
        self.setToolTip(tip)
        self.value = Readout("panel", "00000")
        self._tone = ""
        self._column = column = QVBoxLayout(self)
        self.pad(8)
        column.setSpacing(0)
        column.addWidget(self.value)
        column.addWidget(label(name, "caption"))
        self.setAccessibleName(name)

    def pad(self, sides: int) -> None:
        """Leaves so much room (px) left and right of the texts."""
        self._column.setContentsMargins(sides, 3, sides, 3)

    def show_value(self, text: str, tone: str = "") -> None:
        """Shows a text; `tone` is empty, warning or danger."""
        if text != self.value.text():
            self.value.setText(text)
            self.setAccessibleDescription(text)
        if tone != self._tone:
            self._tone = tone
            self.value.setProperty("tone", tone)
            self.value.style().unpolish(self.value)
            self.value.style().polish(self.value)


class HealthPanel(QWidget):
    """Everything that tells whether the call sounds right."""

    def __init__(self) -> None:
        super().__init__()
        self.bar = LatencyBar()
        self.sparkline = Sparkline()
        self.tiles = {key: Tile(name, tip) for key, name, tip in TILES}
        self._ticks = 0
        self._lost = 0
        top = QHBoxLayout()
        top.setSpacing(16)
        top.addWidget(self.bar, 3)
        top.addWidget(self.sparkline, 1)
        self._grid = QGridLayout()
        self._grid.setSpacing(6)
        self._columns = 0
        self._arrange(len(TILES))
        self._column = column = QVBoxLayout(self)
        self._tighten(False)
        column.setSpacing(6)
        column.addLayout(top)
        column.addLayout(self._grid)
        column.addStretch(1)
        column.setAlignment(Qt.AlignmentFlag.AlignTop)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Breaks the tiles into two rows where the panel is narrow, and leaves the history away."""
        wide = self.width() >= ONE_ROW_WIDTH
        self._arrange(len(TILES) if wide else 5)
        self._tighten(self.width() < ROOMY_WIDTH)
        self.sparkline.setVisible(wide)
        super().resizeEvent(event)

    def minimumSizeHint(self) -> QSize:
        """Two rows of tiles."""
        return QSize(360, super().minimumSizeHint().height())

    def _arrange(self, columns: int) -> None:
        if columns == self._columns:
            return
        self._columns = columns
        for i, tile in enumerate(self.tiles.values()):
            self._grid.addWidget(tile, i // columns, i % columns)
            self._grid.setColumnStretch(i, int(i < columns))

    def _tighten(self, tight: bool) -> None:
        """Gives the texts of narrow tiles the room of the gaps around them."""
        side, gap, padding = (8, 4, 4) if tight else (14, 6, 8)
        self._column.setContentsMargins(side, 4, side, 10)
        self._grid.setHorizontalSpacing(gap)
        for tile in self.tiles.values():
            tile.pad(padding)

    def clear(self) -> None:
        """Begins a new session's history."""
        self.sparkline.forget()
        self._lost = 0

    def show_telemetry(self, t: Telemetry) -> None:
        """Takes every reading, shows some."""
        self._ticks += 1
        if not t.running:
            return
        if self._ticks % SLOW_TICKS == 0:
            self.bar.show_budget(t.latency)
            self._show_tiles(t)
        if self._ticks % HISTORY_TICKS == 0:
            self.sparkline.add(t.latency.total, t.xruns.total > self._lost)
            self._lost = t.xruns.total

    def _show_tiles(self, t: Telemetry) -> None:
        x = t.xruns
        for key, count in (
            ("underflow", x.output_underflow),
            ("overflow", x.input_overflow),
            ("late", x.late_blocks),
        ):
            self.tiles[key].show_value(f"{count:,}", "" if count == 0 else "warning")
        self.tiles["dropped"].show_value(_duration(t.lost_s), "warning" if x.dropped_samples else "")
        load = t.real_time_factor * 100
        self.tiles["load"].show_value(f"{load:.0f} %", _tone(load, 60, 90))
        self.tiles["cpu"].show_value(f"{t.cpu_percent:.0f} %", _tone(t.cpu_percent, 75, 95))
        self.tiles["memory"].show_value(f"{t.rss_mb:.0f}")
        self.tiles["drift"].show_value(f"{t.drift_ppm:+.0f}".replace("-", "−"))
        restarts = t.worker_restarts + t.stream_restarts
        self.tiles["restarts"].show_value(str(restarts), "" if restarts == 0 else "warning")


def _duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{1000 * seconds:.0f} ms"


def _tone(value: float, warning: float, danger: float) -> str:
    return "danger" if value >= danger else "warning" if value >= warning else ""
