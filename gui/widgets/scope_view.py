"""Waveforms, spectrograms and pitch of both signals on one time axis."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QImage, QPainter, QPaintEvent, QPen, QPixmap, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui.history import SignalHistory
from gui.lanes import (
    PITCH_MARKS_HZ,
    Lane,
    PitchLane,
    SpectrogramLane,
    WaveLane,
    mel_rows,
    packed,
    pitch_row,
    rgb,
)
from gui.theme import CAPTION_PX, current, font
from inference.converter import MODEL_RATE

SPAN_SECONDS = 4.0
GUTTER, FOOT, GAP = 46, 20, 6
WEIGHTS = (1.0, 1.7, 1.7, 1.0, 1.9)
MIN_LANE = 28
SPECTRUM_MARKS_HZ = (200, 1000, 4000)


@dataclass
class _Slot:
    """A lane and where it lies: rows in logical and in device pixels from the top of the picture."""

    lane: Lane
    tag: QPixmap | None
    rect: QRect
    top: int
    height: int


class ScopeView(QWidget):
    """A picture that rolls: new columns are drawn into a ring image, which is shown in two pieces.

    Painting costs two copies of the image, whatever it shows, and drawing one column per new pixel. The
    lanes end `look_ahead` samples before the newest one, so that all of them show the same moment.
    """

    def __init__(self, history: SignalHistory, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._history = history
        self._slots: list[_Slot] = []
        self._pixels = np.zeros((1, 1), np.uint32)
        self._image = QImage()
        self._step = 1
        self._drawn = 0
        self._stale = True
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Live signal")
        self.setAccessibleDescription(
            "Waveforms, spectrograms and pitch of your voice and of what the call hears"
        )

    def sizeHint(self) -> QSize:
        """A comfortable size."""
        return QSize(720, 520)

    def minimumSizeHint(self) -> QSize:
        """Below this the lanes can't be read."""
        return QSize(360, 5 * MIN_LANE + 5 * GAP + FOOT)

    def advance(self) -> None:
        """Draws what the history got since the last call; does nothing when not on screen."""
        if not self.isVisible():
            return
        if self._stale:
            self._rebuild()
        last = max(0, self._history.end - self._look_ahead()) // self._step
        if last > self._drawn:
            self._draw(max(self._drawn, last - self._pixels.shape[1]), last)
            self._drawn = last
            self.update(self._plot_rect())

    def redraw(self) -> None:
        """Draws everything again: another theme, another size, a cleared history."""
        self._stale = True
        self.update()

    def changeEvent(self, event: QEvent) -> None:
        """Takes over a new theme."""
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.StyleChange):
            self.redraw()
        super().changeEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Lays the lanes out anew."""
        self.redraw()
        super().resizeEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Copies the picture; labels only where they are exposed."""
        if self._stale:
            self._rebuild()
        painter = QPainter(self)
        plot = self._plot_rect()
        if not plot.contains(event.rect()):
            self._paint_surroundings(painter, plot)
        self._paint_picture(painter, plot)
        self._paint_titles(painter)
        painter.end()

    def _look_ahead(self) -> int:
        return max((slot.lane.look_ahead for slot in self._slots), default=0)

    def _plot_rect(self) -> QRect:
        return QRect(GUTTER, 0, max(1, self.width() - GUTTER), max(1, self.height() - FOOT))

    def _rebuild(self) -> None:
        plot, ratio, theme = self._plot_rect(), self.devicePixelRatioF(), current()
        self._slots = self._layout(plot, ratio)
        ground = packed(rgb(theme.surface))
        self._pixels = np.full((max(1, round(plot.height() * ratio)), plot.width()), ground, np.uint32)
        height, width = self._pixels.shape
        self._image = QImage(self._pixels.data, width, height, width * 4, QImage.Format.Format_RGB32)
        self._step = max(1, round(SPAN_SECONDS * MODEL_RATE / width))
        last = max(0, self._history.end - self._look_ahead()) // self._step
        self._draw(last - width, last)
        self._drawn = last
        self._stale = False

    def _layout(self, plot: QRect, ratio: float) -> list[_Slot]:
        t = current()
        room = plot.height() - GAP * (len(WEIGHTS) - 1)
        tops, y = [], 0.0
        for weight in WEIGHTS:
            h = max(8.0, room * weight / sum(WEIGHTS))
            tops.append((round(y), round(y + h) - round(y)))
            y += h + GAP
        heights = [max(4, round(h * ratio)) for _, h in tops]
        lanes: list[tuple[Lane, str, str]] = [
            (WaveLane(0, heights[0], t.input, t.danger, t.sunken, t.grid), "You", "input"),
            (SpectrogramLane(0, heights[1], t.input_map), "", "input"),
            (SpectrogramLane(1, heights[2], t.output_map), "", "output"),
            (WaveLane(1, heights[3], t.output, t.danger, t.sunken, t.grid), "Call hears", "output"),
            (PitchLane(heights[4], (t.input, t.output), t.sunken, t.grid), "Pitch", "text_muted"),
        ]
        return [
            _Slot(
                lane,
                self._make_tag(title, role) if title and h >= MIN_LANE - 6 else None,
                QRect(plot.x(), top, plot.width(), h),
                round(top * ratio),
                px,
            )
            for (lane, title, role), (top, h), px in zip(lanes, tops, heights, strict=True)
        ]

    def _draw(self, first: int, last: int) -> None:
        """Draws columns [first, last) into the ring image."""
        width = self._pixels.shape[1]
        at = np.arange(first, last) % width
        for slot in self._slots:
            columns = slot.lane.columns(self._history, first, last, self._step)
            room = self._pixels[slot.top : slot.top + slot.height]
            room[:, at] = columns[: room.shape[0]]

    def _paint_picture(self, painter: QPainter, plot: QRect) -> None:
        width, height = self._image.width(), self._image.height()
        split = self._drawn % width
        oldest = width - split
        for x, start, columns in ((0, split, oldest), (oldest, 0, split)):
            source = QRect(start, 0, columns, height)
            target = QRect(plot.x() + x, 0, columns, plot.height())
            if height == plot.height():  # one to one: a plain copy
                painter.drawImage(target.topLeft(), self._image, source)
            else:
                painter.drawImage(target, self._image, source)

    def _paint_titles(self, painter: QPainter) -> None:
        for slot in self._slots:
            if slot.tag:
                painter.drawPixmap(slot.rect.topLeft() + QPoint(4, 4), slot.tag)

    def _make_tag(self, title: str, role: str) -> QPixmap:
        """Draws a title once; it lies over the rolling picture."""
        face = font(CAPTION_PX, font().Weight.DemiBold)
        ratio = self.devicePixelRatioF()
        size = QFontMetrics(face).boundingRect(title).size() + QSize(10, 2)
        tag = QPixmap(size * ratio)
        tag.setDevicePixelRatio(ratio)
        tag.fill(QColor(current().sunken))
        painter = QPainter(tag)
        painter.setFont(face)
        painter.setPen(QColor(getattr(current(), role)))
        painter.drawText(QRect(QPoint(), size), Qt.AlignmentFlag.AlignCenter, title)
        painter.end()
        return tag

    def _paint_surroundings(self, painter: QPainter, plot: QRect) -> None:
        t = current()
        ground = QColor(t.surface)
        painter.fillRect(0, 0, GUTTER, self.height(), ground)
        painter.fillRect(0, plot.height(), self.width(), FOOT, ground)
        painter.setFont(font(CAPTION_PX - 1))
        painter.setPen(QPen(QColor(t.text_muted)))
        for slot in self._slots:
            for row, text in _marks(slot):
                box = QRectF(0, slot.rect.top() + row * slot.rect.height() - 8, GUTTER - 6, 16)
                painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)
        seconds = self._step * plot.width() / MODEL_RATE
        for back in range(int(seconds) + 1):
            x = plot.right() - plot.width() * back / seconds
            align = Qt.AlignmentFlag.AlignRight if back == 0 else Qt.AlignmentFlag.AlignHCenter
            box = (
                QRectF(x - 60, plot.height(), 60, FOOT)
                if back == 0
                else QRectF(x - 30, plot.height(), 60, FOOT)
            )
            if box.left() >= 0:
                label = "now" if back == 0 else f"−{back} s"
                painter.drawText(box, align | Qt.AlignmentFlag.AlignVCenter, label)


def _marks(slot: _Slot) -> list[tuple[float, str]]:
    """Returns (row as part of the height, label) for a lane's axis, without labels that would collide."""
    n = 1000
    if isinstance(slot.lane, SpectrogramLane):
        rows = mel_rows(n)
        marks = [(int(np.abs(rows - hz).argmin()) / n, _hertz(hz)) for hz in SPECTRUM_MARKS_HZ]
    elif isinstance(slot.lane, PitchLane):
        at = pitch_row(np.array(PITCH_MARKS_HZ, np.float32), n)
        marks = [(float(r) / n, f"{hz:g} Hz") for r, hz in zip(at, PITCH_MARKS_HZ, strict=True)]
    else:
        return [(0.5, "0")] if slot.rect.height() >= MIN_LANE else []
    kept: list[tuple[float, str]] = []
    for row, label in sorted(marks, reverse=True):
        y = row * slot.rect.height()
        clear = not kept or kept[-1][0] * slot.rect.height() - y >= 15
        if 7 <= y <= slot.rect.height() - 6 and clear:
            kept.append((row, label))
    return kept


def _hertz(hz: float) -> str:
    return f"{hz / 1000:g} kHz" if hz >= 1000 else f"{hz:g} Hz"
