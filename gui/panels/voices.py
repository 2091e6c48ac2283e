"""The voice library: search, cards, favourites; one click or Enter switches."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QModelIndex, QSize, Qt, Signal
from PySide6.QtGui import QAction, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QLineEdit, QListView, QStackedWidget, QVBoxLayout, QWidget

from gui.icons import icon
from gui.widgets.buttons import THEME_EVENTS, PushButton
from gui.widgets.text import label
from gui.widgets.voice_cards import CARD_HEIGHT, CardDelegate, Role, VoiceFilter, VoiceModel
from voices.voice import Voice

MIN_CARD_WIDTH = 210


class CardView(QListView):
    """Cards in as many columns as fit; arrows move, Enter or Space chooses, F marks a favourite."""

    entered_card = Signal(QModelIndex)
    favourite_toggled = Signal(QModelIndex)

    def __init__(self) -> None:
        super().__init__()
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setMovement(QListView.Movement.Static)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName("Voices")

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fits the columns."""
        room = self.viewport().width()
        columns = max(1, room // MIN_CARD_WIDTH)
        self.setGridSize(QSize(room // columns, CARD_HEIGHT))
        super().resizeEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Chooses, marks or moves."""
        index = self.currentIndex()
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and index.isValid():
            self.entered_card.emit(index)
        elif event.key() == Qt.Key.Key_F and index.isValid():
            self.favourite_toggled.emit(index)
        elif event.text().isalnum():
            event.ignore()
        else:
            super().keyPressEvent(event)


class VoicesPanel(QWidget):
    """`chosen(id)` switches, `favourite_changed(id, on)` marks."""

    chosen = Signal(str)
    favourite_changed = Signal(str, bool)

    def __init__(self, voices: Sequence[Voice]) -> None:
        super().__init__()
        self.model = VoiceModel(voices)
        self.filter = VoiceFilter(self.model)
        self.view = CardView()
        self._delegate = CardDelegate(self.model)
        self.view.setModel(self.filter)
        self.view.setItemDelegate(self._delegate)
        self.search = QLineEdit()
        self._glass = QAction(self)
        self._pages = QStackedWidget()
        self._nothing = label("", "caption", wrap=True)
        self._lay_out()
        self._connect()
        self._search("")

    def show_voice(self, voice: Voice | None) -> None:
        """Shows the chosen voice and brings it into view."""
        if voice:
            self.model.set_chosen(voice.id)
            index = self.filter.mapFromSource(self.model.index(self.model.row_of(voice.id)))
            if index.isValid():
                self.view.setCurrentIndex(index)

    def show_failure(self, voice_id: str, reason: str) -> None:
        """Shows why a voice could not be loaded; an empty reason takes it back."""
        self.model.set_failure(voice_id, reason)

    def show_favourites(self, ids: Sequence[str]) -> None:
        """Shows the favourites."""
        self.model.set_favourites(ids)
        self.filter.invalidate()

    def changeEvent(self, event: QEvent) -> None:
        """Takes over a new theme."""
        if event.type() in THEME_EVENTS:
            self._glass.setIcon(icon("search", "text_muted", 16))
        super().changeEvent(event)

    def _lay_out(self) -> None:
        self.search.setPlaceholderText("Search voices")
        self.search.setAccessibleName("Search voices")
        self.search.setClearButtonEnabled(False)
        self._glass.setIcon(icon("search", "text_muted", 16))
        self.search.addAction(self._glass, QLineEdit.ActionPosition.LeadingPosition)
        empty = QWidget()
        column = QVBoxLayout(empty)
        self._nothing.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self._clear = PushButton("Clear search", "link")
        column.addStretch(1)
        column.addWidget(self._nothing)
        column.addWidget(self._clear, alignment=Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(2)
        self._pages.addWidget(self.view)
        self._pages.addWidget(empty)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 2, 12, 8)
        column.setSpacing(8)
        column.addWidget(self.search)
        column.addWidget(self._pages, 1)

    def _connect(self) -> None:
        self.search.textChanged.connect(self._search)
        self._clear.clicked.connect(self.search.clear)
        self.view.clicked.connect(self._choose)
        self.view.entered_card.connect(self._choose)
        self.view.favourite_toggled.connect(
            lambda i: self.favourite_changed.emit(i.data(Role.ID), not i.data(Role.FAVOURITE))
        )
        self._delegate.star_clicked.connect(self._star)

    def _choose(self, index: QModelIndex) -> None:
        if not self._starred:
            self.chosen.emit(index.data(Role.ID))
        self._starred = False

    _starred = False
    """Qt reports a click on the star as a click on the card too."""

    def _star(self, voice_id: str, on: bool) -> None:
        self._starred = True
        self.favourite_changed.emit(voice_id, on)

    def _search(self, text: str) -> None:
        self.filter.search(text)
        found = self.filter.rowCount() > 0
        self._pages.setCurrentIndex(0 if found else 1)
        self._clear.setVisible(bool(text))
        self._nothing.setText(f"No voice matches “{text}”." if text else "No voices in the library yet.")
        if found and not self.view.currentIndex().isValid():
            self.view.setCurrentIndex(self.filter.index(0, 0))
