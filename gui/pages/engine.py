"""The Engine page: what runs the networks here, what was certified, how long a hop takes."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
)

from gui.control.certifier import Certifier
from gui.pages.engine_rows import HEADINGS, cells, choices, in_use, running, speaking
from gui.pages.frame import PageFrame
from gui.session import Session
from gui.theme import current
from gui.widgets.buttons import THEME_EVENTS, PushButton
from gui.widgets.select import Select
from gui.widgets.text import label
from inference.coreml.certify import Certificate, recall
from inference.coreml.machine import CoreMLUnavailableError, key, workshop
from inference.engine.telemetry import Telemetry
from inference.runtimes import Wish, wish, wished

NOTHING = "Nothing has been tried on this machine yet. Trying takes some seconds, on a Mac minutes."


class EnginePage(PageFrame):
    """Shows the certificate of this machine; makes it anew and takes the user's choice."""

    _chosen: tuple[QTableWidgetItem, ...] = ()
    """What the table says of those that speak."""

    def __init__(self, session: Session) -> None:
        super().__init__("Engine", "What runs the neural voices here, how exactly and how fast.")
        self._session = session
        self.certifier = Certifier(self)
        self.runtime = Select("Runtime of the neural voices")
        self.certify = PushButton("Try everything", "primary", "refresh", "on_accent")
        self.state = label("", "body", wrap=True)
        self.speaking = label("", "body", wrap=True)
        self.times = label("", "caption", wrap=True)
        self.hint = label("", "caption", wrap=True)
        self.table = QTableWidget(0, len(HEADINGS))
        self._lay_out()
        self.runtime.activated.connect(self._choose)
        self.certify.clicked.connect(self._certify)
        self.certifier.finished.connect(self._certified)
        session.telemetry_read.connect(self._show_times)
        self._show_times(Telemetry())
        self.show_certificate()

    def show_certificate(self) -> None:
        """Reads and shows what is remembered for this machine, system and networks."""
        certificate = recall(key())
        self.runtime.show_items(choices(), wished())
        self.state.setText(in_use(wished(), certificate))
        self.hint.setText(_hint(certificate))
        self._fill(certificate)

    def _fill(self, certificate: Certificate | None) -> None:
        rows = certificate.rows if certificate else ()
        chosen = [certificate.chosen(network) for network in ("hop", "pitch")] if certificate else []
        found: list[QTableWidgetItem] = []
        self.table.setRowCount(len(rows))
        for line, row in enumerate(rows):
            for column, text in enumerate(cells(row)):
                item = QTableWidgetItem(text)
                item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable)
                item.setToolTip(text)
                self.table.setItem(line, column, item)
                if row in chosen:
                    found.append(item)
        self._chosen = tuple(found)
        self._colour()
        self.table.setVisible(bool(rows))

    def changeEvent(self, event: QEvent) -> None:
        """A new theme has another accent."""
        if event.type() in THEME_EVENTS:
            self._colour()
        super().changeEvent(event)

    def _colour(self) -> None:
        for item in self._chosen:
            item.setForeground(QColor(current().accent))

    def _choose(self) -> None:
        chosen = self.runtime.currentData()
        if isinstance(chosen, Wish):
            wish(chosen)
            self._session.choose_voice(self._session.voice_id)
            self.show_certificate()

    def _certify(self) -> None:
        self.certify.setEnabled(False)
        self.state.setText(
            "Every runtime and unit speaks three seconds of speech. A call may stutter meanwhile."
        )
        self.certifier.start()

    def _certified(self, fault: str) -> None:
        self.certify.setEnabled(True)
        self.show_certificate()
        if fault:
            self.state.setText(fault)

    def _show_times(self, telemetry: Telemetry) -> None:
        self.speaking.setText(speaking(telemetry))
        self.speaking.setVisible(telemetry.running)
        self.times.setText(running(telemetry))

    def _lay_out(self) -> None:
        self.head.addWidget(self.runtime)
        self.head.addWidget(self.certify)
        self.runtime.setMinimumWidth(240)
        self.runtime.setToolTip("Which runtime speaks; a unit that was not accepted is not used")
        self.certify.setToolTip("Lets every runtime and compute unit speak, and remembers which may")
        self.table.setHorizontalHeaderLabels(list(HEADINGS))
        self.table.setAccessibleName("What was tried on this machine")
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.verticalHeader().hide()
        self.table.setShowGrid(False)
        header = self.table.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setStretchLastSection(True)
        now = QVBoxLayout()
        now.addWidget(self.speaking)
        now.addWidget(self.times)
        words = QHBoxLayout()
        words.addWidget(self.state, 1, Qt.AlignmentFlag.AlignTop)
        words.addLayout(now, 1)
        words.setAlignment(now, Qt.AlignmentFlag.AlignTop)
        self.body.addLayout(words)
        self.body.addWidget(self.table, 1)
        self.body.addWidget(self.hint)
        self.body.addStretch(0)


def _hint(certificate: Certificate | None) -> str:
    try:
        workshop()
    except CoreMLUnavailableError as error:
        return str(error)
    return "" if certificate else NOTHING
