"""Everything known about a voice: who agreed, under which licence, what it was made from."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QDialog, QFormLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from gui.widgets.buttons import PushButton
from gui.widgets.text import label
from gui.widgets.voice_cards import paint_avatar
from gui.widgets.voice_model import KIND_NAMES
from voices.folder import DamagedVoice
from voices.manifest import Manifest
from voices.voice import Voice

WIDTH = 460
Offer = tuple[str, object]
"""A button's text and the signal that it sends."""
FACE = 64


class Face(QWidget):
    """A voice's picture."""

    def __init__(self, voice: Voice, picture: QImage | None) -> None:
        super().__init__()
        self._voice, self._picture = voice, picture
        self.setFixedSize(FACE, FACE)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws it."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        paint_avatar(painter, self.rect().toRectF().adjusted(1, 1, -1, -1), self._voice, self._picture)
        painter.end()


class DetailsDialog(QDialog):
    """`removal_wanted`, `export_wanted` and `renaming_wanted` carry the voice's id; each closes it."""

    removal_wanted = Signal(str)
    export_wanted = Signal(str)
    renaming_wanted = Signal(str)

    def __init__(self, parent: QWidget, title: str, voice_id: str) -> None:
        super().__init__(parent.window())
        self.setWindowTitle(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setFixedWidth(WIDTH)
        self._id = voice_id
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(24, 20, 24, 20)
        self._column.setSpacing(14)

    def show_voice(self, manifest: Manifest, picture: QImage | None) -> None:
        """Shows a voice; built-in ones can be exported alone."""
        voice = manifest.voice
        head = QHBoxLayout()
        head.setSpacing(14)
        head.addWidget(Face(voice, picture), alignment=Qt.AlignmentFlag.AlignTop)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(label(voice.name, "title"))
        words.addWidget(label(f"{KIND_NAMES[voice.kind]}{', built in' if voice.builtin else ''}", "caption"))
        words.addWidget(label(voice.description, wrap=True))
        words.addStretch(1)
        head.addLayout(words, 1)
        self._column.addLayout(head)
        form = QFormLayout()
        form.setHorizontalSpacing(16)
        form.setVerticalSpacing(8)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        for name, text in facts(manifest):
            form.addRow(label(name, "section"), _selectable(text))
        self._column.addLayout(form)
        own = not voice.builtin
        self._buttons(
            [("Remove", self.removal_wanted)] * own,
            [("Rename…", self.renaming_wanted)] * own + [("Export…", self.export_wanted)],
        )

    def show_damaged(self, damaged: DamagedVoice) -> None:
        """Shows why a file is no voice, and the ways out."""
        self._column.addWidget(label(f"“{damaged.id}” cannot be used", "title", wrap=True))
        self._column.addWidget(label(damaged.reason, wrap=True))
        self._column.addWidget(_selectable(str(damaged.path)))
        advice = "Add the voice again from another copy, or remove this one: it goes to the library's trash."
        self._column.addWidget(label(advice, "caption", wrap=True))
        folder = PushButton("Show in folder")
        url = QUrl.fromLocalFile(str(damaged.path.parent))
        folder.clicked.connect(lambda: QDesktopServices.openUrl(url))
        self._buttons([("Remove", self.removal_wanted)], [], folder)

    def _buttons(self, left: Sequence[Offer], right: Sequence[Offer], more: PushButton | None = None) -> None:
        row = QHBoxLayout()
        row.setSpacing(8)
        for text, signal in left:
            row.addWidget(self._button(text, signal))
        if more:
            row.addWidget(more)
        row.addStretch(1)
        for text, signal in right:
            row.addWidget(self._button(text, signal))
        close = PushButton("Close", "primary")
        close.clicked.connect(self.accept)
        row.addWidget(close)
        self._column.addLayout(row)

    def _button(self, text: str, signal: object) -> PushButton:
        button = PushButton(text)
        button.clicked.connect(self.accept)
        button.clicked.connect(lambda: signal.emit(self._id))  # type: ignore[attr-defined]
        return button


def facts(manifest: Manifest) -> list[tuple[str, str]]:
    """Returns what there is to say about a voice, name by name."""
    voice, consent = manifest.voice, manifest.consent
    seconds = sum(clip.frames / clip.rate for clip in manifest.clips)
    clips = f"{len(manifest.clips)}, {seconds:.0f} s" if manifest.clips else ""
    low, high = voice.f0_low_hz, voice.f0_high_hz
    reach = f", mostly {low:.0f} to {high:.0f} Hz" if high else ""
    pitch = f"{voice.f0_median_hz:.0f} Hz{reach}" if voice.f0_median_hz else "follows yours"
    agreed = f"{consent.who}, {consent.when}" if consent else "not needed: made from no recording"
    found = [
        ("Consent", agreed),
        ("In words", consent.statement if consent else ""),
        ("Source", (consent.source if consent else "") or voice.source),
        ("Licence", voice.licence),
        ("Pitch", pitch),
        ("Clips", clips),
        ("Made", manifest.created.replace("T", " ").replace("Z", " UTC")),
    ]
    return [(name, text) for name, text in found if text]


def _selectable(text: str) -> QLabel:
    made = label(text, wrap=True)
    made.setTextFormat(Qt.TextFormat.PlainText)
    flags = Qt.TextInteractionFlag
    made.setTextInteractionFlags(flags.TextSelectableByMouse | flags.TextSelectableByKeyboard)
    return made
