"""A combo box with our arrow that can show a remembered choice which is not there now."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QComboBox, QSizePolicy, QStyle, QStyleOptionComboBox, QStylePainter

from gui.icons import draw
from gui.theme import current


class Select(QComboBox):
    """Items carry their value as user data; use `activated` for choices of the user."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(4)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_items(self, items: list[tuple[str, object]], value: object, missing: bool = False) -> None:
        """Replaces the items and shows `value` as chosen, marked where it is `missing`."""
        self.clear()
        for text, data in items:
            self.addItem(text, data)
        self.setCurrentIndex(max(0, next((i for i, (_, d) in enumerate(items) if d == value), 0)))
        if self.property("missing") != missing:
            self.setProperty("missing", missing)
            self.style().unpolish(self)
            self.style().polish(self)
        self.setToolTip(self.currentText())

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scrolls the panel, never the choice."""
        event.ignore()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Elides the text and adds the arrow."""
        painter = QStylePainter(self)
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        room = self.width() - 38
        option.currentText = self.fontMetrics().elidedText(
            self.currentText(), Qt.TextElideMode.ElideRight, room
        )
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
        box = QRectF(self.width() - 24, (self.height() - 16) / 2, 16, 16)
        draw(painter, "chevron-down", box, current().text_muted)
        painter.end()
