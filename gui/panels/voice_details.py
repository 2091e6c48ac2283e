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
from inference.reach import lacks_pitch
from inference.rvc.facts import RvcError, count_vectors, read_facts
from inference.usual_pitch import UsualPitch, pitch_refusal
from voices.folder import DamagedVoice
from voices.manifest import Manifest
from voices.models import model_folder
from voices.refinement import Refinement
from voices.voice import Voice, VoiceKind

WIDTH = 460
Offer = tuple[str, object]
"""A button's text and the signal that it sends."""
FACE = 64
LATENCY = "0.2 to 1.1 s, by the speed of this computer; the meter shows it exactly while the voice speaks"
"""Of an RVC voice: the blocks of `inference.rvc.build`, their computing and their seams."""


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
    """`removal_wanted`, `export_wanted`, `renaming_wanted` and `pitch_wanted` carry the voice's id; each
    closes it."""

    removal_wanted = Signal(str)
    export_wanted = Signal(str)
    renaming_wanted = Signal(str)
    pitch_wanted = Signal(str)

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
        shared = voice.kind is not VoiceKind.RVC
        pitched = voice.kind is VoiceKind.RVC and not pitch_refusal(voice)
        self._buttons(
            [("Remove", self.removal_wanted)] * own,
            [("Usual pitch…", self.pitch_wanted)] * pitched
            + [("Rename…", self.renaming_wanted)] * own
            + [("Export…", self.export_wanted)] * shared,
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
    unknown = "not known: it keeps yours" if lacks_pitch(voice) else "follows yours"
    pitch = UsualPitch.of(voice).in_words() or unknown
    agreed = f"{consent.who}, {consent.when}" if consent else "not needed: made from no recording"
    found = [
        *(rvc_facts(voice) if voice.kind is VoiceKind.RVC else ()),
        ("Consent", agreed),
        ("In words", consent.statement if consent else ""),
        ("Source", (consent.source if consent else "") or voice.source),
        ("Licence", voice.licence),
        ("Pitch", pitch),
        ("Clips", clips),
        ("Refined", _refined(voice.refinement)),
        ("Made", manifest.created.replace("T", " ").replace("Z", " UTC")),
    ]
    return [(name, text) for name, text in found if text]


def rvc_facts(voice: Voice) -> list[tuple[str, str]]:
    """Returns what is known of an RVC voice's model, or why there is none."""
    try:
        folder = model_folder(voice.model)
        known = read_facts(folder)
        vectors = count_vectors(folder)
    except (RvcError, OSError) as error:
        return [("Model", str(error))]
    name = f", {known.speaker_names[voice.speaker]}" if voice.speaker < len(known.speaker_names) else ""
    speaker = f"number {voice.speaker} of {known.speakers}{name}" if known.speakers > 1 else ""
    return [
        ("Model", known.in_words()),
        ("Author's note", known.info),
        ("Speaker", speaker),
        ("Index", f"{vectors:,} vectors" if vectors else "none"),
        ("Latency", LATENCY),
    ]


def _refined(refinement: Refinement | None) -> str:
    if refinement is None:
        return ""
    before, after = f"{refinement.likeness_before:.0%}", f"{refinement.likeness_after:.0%}"
    return f"with {refinement.speech_s:.0f} s of speech: likeness {before} before, {after} after"


def _selectable(text: str) -> QLabel:
    made = label(text, wrap=True)
    flags = Qt.TextInteractionFlag
    made.setTextInteractionFlags(flags.TextSelectableByMouse | flags.TextSelectableByKeyboard)
    return made
