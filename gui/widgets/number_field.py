"""A number with its sign and unit, typed or stepped."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QValidator, QWheelEvent
from PySide6.QtWidgets import QDoubleSpinBox

from gui.tuning import Knob

WIDTH = 66
MINUS = "−"


class NumberField(QDoubleSpinBox):
    """Shows values of a knob as `knob.shown` times the number; takes a point or a comma, and either minus."""

    def __init__(self, knob: Knob) -> None:
        super().__init__()
        self._signed = knob.low < 0 < knob.high
        self.setRange(knob.low * knob.shown, knob.high * knob.shown)
        self.setSingleStep(knob.step * knob.shown)
        self.setDecimals(0 if knob.step * knob.shown >= 1 else 1)
        self.setSuffix(f" {knob.unit}")
        self.lineEdit().setTextMargins(3, 0, 3, 0)
        self.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.setFixedWidth(WIDTH)
        self.setKeyboardTracking(False)

    def textFromValue(self, value: float) -> str:
        """Returns the number with a sign where it can have either."""
        value = round(value, self.decimals()) + 0.0
        sign = "+" if self._signed and value > 0 else ""
        return f"{sign}{value:.{self.decimals()}f}".replace("-", MINUS)

    def valueFromText(self, text: str) -> float:
        """Reads what `validate` accepts."""
        return self._read(text) or 0.0

    def validate(self, text: str, position: int) -> tuple[QValidator.State, str, int]:
        """Accepts a number in the range, lets anything be typed on the way there."""
        value = self._read(text)
        inside = value is not None and self.minimum() <= value <= self.maximum()
        state = QValidator.State.Acceptable if inside else QValidator.State.Intermediate
        return state, text, position

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Steps where the keyboard is, else scrolls the panel."""
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

    def _read(self, text: str) -> float | None:
        number = text.removesuffix(self.suffix()).strip().replace(MINUS, "-").replace(",", ".")
        try:
            return float(number)
        except ValueError:
            return None
