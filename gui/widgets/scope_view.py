"""Waveforms, spectrograms and pitch of both signals on one time axis, in pyqtgraph's scene."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPixmap
from PySide6.QtWidgets import QGraphicsPixmapItem, QSizePolicy, QWidget

from gui.history import SignalHistory
from gui.lanes import (
    MEL_HIGH_HZ,
    MEL_LOW_HZ,
    PITCH_HIGH_HZ,
    PITCH_LOW_HZ,
    PITCH_MARKS_HZ,
    Lane,
    PitchLane,
    SpectrogramLane,
    WaveLane,
    mel,
    packed,
    rgb,
)
from gui.theme import CAPTION_PX, Theme, current, font
from gui.widgets.plots import Axis, PlotView, RollingImage, still_box
from inference.converter import MODEL_RATE
from inference.engine.messages import Mode

SPAN_SECONDS = 4.0
GUTTER, FOOT, GAP, RIGHT, SLIT = 46, 20, 6, 12, 2
"""Room for labels and between the lanes (px); the slit keeps a rolling image from exposing its axis."""
MIN_LANE, MIN_TAG_LANE = 28, 22
LABEL_ROOM, EDGE_ROOM = 15, 7
"""Labels of an axis closer than this would touch, and those closer to an end would stick out (px)."""
SPECTRUM_MARKS_HZ = (200, 1000, 4000)
Marks = tuple[tuple[float, str], ...]


@dataclass(frozen=True)
class LaneSpec:
    """A lane before it has a size: its share of the height, title and its colour role, y range and labels."""

    weight: float
    title: str
    role: str
    low: float
    high: float
    marks: Marks
    make: Callable[[int, Theme], Lane]


def _wave(channel: int, title: str, role: str) -> LaneSpec:
    def make(height: int, t: Theme) -> Lane:
        return WaveLane(channel, height, getattr(t, role), t.danger, t.sunken, t.grid)

    return LaneSpec(1.0, title, role, -1.0, 1.0, ((0.0, "0"),), make)


def _spectrogram(channel: int, role: str) -> LaneSpec:
    def make(height: int, t: Theme) -> Lane:
        return SpectrogramLane(channel, height, getattr(t, f"{role}_map"))

    marks = tuple((float(mel(hz)), _hertz(hz)) for hz in SPECTRUM_MARKS_HZ)
    return LaneSpec(1.7, "", role, float(mel(MEL_LOW_HZ)), float(mel(MEL_HIGH_HZ)), marks, make)


def _pitch() -> LaneSpec:
    def make(height: int, t: Theme) -> Lane:
        return PitchLane(height, (t.input, t.output), t.sunken, t.grid)

    marks = tuple((float(np.log2(hz)), f"{hz:g} Hz") for hz in PITCH_MARKS_HZ)
    low, high = float(np.log2(PITCH_LOW_HZ)), float(np.log2(PITCH_HIGH_HZ))
    return LaneSpec(1.9, "Pitch", "text_muted", low, high, marks, make)


def _hertz(hz: float) -> str:
    return f"{hz / 1000:g} kHz" if hz >= 1000 else f"{hz:g} Hz"


CALL_HEARS, NOT_SENT = "Call hears", "Converted, not sent"
SPECS = (
    _wave(0, "You", "input"),
    _spectrogram(0, "input"),
    _spectrogram(1, "output"),
    _wave(1, CALL_HEARS, "output"),
    _pitch(),
)


class _Row:
    """A lane on screen: view box, axis, rolling image and the title over it."""

    def __init__(self, spec: LaneSpec) -> None:
        self.spec, self.title = spec, spec.title
        self.box = still_box()
        self.axis = Axis("left", self.box, GUTTER - SLIT, offset=4, spill=LABEL_ROOM)
        self.image = RollingImage()
        self.box.addItem(self.image, ignoreBounds=True)
        self.tag = QGraphicsPixmapItem(self.box)
        self.tag.setPos(4, 4)
        self.lane: Lane = spec.make(4, current())

    def rebuild(self, width: int, height: int, ratio: float, seconds: float) -> None:
        """Takes over size and theme; the picture is empty afterwards."""
        spec, theme = self.spec, current()
        rows = max(4, round(height * ratio))
        self.lane = spec.make(rows, theme)
        self.box.setRange(xRange=(-seconds, 0), yRange=(spec.low, spec.high), padding=0)
        pixels = np.full((rows, width), packed(rgb(theme.sunken)), np.uint32)
        self.image.show_pixels(pixels, QRectF(-seconds, spec.low, seconds, spec.high - spec.low))
        self.axis.show_marks(readable(spec, height))
        shown = bool(self.title) and height >= MIN_TAG_LANE
        self.tag.setPixmap(make_tag(self.title, getattr(theme, spec.role), ratio) if shown else QPixmap())


class ScopeView(PlotView):
    """Lanes that roll: new columns are drawn into ring images, each shown in two pieces.

    A frame costs drawing one column per new pixel and two copies per lane, whatever it shows. The lanes
    end `look_ahead` samples before the newest one, so that all of them show the same moment.
    """

    def __init__(self, history: SignalHistory, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._history = history
        self._width, self._step, self._drawn = 1, 1, 0
        self._rows = [_Row(spec) for spec in SPECS]
        for i, row in enumerate(self._rows):
            self.ci.addItem(row.axis, 2 * i, 0)
            self.ci.addItem(row.box, 2 * i, 1)
            row.box.setXLink(self._rows[0].box if i else None)
        self._time = Axis("bottom", self._rows[-1].box, FOOT - SLIT, offset=1, spill=RIGHT)
        self.ci.addItem(self._time, 2 * len(SPECS), 1)
        self.ci.setContentsMargins(0, 0, RIGHT, 0)
        self.ci.layout.setHorizontalSpacing(SLIT)
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

    def show_mode(self, mode: Mode) -> None:
        """Names the converted voice by whether the call hears it: it is drawn in every mode, to tune it."""
        title = CALL_HEARS if mode is Mode.CONVERTED else NOT_SENT
        row = next(row for row in self._rows if row.spec.title == CALL_HEARS)
        if title != row.title:
            row.title = title
            self.redraw()

    def advance(self) -> None:
        """Draws what the history got since the last call; does nothing when not on screen."""
        if not self.isVisible():
            return
        self.ensure_built()
        last = self._last()
        if last > self._drawn:
            self._draw(max(self._drawn, last - self._width), last)

    def rebuild(self) -> None:
        """Lays the lanes out anew and draws what the history holds."""
        super().rebuild()
        ratio, heights = self.devicePixelRatioF(), self._heights()
        self._width = max(1, self.width() - GUTTER - RIGHT)
        self._step = max(1, round(SPAN_SECONDS * MODEL_RATE / self._width))
        seconds = self._step * self._width / MODEL_RATE
        layout = self.ci.layout
        for i, (row, height) in enumerate(zip(self._rows, heights, strict=True)):
            layout.setRowFixedHeight(2 * i, height)
            layout.setRowFixedHeight(2 * i + 1, GAP if i + 1 < len(heights) else SLIT)
            row.rebuild(self._width, height, ratio, seconds)
        self._time.show_marks([(-s, f"−{s} s" if s else "now") for s in range(int(seconds) + 1)])
        layout.activate()
        last = self._last()
        self._draw(last - self._width, last)

    def _last(self) -> int:
        """Returns the column after the newest one that all lanes can draw."""
        look_ahead = max(row.lane.look_ahead for row in self._rows)
        return max(0, self._history.end - look_ahead) // self._step

    def _heights(self) -> list[int]:
        """Returns the lanes' heights in logical px."""
        room = self.height() - FOOT - GAP * (len(SPECS) - 1)
        edges = np.cumsum([0.0, *(spec.weight for spec in SPECS)])
        at = np.round(edges / edges[-1] * max(room, 8 * len(SPECS))).astype(int)
        return [int(n) for n in np.diff(at)]

    def _draw(self, first: int, last: int) -> None:
        """Draws columns [first, last) into the ring images."""
        at = np.arange(first, last) % self._width
        for row in self._rows:
            row.image.pixels[:, at] = row.lane.columns(self._history, first, last, self._step)
            row.image.roll(last % self._width)
        self._drawn = last


def readable(spec: LaneSpec, height: int) -> list[tuple[float, str]]:
    """Returns the labels that fit an axis `height` px high without touching each other, lowest first."""
    if height < MIN_LANE:
        return []
    kept: list[tuple[float, str]] = []
    last = -float(LABEL_ROOM)
    for value, text in spec.marks:
        y = (value - spec.low) / (spec.high - spec.low) * height
        if EDGE_ROOM <= y <= height - EDGE_ROOM and y - last >= LABEL_ROOM:
            kept.append((value, text))
            last = y
    return kept


def make_tag(title: str, colour: str, ratio: float) -> QPixmap:
    """Draws a title once; it lies over the rolling picture."""
    face = font(CAPTION_PX, font().Weight.DemiBold)
    size = QFontMetrics(face).boundingRect(title).size() + QSize(10, 2)
    tag = QPixmap(size * ratio)
    tag.setDevicePixelRatio(ratio)
    tag.fill(QColor(current().sunken))
    painter = QPainter(tag)
    painter.setFont(face)
    painter.setPen(QColor(colour))
    painter.drawText(QRect(0, 0, size.width(), size.height()), Qt.AlignmentFlag.AlignCenter, title)
    painter.end()
    return tag
