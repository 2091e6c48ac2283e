"""Labels of the type scale."""

from __future__ import annotations

from html import escape

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from gui.theme import font


def label(text: str, kind: str = "body", wrap: bool = False) -> QLabel:
    """Returns a label; the kinds are those of the style sheet.

    It shows the text letter for letter: what a stranger's file says of itself might be HTML, whose pictures
    Qt fetches from wherever it says.
    """
    made = QLabel(text)
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setProperty("kind", kind)
    made.setFont(font())
    made.setWordWrap(wrap)
    return made


def tip(text: str) -> str:
    """The text for a tooltip, which has no format of its own, to be shown letter for letter."""
    return f"<qt>{escape(text)}</qt>" if "<" in text else text


class ElidedLabel(QLabel):
    """One line that ends in an ellipsis where the room ends; the tooltip has it all."""

    def __init__(self, text: str = "", kind: str = "caption", parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setProperty("kind", kind)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def setText(self, text: str) -> None:
        """Shows a text."""
        super().setText(text)
        self.setToolTip(tip(text))

    def minimumSizeHint(self) -> QSize:
        """It can become very narrow."""
        return QSize(24, super().minimumSizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws the part that fits."""
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        text = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, self.width())
        painter.drawText(self.rect(), self.alignment() | Qt.AlignmentFlag.AlignVCenter, text)
        painter.end()


class Readout(QLabel):
    """A number that changes often: it keeps the room of its `widest` text, so no layout is done again."""

    def __init__(self, kind: str, widest: str, align: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignLeft) -> None:
        super().__init__()
        self.setProperty("kind", kind)
        self.setAlignment(align | Qt.AlignmentFlag.AlignVCenter)
        self.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Fixed)
        self._widest = widest
        self._shown = "–"

    def text(self) -> str:
        """Returns what is shown."""
        return self._shown

    def setText(self, text: str) -> None:
        """Shows a text."""
        if text != self._shown:
            self._shown = text
            self.update()

    def sizeHint(self) -> QSize:
        """Room for the widest text."""
        return QSize(self.fontMetrics().horizontalAdvance(self._widest) + 2, self.fontMetrics().height())

    def minimumSizeHint(self) -> QSize:
        """As the size hint."""
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws the text."""
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        painter.drawText(self.rect(), self.alignment(), self._shown)
        painter.end()
