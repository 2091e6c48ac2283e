"""The picture of the takes, with the playhead and the part that is looped."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent
from PySide6.QtWidgets import QGraphicsRectItem, QSizePolicy

from gui.lanes import MEL_HIGH_HZ, MEL_LOW_HZ, PITCH_HIGH_HZ, PITCH_LOW_HZ, PITCH_MARKS_HZ, Pixels, mel
from gui.pages.replay_picture import Layer, pitch_pixels, spectrum_pixels, wave_pixels
from gui.theme import current
from gui.widgets.plots import Axis, PlotView, RollingImage, still_box
from gui.widgets.scope_view import FOOT, GAP, GUTTER, RIGHT, SLIT

Draw = Callable[[Sequence[Layer], int, int, str, bool], Pixels]

_LANES: tuple[tuple[float, Draw, tuple[tuple[float, str], ...]], ...] = (
    (1.0, wave_pixels, ((0.5, "0"),)),
    (
        1.8,
        spectrum_pixels,
        tuple(
            (float((mel(hz) - mel(MEL_LOW_HZ)) / (mel(MEL_HIGH_HZ) - mel(MEL_LOW_HZ))), text)
            for hz, text in ((200, "200 Hz"), (1000, "1 kHz"), (4000, "4 kHz"))
        ),
    ),
    (
        1.4,
        pitch_pixels,
        tuple(
            (float(np.log2(hz / PITCH_LOW_HZ) / np.log2(PITCH_HIGH_HZ / PITCH_LOW_HZ)), f"{hz:g} Hz")
            for hz in PITCH_MARKS_HZ[1:-1]
        ),
    ),
)
"""Share of the height, what draws it, and the marks of its axis (0 bottom to 1 top)."""

_GRAB_PX = 7
_SHADE = 0.55


class ReplayView(PlotView):
    """Click to go there, drag to loop a part, drag its edges to change it, double-click for the whole.

    `sought(seconds)`; `looped(start_s, stop_s)`.
    """

    sought = Signal(float)
    looped = Signal(float, float)

    def __init__(self) -> None:
        super().__init__()
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents, False)
        self.viewport().setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Takes over each other")
        self.setAccessibleDescription("Waveforms, spectrograms and pitch of the takes that are shown")
        self._layers: Sequence[Layer] = ()
        self._seconds = 1.0
        self._loop = (0.0, 1.0)
        self._grabbed: float | None = None
        self._pressed = 0.0
        self._rows = [_Row() for _ in _LANES]
        for i, row in enumerate(self._rows):
            self.ci.addItem(row.axis, 2 * i, 0)
            self.ci.addItem(row.box, 2 * i, 1)
        self._time = Axis("bottom", self._rows[-1].box, FOOT - SLIT, offset=1, spill=RIGHT)
        self.ci.addItem(self._time, 2 * len(_LANES), 1)
        self.ci.setContentsMargins(0, 0, RIGHT, 0)
        self.ci.layout.setHorizontalSpacing(SLIT)

    def sizeHint(self) -> QSize:
        """A comfortable size."""
        return QSize(720, 360)

    def minimumSizeHint(self) -> QSize:
        """Below this the lanes can't be read."""
        return QSize(320, 150)

    def show_layers(self, layers: Sequence[Layer], seconds: float) -> None:
        """Draws these takes, the last on top."""
        self._layers, self._seconds = tuple(layers), max(seconds, 0.1)
        self.redraw()

    def show_loop(self, start_s: float, stop_s: float) -> None:
        """Shades what is not looped."""
        self._loop = (start_s, stop_s)
        for row in self._rows:
            row.show_loop(start_s, stop_s, self._seconds)
        self.viewport().update()

    def show_position(self, seconds: float) -> None:
        """Moves the playhead."""
        for row in self._rows:
            row.head.setPos(seconds)

    def rebuild(self) -> None:
        """Draws the lanes for the present size and theme."""
        super().rebuild()
        theme, ratio = current(), self.devicePixelRatioF()
        width = max(1, round((self.width() - GUTTER - RIGHT) * ratio))
        room = self.height() - FOOT - GAP * (len(_LANES) - 1)
        total = sum(weight for weight, _, _ in _LANES)
        layout = self.ci.layout
        for i, (row, (weight, draw, marks)) in enumerate(zip(self._rows, _LANES, strict=True)):
            height = max(8, round(room * weight / total))
            layout.setRowFixedHeight(2 * i, height)
            layout.setRowFixedHeight(2 * i + 1, GAP if i + 1 < len(_LANES) else SLIT)
            pixels = draw(self._layers, width, max(8, round(height * ratio)), theme.sunken, theme.dark)
            row.rebuild(pixels, self._seconds, marks if height > 60 else ())
            row.show_loop(*self._loop, self._seconds)
        step = 1 if self._seconds <= 20 else 5
        self._time.show_marks([(s, f"{s} s") for s in range(0, int(self._seconds) + 1, step)])
        layout.activate()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Takes hold of an edge of the loop, or begins a new one."""
        if event.button() != Qt.MouseButton.LeftButton:
            return
        at = self._seconds_at(event.position())
        self._pressed, start, stop = event.position().x(), *self._loop
        near = self._per_pixel() * _GRAB_PX
        self._grabbed = stop if abs(at - start) <= near else start if abs(at - stop) <= near else at

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Stretches the loop; without a button shows where an edge can be taken."""
        at = self._seconds_at(event.position())
        if self._grabbed is not None and abs(event.position().x() - self._pressed) > 3:
            self.looped.emit(min(self._grabbed, at), max(self._grabbed, at))
        near = min(abs(at - edge) for edge in self._loop) <= self._per_pixel() * _GRAB_PX
        shape = Qt.CursorShape.SizeHorCursor if near else Qt.CursorShape.ArrowCursor
        self.viewport().setCursor(shape)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """A click without a drag goes there."""
        if self._grabbed is not None and abs(event.position().x() - self._pressed) <= 3:
            self.sought.emit(self._seconds_at(event.position()))
        self._grabbed = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Loops the whole again."""
        self._grabbed = None
        self.looped.emit(0.0, self._seconds)

    def _per_pixel(self) -> float:
        return self._seconds / max(1, self.width() - GUTTER - RIGHT)

    def _seconds_at(self, point: QPointF) -> float:
        return min(max(0.0, (point.x() - GUTTER) * self._per_pixel()), self._seconds)


class _Row:
    """A lane: axis, picture, shades beside the loop, playhead."""

    def __init__(self) -> None:
        self.box = still_box()
        self.axis = Axis("left", self.box, GUTTER - SLIT, offset=4, spill=8)
        self.image = RollingImage()
        self.box.addItem(self.image, ignoreBounds=True)
        self.shades = [QGraphicsRectItem(), QGraphicsRectItem()]
        for shade in self.shades:
            self.box.addItem(shade, ignoreBounds=True)
        self.head = pg.InfiniteLine(0.0, movable=False)
        self.box.addItem(self.head, ignoreBounds=True)

    def rebuild(self, pixels: Pixels, seconds: float, marks: Sequence[tuple[float, str]]) -> None:
        """Takes over picture, length and theme."""
        theme = current()
        self.box.setRange(xRange=(0, seconds), yRange=(0, 1), padding=0)
        self.image.show_pixels(pixels, QRectF(0, 0, seconds, 1))
        self.axis.show_marks(marks)
        self.head.setPen(pg.mkPen(theme.text, width=1))
        veil = QColor(theme.surface)
        veil.setAlphaF(_SHADE)
        for shade in self.shades:
            shade.setPen(pg.mkPen(None))
            shade.setBrush(veil)

    def show_loop(self, start_s: float, stop_s: float, seconds: float) -> None:
        """Shades what lies outside."""
        self.shades[0].setRect(QRectF(0, 0, start_s, 1))
        self.shades[1].setRect(QRectF(stop_s, 0, max(0.0, seconds - stop_s), 1))
