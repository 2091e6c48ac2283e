"""A slider with number field, unit and reset, on one line."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QHBoxLayout, QSlider, QWidget

from gui.theme import current
from gui.tuning import Knob
from gui.widgets.buttons import IconButton
from gui.widgets.number_field import NumberField
from gui.widgets.text import label

HANDLE = 7.0
LABEL_WIDTH = 82
FINE = 0.1
"""With Shift, the handle moves this part of the pointer's way."""
UNITS = {"st": "semitones", "dB": "decibels", "%": "percent"}


class TuningSlider(QSlider):
    """A slider that fills from the knob's default value; a double click asks for the default.

    Arrows step, page keys and Shift with arrows leap, Shift with the pointer is fine.
    """

    reset_wanted = Signal()

    def __init__(self, knob: Knob) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self._knob = knob
        self._grip = 0.0
        self._last_x = 0.0
        self.setRange(0, round((knob.high - knob.low) / knob.step))
        self.setSingleStep(1)
        self.setPageStep(max(1, round(knob.coarse / knob.step)))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def sizeHint(self) -> QSize:
        """As high as its handle and focus ring."""
        return QSize(120, 22)

    def minimumSizeHint(self) -> QSize:
        """Still usable."""
        return QSize(60, 22)

    def number(self) -> float:
        """Returns the value in the knob's unit."""
        return self._knob.low + self.value() * self._knob.step

    def set_number(self, value: float) -> None:
        """Shows a value in the knob's unit."""
        self.setValue(round((value - self._knob.low) / self._knob.step))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Grabs the handle wherever the slider is pressed."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.setSliderDown(True)
            self._last_x = event.position().x()
            if not _is_fine(event):
                self._grip = self._last_x
                self._go_to(self._grip)
            event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drags."""
        if self.isSliderDown():
            x = event.position().x()
            self._grip = self._grip + (x - self._last_x) * FINE if _is_fine(event) else x
            self._last_x = x
            self._go_to(self._grip)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Turns where the keyboard is, else scrolls the panel."""
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Lets go."""
        self.setSliderDown(False)
        self.update()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Asks for the default."""
        self.setSliderDown(False)
        self.reset_wanted.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows step, pages and Shift leap; delete asks for the default."""
        leaps = {
            Qt.Key.Key_Right: QSlider.SliderAction.SliderPageStepAdd,
            Qt.Key.Key_Up: QSlider.SliderAction.SliderPageStepAdd,
            Qt.Key.Key_Left: QSlider.SliderAction.SliderPageStepSub,
            Qt.Key.Key_Down: QSlider.SliderAction.SliderPageStepSub,
        }
        key = Qt.Key(event.key())
        if key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.reset_wanted.emit()
        elif key in leaps and event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.triggerAction(leaps[key])
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws groove, fill from the default, a tick there, handle and focus ring."""
        theme, y = current(), self.height() / 2
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.border if theme.dark else theme.border_strong))
        painter.drawRoundedRect(QRectF(HANDLE, y - 2, self.width() - 2 * HANDLE, 4), 2, 2)
        home, x = self._x(self._knob.default), self._x(self.number())
        painter.setBrush(QColor(theme.border_strong if theme.dark else theme.text_disabled))
        painter.drawRoundedRect(QRectF(home - 1, y - 6, 2, 12), 1, 1)
        painter.setBrush(QColor(theme.accent if self.isEnabled() else theme.text_disabled))
        painter.drawRoundedRect(QRectF(min(home, x), y - 2, abs(x - home), 4), 2, 2)
        ring = self.hasFocus()
        painter.setPen(QPen(QColor(theme.focus), 2) if ring else QPen(QColor(theme.surface), 2))
        handle = theme.accent if self.isSliderDown() else theme.text
        painter.setBrush(QColor(handle if self.isEnabled() else theme.text_disabled))
        painter.drawEllipse(QPointF(x, y), HANDLE - 0.5, HANDLE - 0.5)
        painter.end()

    def _x(self, value: float) -> float:
        part = (value - self._knob.low) / (self._knob.high - self._knob.low)
        return HANDLE + part * (self.width() - 2 * HANDLE)

    def _go_to(self, x: float) -> None:
        part = (x - HANDLE) / max(1.0, self.width() - 2 * HANDLE)
        self.setValue(round(part * self.maximum()))
        self.update()


class KnobRow(QWidget):
    """`turned` carries a value of the knob whenever the user, and only the user, changes it."""

    turned = Signal(float)

    def __init__(self, knob: Knob) -> None:
        super().__init__()
        self.knob = knob
        self.slider = TuningSlider(knob)
        self.number = NumberField(knob)
        self.reset = IconButton("reset", f"Reset {knob.label.lower()}", 14)
        self.reset.setProperty("kind", "small")
        self._set_up()
        name = label(knob.label)
        name.setFixedWidth(LABEL_WIDTH)
        name.setBuddy(self.slider)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(5)
        row.addWidget(name)
        row.addWidget(self.slider, 1)
        row.addWidget(self.number)
        row.addWidget(self.reset)
        self.show_value(knob.default)

    def show_value(self, value: float) -> None:
        """Shows a value without a signal."""
        with QSignalBlocker(self.slider), QSignalBlocker(self.number):
            self.slider.set_number(value)
            self.number.setValue(value * self.knob.shown)
        self.slider.update()
        away = value != self.knob.default
        if self.reset.hasFocus() and not away:
            self.slider.setFocus()
        self.reset.setEnabled(away)

    def set_idle(self, reason: str | None) -> None:
        """Greys it out where it changes nothing, with the reason as its tip; None: it works."""
        self.setEnabled(reason is None)
        tip = self.knob.tip
        for widget in (self.slider, self.number):
            widget.setToolTip(reason or f"{tip}. Double click or Delete resets, Shift is fine or leaps.")
            widget.setStatusTip(reason or tip)
        self.setToolTip(reason or "")

    def stops(self) -> list[QWidget]:
        """Returns what Tab goes through."""
        return [self.slider, self.number, self.reset]

    def _set_up(self) -> None:
        knob = self.knob
        for widget in (self.slider, self.number):
            widget.setAccessibleName(f"{knob.label} in {UNITS[knob.unit]}")
        self.set_idle(None)
        self.slider.valueChanged.connect(lambda _: self.turned.emit(self.slider.number()))
        self.number.valueChanged.connect(lambda shown: self.turned.emit(shown / knob.shown))
        self.slider.reset_wanted.connect(lambda: self.turned.emit(knob.default))
        self.reset.clicked.connect(lambda: self.turned.emit(knob.default))


def _is_fine(event: QMouseEvent) -> bool:
    return bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
