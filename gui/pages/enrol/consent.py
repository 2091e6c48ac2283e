"""Step 2: who agreed, in plain words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from gui.pages.enrol.step import StepCard, field
from gui.widgets.buttons import Choice, Segments
from gui.widgets.text import label
from gui.widgets.tick_box import TickBox
from voices.manifest import Consent

OWN, AGREED, OPEN = "own", "agreed", "open"
KINDS = (
    Choice(OWN, "My own voice", "You speak in the recordings yourself"),
    Choice(AGREED, "They agreed", "Somebody else speaks and has agreed to this voice"),
    Choice(OPEN, "Open licence", "The recordings are published under a licence that allows this"),
)
OWN_WORDS = "This is my own voice. I want it to be made into a voice that Menura can speak with."
AGREED_WORDS = "The speaker knows what this voice is for and has agreed that it is made."
OPEN_WORDS = "The licence of these recordings allows a voice to be made of them."


@dataclass(frozen=True)
class Agreement:
    """What was said about consent, with the licence the voice is kept under."""

    consent: Consent
    licence: str


class ConsentStep(StepCard):
    """`changed` on every edit; `agreement()` is None until everything is said."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__(2, "Consent")
        self.kind = Segments("Who speaks", KINDS)
        self.own_who, self.own_sure = QLineEdit(), TickBox(OWN_WORDS)
        self.who, self.when, self.agreed_sure = QLineEdit(), QLineEdit(), TickBox(AGREED_WORDS)
        self.source, self.licence, self.open_sure = QLineEdit(), QLineEdit(), TickBox(OPEN_WORDS)
        self._sure = {OWN: self.own_sure, AGREED: self.agreed_sure, OPEN: self.open_sure}
        self.own_who.setPlaceholderText("First and last name")
        self.who.setPlaceholderText("Who speaks: first and last name")
        self.when.setPlaceholderText("For example 2026-11-22, by e-mail")
        self.source.setPlaceholderText("Title and address of the recordings")
        self.licence.setPlaceholderText("For example CC0-1.0")
        self._lay_out()
        self.kind.chosen.connect(self._show)
        self.kind.choose(OWN)
        self._show(OWN)
        for edit in (self.own_who, self.who, self.when, self.source, self.licence):
            edit.setMaxLength(200)
            edit.textChanged.connect(self.changed)
        for box in self._sure.values():
            box.toggled.connect(self.changed)

    def agreement(self) -> Agreement | None:
        """Returns what was agreed, or None while something is missing."""
        return None if self.missing() else self._made()

    def missing(self) -> str:
        """What has still to be said: a sentence, or empty."""
        wanted = {
            OWN: [(self.own_who, "Say in step 2 who you are.")],
            AGREED: [(self.who, "Say in step 2 who agreed."), (self.when, "Say in step 2 when they agreed.")],
            OPEN: [
                (self.source, "Say in step 2 where the recordings come from."),
                (self.licence, "Say in step 2 which licence they have."),
            ],
        }[self.kind.value()]
        empty = next((sentence for edit, sentence in wanted if not edit.text().strip()), "")
        if empty:
            return empty
        sure = self._sure[self.kind.value()].isChecked()
        return "" if sure else "Tick the sentence in step 2: without consent no voice is made."

    def clear(self) -> None:
        """Asks anew: what was agreed holds for one voice."""
        for edit in (self.who, self.when, self.source, self.licence):
            edit.clear()
        for box in self._sure.values():
            box.setChecked(False)

    def _made(self) -> Agreement:
        today = date.today().isoformat()
        if self.kind.value() == OWN:
            consent = Consent(self.own_who.text().strip(), today, "recorded by the speaker", OWN_WORDS)
            return Agreement(consent, "private")
        if self.kind.value() == AGREED:
            who, when = self.who.text().strip(), self.when.text().strip()
            return Agreement(
                Consent(who, when, "recorded with the speaker's consent", AGREED_WORDS), "private"
            )
        source, licence = self.source.text().strip(), self.licence.text().strip()
        return Agreement(Consent(f"licence {licence}", today, source, OPEN_WORDS), licence)

    def _lay_out(self) -> None:
        self.body.addWidget(self.kind)
        self._pages = {
            OWN: _page([("Your name", self.own_who)], self.own_sure),
            AGREED: _page([("Who agreed", self.who), ("When and how", self.when)], self.agreed_sure),
            OPEN: _page([("Source", self.source), ("Licence", self.licence)], self.open_sure),
        }
        # Not a stack, which is always as high as its highest page: a low screen has no room for that.
        for page in self._pages.values():
            self.body.addWidget(page)
        self.body.addWidget(
            label("This is stored in the voice and goes with it when it is shared.", "caption", True)
        )
        self.body.addStretch(1)

    def _show(self, kind: str) -> None:
        for name, page in self._pages.items():
            page.setVisible(name == kind)
        self.changed.emit()


class _Words(QLabel):
    """The sentence beside a tick box; a click on it ticks."""

    def __init__(self, box: TickBox) -> None:
        super().__init__(box.accessibleName())
        self._box = box
        self.setWordWrap(True)
        self.setProperty("kind", "body")

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Ticks."""
        self._box.toggle()


def _page(fields: list[tuple[str, QLineEdit]], sure: TickBox) -> QWidget:
    page = QWidget()
    column = QVBoxLayout(page)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(4)
    for name, edit in fields:
        for widget in field(name, edit):
            column.addWidget(widget)
    column.addSpacing(4)
    row = QHBoxLayout()
    row.setSpacing(8)
    row.addWidget(sure, 0, Qt.AlignmentFlag.AlignTop)
    row.addWidget(_Words(sure), 1)
    column.addLayout(row)
    column.addStretch(1)
    return page
