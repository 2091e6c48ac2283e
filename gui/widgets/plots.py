"""What our pyqtgraph views share: theme, no mouse, axes in our type, pictures of pixels and of columns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPoint, QRect, QRectF, Qt
from PySide6.QtGui import QImage, QPainter, QPaintEvent, QResizeEvent, QTransform
from PySide6.QtWidgets import QGraphicsItem, QGraphicsScene, QGraphicsView, QWidget

from gui.theme import CAPTION_PX, current, font

Pixels = NDArray[np.uint32]


class PlotView(pg.GraphicsLayoutWidget):
    """A pyqtgraph view to look at: no mouse, no focus. Subclasses lay out and colour in `rebuild`."""

    _stale = True

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setOptimizationFlag(QGraphicsView.OptimizationFlag.DontAdjustForAntialiasing)
        self.scene().setItemIndexMethod(QGraphicsScene.ItemIndexMethod.NoIndex)
        self.setCacheMode(QGraphicsView.CacheModeFlag.CacheNone)
        self.ci.setContentsMargins(0, 0, 0, 0)
        self.ci.setSpacing(0)

    def rebuild(self) -> None:
        """Takes over size and theme."""
        self.setBackground(current().surface)
        self.ci.layout.activate()

    def redraw(self) -> None:
        """Draws everything again before the next paint: another theme, another size, other data."""
        self._stale = True
        self.viewport().update()

    def ensure_built(self) -> None:
        """Rebuilds where theme or size changed since the last time."""
        if self._stale:
            self._stale = False
            self.rebuild()

    def changeEvent(self, event: QEvent) -> None:
        """Takes over a new theme."""
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.StyleChange):
            self.redraw()
        super().changeEvent(event)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Lays out anew; pyqtgraph calls this with None while it builds the view."""
        self._stale = True
        super().resizeEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paints the scene, up to date."""
        self.ensure_built()
        super().paintEvent(event)


class Axis(pg.AxisItem):
    """Labels alone, without line and tick marks, in our type and colours."""

    def __init__(self, side: str, view: pg.ViewBox, room: int, offset: int, spill: int) -> None:
        """`room`: width or height in px; `offset`: gap to the plot; `spill`: px a label may stick out."""
        super().__init__(side, linkView=view, maxTickLength=0)
        self.setPen(pg.mkPen(None))
        self.setStyle(tickTextOffset=offset, hideOverlappingLabels=spill)
        (self.setWidth if side == "left" else self.setHeight)(room)

    def show_marks(self, marks: Sequence[tuple[float, str]], px: int = CAPTION_PX - 1) -> None:
        """Shows (value, label) pairs in the theme's colours."""
        self.setTickFont(font(px))
        self.setTextPen(current().text_muted)
        self.setTicks([list(marks)])

    def drawPicture(self, painter: QPainter, line: tuple, ticks: list, texts: list) -> None:
        """Draws the labels; Qt would paint a dot for a tick of no length."""
        super().drawPicture(painter, line, [], texts)


class RollingImage(pg.ImageItem):
    """A ring of pixel columns, shown from the oldest to the newest one.

    New columns are written into `pixels` by the owner, who then calls `roll`. Painting is two plain copies
    of finished pixels: no level, no table and no scaling is computed again for what was drawn before.

    >>> image.show_pixels(np.zeros((120, 800), np.uint32), QRectF(-4, 0, 4, 1))
    >>> image.pixels[:, 17] = column
    >>> image.roll(18)                  # column 18 is the oldest now
    """

    def __init__(self) -> None:
        super().__init__(axisOrder="row-major")
        self.pixels: Pixels = np.zeros((1, 1), np.uint32)
        self._oldest = 0
        self._box = QRectF()

    def boundingRect(self) -> QRectF:
        """The pixels; Qt asks several times a frame."""
        return self._box

    def show_pixels(self, pixels: Pixels, where: QRectF) -> None:
        """Shows a (rows, columns) 0xffRRGGBB array from now on, top row first, at `where` in the plot."""
        self.pixels = pixels
        self.prepareGeometryChange()
        self._box = QRectF(0, 0, pixels.shape[1], pixels.shape[0])
        self.setImage(pixels, autoLevels=False)
        self.setRect(QRectF(where.left(), where.bottom(), where.width(), -where.height()))
        self.render()

    def roll(self, oldest: int) -> None:
        """Says which column is the oldest, and paints."""
        self._oldest = oldest
        self.update()

    def render(self) -> None:
        """Wraps the pixels: they are what Qt paints, nothing is copied."""
        rows, columns = self.pixels.shape
        self.qimage = QImage(self.pixels.data, columns, rows, columns * 4, QImage.Format.Format_RGB32)
        self._renderRequired = False

    def paint(self, painter: QPainter, *_: object) -> None:
        """Copies the picture in two pieces, in whole pixels."""
        box = to_pixels(painter, self._box).toRect()
        rows, columns = self.pixels.shape
        later = columns - self._oldest
        for x, start, count in ((0, self._oldest, later), (later, 0, self._oldest)):
            source = QRect(start, 0, count, rows)
            if rows == box.height():  # one to one: a plain copy
                painter.drawImage(box.topLeft() + QPoint(x, 0), self.qimage, source)
            else:
                painter.drawImage(QRect(box.x() + x, box.y(), count, box.height()), self.qimage, source)


class StackedBar(pg.GraphicsObject):
    """Parts one after the other on the x axis, as rounded boxes over a track; y is 0 to 1."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[tuple[float, float, str]] = []
        self._room = QRectF(0, 0, 1, 1)

    def show_parts(self, parts: Sequence[tuple[float, str]], room: float) -> None:
        """Shows (size, colour) parts from 0 on; the track is `room` long."""
        self.prepareGeometryChange()
        self._room = QRectF(0, 0, room, 1)
        ends = np.cumsum([0.0, *(max(0.0, size) for size, _ in parts)])
        self._parts = [(ends[i], ends[i + 1], colour) for i, (_, colour) in enumerate(parts)]
        self.update()

    def boundingRect(self) -> QRectF:
        """The track."""
        return self._room

    def paint(self, painter: QPainter, *_: object) -> None:
        """Draws the track and every part that is wider than half a pixel."""
        theme = current()
        box = to_pixels(painter, self._room)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(pg.mkBrush(theme.sunken if theme.dark else theme.border))
        painter.drawRoundedRect(box, 5, 5)
        scale = box.width() / self._room.width()
        for start, end, colour in self._parts:
            width = (end - start) * scale
            if width > 0.5:
                painter.setBrush(pg.mkBrush(colour))
                part = QRectF(box.x() + start * scale, box.y(), max(1.5, width - 1.5), box.height())
                painter.drawRoundedRect(part, 3, 3)


def still_box() -> pg.ViewBox:
    """Returns a view box that no one moves: no mouse, no menu, no automatic range."""
    box = pg.ViewBox(enableMouse=False, enableMenu=False, defaultPadding=0)
    box.disableAutoRange()
    box.setFlag(QGraphicsItem.GraphicsItemFlag.ItemHasNoContents)
    return box


def to_pixels(painter: QPainter, rect: QRectF) -> QRectF:
    """Returns where `rect` of the item lies in pixels, in which the painter draws from now on."""
    box = painter.worldTransform().mapRect(rect)
    painter.setWorldTransform(QTransform())
    return box
