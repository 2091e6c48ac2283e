"""How near the converted voice is to its target, and how clear its words are."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from gui.theme import current
from gui.widgets.text import ElidedLabel, label
from inference.likeness import MIN_SPEECH_S, Clarity, Reading
from voices.voice import Voice, VoiceKind

TIP = (
    "Likeness: 0 % is what another person's voice reaches on average, 100 % the person's own recordings. "
    "Words: how closely the sound follows yours; a hint, not a transcript."
)
WORDS = {
    Clarity.CLEAR: ("words clear", "live"),
    Clarity.FAIR: ("words fair", "warning"),
    Clarity.UNCLEAR: ("words unclear", "danger"),
}


class LikenessBar(QWidget):
    """A bar from stranger to speaker."""

    def __init__(self) -> None:
        super().__init__()
        self._share: float | None = None
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        policy.setRetainSizeWhenHidden(True)
        self.setSizePolicy(policy)

    def sizeHint(self) -> QSize:
        """A slim bar."""
        return QSize(120, 8)

    def show_share(self, share: float | None) -> None:
        """Shows 0 to 1, nothing for None."""
        if share != self._share:
            self._share = share
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws track and bar."""
        theme = current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.border))
        painter.drawRoundedRect(QRectF(0, 1, self.width(), 6), 3, 3)
        if self._share:
            painter.setBrush(QColor(theme.output))
            painter.drawRoundedRect(QRectF(0, 1, max(6.0, self._share * self.width()), 6), 3, 3)
        painter.end()


class LikenessMeter(QWidget):
    """A bar, the target's name with a percentage, and the word for clarity.

    >>> meter.show_reading(reading, session.voice)
    """

    def __init__(self) -> None:
        super().__init__()
        self.target = ElidedLabel("")
        self.clarity = label("", "caption")
        self.bar = LikenessBar()
        self.setToolTip(TIP)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.target, 1)
        row.addWidget(self.clarity)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(3)
        column.addLayout(row)
        column.addWidget(self.bar)
        self.show_reading(Reading(), None)

    def show_reading(self, reading: Reading, voice: Voice | None, live: bool = True) -> None:
        """Shows a reading of `voice`; `live` says that more speech will come."""
        text = _sentence(reading, voice, live)
        self.target.setText(text)
        self.target.setToolTip(TIP)
        self.bar.show_share(reading.likeness)
        self.bar.setVisible(voice is not None and bool(voice.embedding))
        words, tone = WORDS[reading.clarity] if reading.clarity and voice else ("", "")
        self.clarity.setText(words)
        if self.clarity.property("tone") != tone:
            self.clarity.setProperty("tone", tone)
            self.clarity.style().unpolish(self.clarity)
            self.clarity.style().polish(self.clarity)
        self.setAccessibleName(f"{text}, {words}" if words else text)


def _sentence(reading: Reading, voice: Voice | None, live: bool) -> str:
    if voice is None:
        return "" if not live else "No voice chosen"
    if voice.kind is VoiceKind.RVC:
        return f"{voice.name}: no recording to compare with"
    if not voice.embedding:
        return f"{voice.name} is nobody's voice"
    if reading.likeness is None:
        few = reading.speech_s < MIN_SPEECH_S and live
        return f"Like {voice.name}: not enough speech" if few else f"Like {voice.name}: –"
    return f"Like {voice.name}: {100 * reading.likeness:.0f} %"
