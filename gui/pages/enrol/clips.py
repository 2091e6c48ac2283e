"""The recordings as cards: what was measured, what to do about it, play and remove."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from gui.icons import draw
from gui.pages.enrol.deck import Clip
from gui.theme import current
from gui.widgets.buttons import IconButton
from gui.widgets.text import ElidedLabel, label
from inference.quality.card import Grade, Line

MARKS = {Grade.GOOD: ("check", "live"), Grade.FAIR: ("info", "warning"), Grade.POOR: ("warning", "danger")}
GRADE_WORDS = {Grade.GOOD: "good", Grade.FAIR: "fair", Grade.POOR: "poor"}
COLUMNS = 2


class Outline(QWidget):
    """The loudness of a clip over time."""

    def __init__(self, clip: Clip) -> None:
        super().__init__()
        self._clip = clip
        self.setFixedHeight(28)
        self.setAccessibleName(f"Waveform of {clip.title}")

    def sizeHint(self) -> QSize:
        """A strip."""
        return QSize(160, 28)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws one bar per 3 px."""
        report = self._clip.report
        if report is None:
            return
        theme = current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.text_disabled if self._clip.refusal else theme.input))
        bars = max(1, self.width() // 3)
        step = len(report.outline) / bars
        for i in range(bars):
            peak = float(report.outline[int(i * step) : int((i + 1) * step) + 1].max())
            height = max(2.0, peak * self.height())
            painter.drawRoundedRect(QRectF(3 * i, (self.height() - height) / 2, 2, height), 1, 1)
        painter.end()


class Mark(QWidget):
    """The sign of a grade."""

    def __init__(self, grade: Grade) -> None:
        super().__init__()
        self._grade = grade
        self.setFixedSize(16, 16)
        self.setAccessibleName(GRADE_WORDS[grade])

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws it."""
        name, role = MARKS[self._grade]
        painter = QPainter(self)
        draw(painter, name, QRectF(1, 1, 14, 14), str(getattr(current(), role)))
        painter.end()


class LineView(QWidget):
    """One measure: sign, name, value, and what to do about it where it is not good."""

    def __init__(self, line: Line) -> None:
        super().__init__()
        self.setToolTip(line.advice)
        self.setAccessibleName(f"{line.name}: {GRADE_WORDS[line.grade]}, {line.value}. {line.advice}")
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(Mark(line.grade))
        row.addWidget(label(line.name, "section"))
        row.addWidget(ElidedLabel(line.value), 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(1)
        column.addLayout(row)
        if line.grade is not Grade.GOOD:
            advice = label(line.advice, "caption", wrap=True)
            advice.setContentsMargins(22, 0, 0, 0)
            column.addWidget(advice)


class ClipCard(QFrame):
    """A clip with its card; `play` and `remove` are told with it."""

    def __init__(self, clip: Clip, play: Callable[[Clip], None], remove: Callable[[Clip], None]) -> None:
        super().__init__()
        self.setObjectName("tile")
        self.clip = clip
        self.play = IconButton("play", f"Play {clip.title}")
        self.remove = IconButton("trash", f"Remove {clip.title}")
        self.verdict: QLabel = label("Listening …", "caption", wrap=True)
        self.play.clicked.connect(lambda: play(clip))
        self.remove.clicked.connect(lambda: remove(clip))
        self._outline = Outline(clip)
        self._lines = QGridLayout()
        self._lines.setHorizontalSpacing(18)
        self._lines.setVerticalSpacing(4)
        for column in range(COLUMNS):
            self._lines.setColumnStretch(column, 1)
        self._title = ElidedLabel(clip.title, "panel")
        self._length = label("", "caption")
        self._lay_out()
        self._shown = False
        self.show_report()

    def show_report(self) -> None:
        """Shows what was found once it has been."""
        clip = self.clip
        self.setAccessibleName(f"Recording: {clip.title}")
        if self._shown or (clip.report is None and not clip.problem):
            return
        self._shown = True
        if clip.report:
            self._length.setText(f"{clip.report.card.seconds:.0f} s")
        self._show_verdict()
        lines = clip.report.card.lines if clip.report else ()
        self.lines = [LineView(line) for line in lines]
        for i, view in enumerate(self.lines):
            half = -(-len(lines) // COLUMNS)
            self._lines.addWidget(view, i % half, i // half, Qt.AlignmentFlag.AlignTop)
        self._outline.update()

    def show_playing(self, on: bool) -> None:
        """Shows whether it is being played."""
        self.play.show_icon("stop" if on else "play", "accent" if on else "text_muted")
        name = f"{'Stop' if on else 'Play'} {self.clip.title}"
        self.play.setToolTip(name)
        self.play.setAccessibleName(name)

    def _show_verdict(self) -> None:
        refusal = self.clip.refusal
        grade = self.clip.report.card.grade if self.clip.report else Grade.POOR
        words = {
            Grade.GOOD: "A good recording.",
            Grade.FAIR: "Usable; it could be better.",
            Grade.POOR: "Usable, but the voice will suffer.",
        }
        self.verdict.setText(f"Refused. {refusal}" if refusal else words[grade])
        self.verdict.setProperty("kind", "danger" if refusal else "caption")
        self.verdict.style().unpolish(self.verdict)
        self.verdict.style().polish(self.verdict)

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(self.play)
        words = QVBoxLayout()
        words.setSpacing(0)
        title = QHBoxLayout()
        title.addWidget(self._title, 1)
        title.addWidget(self._length)
        words.addLayout(title)
        words.addWidget(self.verdict)
        top.addLayout(words, 1)
        top.addWidget(self._outline, 1)
        top.addWidget(self.remove)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 10)
        column.setSpacing(8)
        column.addLayout(top)
        column.addLayout(self._lines)


class ClipList(QWidget):
    """The cards, newest first; keeps those that stay."""

    play = Signal(object)
    remove = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.cards: list[ClipCard] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(8)

    def show_clips(self, clips: list[Clip]) -> None:
        """Shows these clips."""
        known = {id(card.clip): card for card in self.cards}
        wanted = [
            known.pop(id(clip)) if id(clip) in known else ClipCard(clip, self.play.emit, self.remove.emit)
            for clip in reversed(clips)
        ]
        for card in known.values():
            self._column.removeWidget(card)
            card.deleteLater()
        for place, card in enumerate(wanted):
            card.show_report()
            if self._column.indexOf(card) != place:
                self._column.insertWidget(place, card)
        self.cards = wanted

    def show_playing(self, clip: Clip | None) -> None:
        """Marks the one that is heard."""
        for card in self.cards:
            card.show_playing(card.clip is clip)
