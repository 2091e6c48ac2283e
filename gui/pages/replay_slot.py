"""One take on the replay page: which voice and sound it has, how near it came, and what to do with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QToolButton, QVBoxLayout

from gui.pages.replay_deck import Slot
from gui.theme import Theme, current
from gui.widgets.buttons import IconButton, PushButton
from gui.widgets.likeness_meter import LikenessMeter
from gui.widgets.select import Select
from gui.widgets.text import ElidedLabel, label
from voices.tuning import Tuning


@dataclass(frozen=True)
class Sound:
    """A tuning a take can have, and what it is called."""

    title: str
    tuning: Tuning


def take_colour(theme: Theme, index: int) -> str:
    """Returns the colour of a take: the first two are those of the own and the converted voice."""
    return (theme.input, theme.output, theme.parts[2], theme.parts[5])[index]


class Swatch(QToolButton):
    """Shows a take's colour; pressed, the take is drawn."""

    def __init__(self) -> None:
        super().__init__()
        self._index = 0
        self.setCheckable(True)
        self.setChecked(True)
        self.setFixedSize(24, 24)

    def show_index(self, index: int) -> None:
        """Takes over the colour of a place."""
        self._index = index
        self.setToolTip(f"Show take {index + 1} in the picture")
        self.setAccessibleName(f"Show take {index + 1}")
        self.update()

    def sizeHint(self) -> QSize:
        """Small."""
        return QSize(24, 24)

    def paintEvent(self, event: QPaintEvent) -> None:
        """A filled disc, or a ring where the take is not drawn."""
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colour = QColor(take_colour(current(), self._index))
        pen = painter.pen()
        pen.setColor(colour)
        pen.setWidthF(2.0)
        painter.setPen(pen)
        painter.setBrush(colour if self.isChecked() else Qt.BrushStyle.NoBrush)
        painter.drawEllipse(QRectF(6, 6, 12, 12))
        painter.end()


class TakeCard(QFrame):
    """`voice_chosen(voice_id)`, "" for the own voice; `sound_chosen(index)` into the sounds shown."""

    voice_chosen = Signal(str)
    sound_chosen = Signal(int)
    listened = Signal()
    used = Signal()
    removed = Signal()
    drawn = Signal(bool)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("tile")
        self.swatch = Swatch()
        self.number = label("", "panel")
        self.gain = ElidedLabel("")
        self.close_button = IconButton("close", "Remove this take", 14)
        self.voice = Select("Voice of the take")
        self.sound = Select("Sound of the take")
        self.meter = LikenessMeter()
        self.listen = PushButton("Listen", "segment")
        self.listen.setCheckable(True)
        self.use = PushButton("Use this", "plain")
        self.use.setToolTip("The call hears this voice with this sound from now on")
        self._lay_out()
        self.swatch.toggled.connect(self.drawn)
        self.close_button.clicked.connect(self.removed)
        self.voice.activated.connect(lambda i: self.voice_chosen.emit(str(self.voice.itemData(i) or "")))
        self.sound.activated.connect(self.sound_chosen)
        self.listen.clicked.connect(self.listened)
        self.use.clicked.connect(self.used)

    def show_choices(self, voices: Sequence[tuple[str, object]], sounds: Sequence[Sound]) -> None:
        """Offers voices (title, id) and sounds; `show_slot` says which are chosen."""
        self.voice.show_items(list(voices), None)
        self.sound.show_items([(sound.title, i) for i, sound in enumerate(sounds)], None)
        self.sound.setVisible(bool(sounds))

    def show_slot(self, index: int, slot: Slot, heard: bool, rendering: bool) -> None:
        """Shows a take at its place."""
        self.swatch.show_index(index)
        self.swatch.blockSignals(True)
        self.swatch.setChecked(slot.shown)
        self.swatch.blockSignals(False)
        self.number.setText(f"{index + 1}")
        self.voice.setCurrentIndex(max(0, self.voice.findData(slot.voice.id if slot.voice else "")))
        self.sound.setCurrentIndex(max(0, self.sound.findText(slot.sound)))
        self.listen.setText("Listening" if heard else "Listen")
        self.listen.setChecked(heard)
        self.listen.setToolTip(f"Hear this take (key {index + 1})")
        self.listen.setAccessibleName(f"Listen to take {index + 1}, {slot.name}")
        self.listen.setEnabled(slot.take is not None)
        self.use.setEnabled(slot.take is not None and slot.voice is not None)
        self.use.setAccessibleName(f"Use take {index + 1}, {slot.name}")
        self.gain.setText(_state(slot, rendering))
        self.meter.show_reading(slot.reading, slot.voice, live=False)

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(4)
        head.addWidget(self.swatch)
        head.addWidget(self.number)
        head.addSpacing(6)
        head.addWidget(self.gain, 1)
        head.addWidget(self.close_button)
        buttons = QHBoxLayout()
        buttons.setSpacing(6)
        buttons.addWidget(self.listen, 1)
        buttons.addWidget(self.use, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 6, 8, 10)
        column.setSpacing(6)
        column.addLayout(head)
        column.addWidget(self.voice)
        column.addWidget(self.sound)
        column.addWidget(self.meter)
        column.addStretch(1)
        column.addLayout(buttons)


def _state(slot: Slot, rendering: bool) -> str:
    if slot.problem:
        return slot.problem
    if slot.take is None:
        return "rendering …" if rendering else "waits for a capture"
    return f"loudness matched, {slot.take.gain_db:+.1f} dB".replace("-", "−")
