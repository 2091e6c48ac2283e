"""The voice library: search, cards, favourites, files in and out; one click or Enter switches."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QModelIndex, QPoint, QSize, Qt, Signal
from PySide6.QtGui import QAction, QContextMenuEvent, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QListView, QMenu, QStackedWidget, QVBoxLayout, QWidget

from gui.icons import icon
from gui.panels.refine_bar import RefineBar
from gui.widgets.buttons import THEME_EVENTS, IconButton, PushButton
from gui.widgets.text import label
from gui.widgets.voice_cards import CARD_HEIGHT, CardDelegate
from gui.widgets.voice_model import Role, VoiceModel
from inference.usual_pitch import pitch_refusal
from voices.folder import DamagedVoice
from voices.voice import Voice, VoiceKind

MIN_CARD_WIDTH = 210


class CardView(QListView):
    """Cards in as many columns as fit; arrows move, Enter or Space chooses, F marks, the menu key offers."""

    entered_card = Signal(QModelIndex)
    favourite_toggled = Signal(QModelIndex)
    removal_wanted = Signal(QModelIndex)
    renaming_wanted = Signal(QModelIndex)
    menu_wanted = Signal(QModelIndex, QPoint)

    def __init__(self) -> None:
        super().__init__()
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setMovement(QListView.Movement.Static)
        self.setDragEnabled(True)
        self.setDragDropMode(QListView.DragDropMode.DragOnly)
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
        """Chooses, marks, renames, removes or moves."""
        index, key = self.currentIndex(), event.key()
        signals = {
            Qt.Key.Key_Return: self.entered_card,
            Qt.Key.Key_Enter: self.entered_card,
            Qt.Key.Key_Space: self.entered_card,
            Qt.Key.Key_F: self.favourite_toggled,
            Qt.Key.Key_F2: self.renaming_wanted,
            Qt.Key.Key_Delete: self.removal_wanted,
        }
        plain = event.modifiers() in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier)
        if plain and key in signals and index.isValid():
            signals[Qt.Key(key)].emit(index)
        elif event.text().isalnum():
            event.ignore()
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Offers what can be done with a voice."""
        by_key = event.reason() == QContextMenuEvent.Reason.Keyboard
        index = self.currentIndex() if by_key else self.indexAt(event.pos())
        if index.isValid():
            at = self.visualRect(index).center() if by_key else event.pos()
            self.menu_wanted.emit(index, self.viewport().mapToGlobal(at))


class VoicesPanel(QWidget):
    """Every signal carries the id of a voice; `favourite_changed` whether it is one."""

    chosen = Signal(str)
    favourite_changed = Signal(str, bool)
    details_wanted = Signal(str)
    renaming_wanted = Signal(str)
    export_wanted = Signal(str)
    removal_wanted = Signal(str)
    pitch_wanted = Signal(str)
    refining_wanted = Signal(str)
    new_wanted = Signal()
    import_wanted = Signal()

    def __init__(self, model: VoiceModel | None = None) -> None:
        super().__init__()
        self.model = model or VoiceModel()
        self.view = CardView()
        self.delegate = CardDelegate(self.model)
        self.view.setModel(self.model)
        self.view.setItemDelegate(self.delegate)
        self.search = QLineEdit()
        self.new = IconButton("plus", "New voice from a recording", 18)
        self.add = IconButton("import", "Add voice files (or drop them onto the window)", 18)
        self.refining = RefineBar()
        self._glass = QAction(self)
        self._pages = QStackedWidget()
        self._nothing = label("", "caption", wrap=True)
        self._lay_out()
        self._connect()
        self._show_rows()

    def show_voices(self, voices: Sequence[Voice], damaged: Sequence[DamagedVoice] = ()) -> None:
        """Shows another library; the place in the list stays."""
        self.model.show_voices(voices, damaged)

    def show_voice(self, voice: Voice | None) -> None:
        """Shows the chosen voice and brings it into view."""
        if voice:
            self.model.set_chosen(voice.id)
            self._go_to(voice.id)

    def show_failure(self, voice_id: str, reason: str) -> None:
        """Shows why a voice could not be loaded; an empty reason takes it back."""
        self.model.set_failure(voice_id, reason)

    def show_favourites(self, ids: Sequence[str]) -> None:
        """Shows the favourites."""
        self.model.set_favourites(ids)

    def make_menu(self, index: QModelIndex) -> QMenu:
        """Returns what can be done with a voice."""
        card, favourite = index.data(Role.CARD), index.data(Role.FAVOURITE)
        menu = QMenu(self)

        def offer(text: str, keys: str, signal: object, *more: object) -> QAction:
            action = menu.addAction(f"{text}\t{keys}" if keys else text)
            action.triggered.connect(lambda: signal.emit(card.id, *more))  # type: ignore[attr-defined]
            return action

        if card.voice:
            offer("Use this voice", "Enter", self.chosen)
            offer("No favourite" if favourite else "Favourite", "F", self.favourite_changed, not favourite)
        offer("Details", "", self.details_wanted)
        menu.addSeparator()
        if card.voice:
            offer("Rename…", "F2", self.renaming_wanted).setEnabled(not card.voice.builtin)
            offer("Export…", "", self.export_wanted).setEnabled(card.voice.kind is not VoiceKind.RVC)
            pitch = offer("Usual pitch…", "", self.pitch_wanted)
            pitch.setEnabled(not pitch_refusal(card.voice))
            refine = offer("Refine with recordings…", "", self.refining_wanted)
            refine.setEnabled(card.voice.kind is not VoiceKind.MODEL_FREE)
        remove = offer("Remove", "Del", self.removal_wanted)
        remove.setEnabled(not (card.voice and card.voice.builtin))
        return menu

    def changeEvent(self, event: QEvent) -> None:
        """Takes over a new theme."""
        if event.type() in THEME_EVENTS:
            self._glass.setIcon(icon("search", "text_muted", 16))
        super().changeEvent(event)

    def _lay_out(self) -> None:
        self.search.setPlaceholderText("Search voices")
        self.search.setAccessibleName("Search voices")
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
        head = QHBoxLayout()
        head.setSpacing(2)
        head.addWidget(self.search, 1)
        head.addSpacing(4)
        head.addWidget(self.new)
        head.addWidget(self.add)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 2, 8, 8)
        column.setSpacing(8)
        column.addLayout(head)
        column.addWidget(self._pages, 1)
        column.addWidget(self.refining)

    def _connect(self) -> None:
        self.search.textChanged.connect(self.model.search)
        self._clear.clicked.connect(self.search.clear)
        self.new.clicked.connect(self.new_wanted)
        self.add.clicked.connect(self.import_wanted)
        self.view.clicked.connect(self._choose)
        self.view.entered_card.connect(self._choose)
        self.view.favourite_toggled.connect(self._mark)
        self.view.renaming_wanted.connect(lambda i: self._if_own(i, self.renaming_wanted))
        self.view.removal_wanted.connect(lambda i: self._if_own(i, self.removal_wanted))
        self.view.menu_wanted.connect(lambda i, at: self.make_menu(i).popup(at))
        self.delegate.star_clicked.connect(self._star)
        self.delegate.more_clicked.connect(self._offer)
        self.model.modelReset.connect(self._show_rows)

    def _choose(self, index: QModelIndex) -> None:
        card = index.data(Role.CARD)
        if self._handled:
            self._handled = False
        elif card.voice:
            self.chosen.emit(card.id)
        else:
            self.details_wanted.emit(card.id)

    _handled = False
    """Qt reports a click on the star or the dots as a click on the card too."""

    def _mark(self, index: QModelIndex) -> None:
        if index.data(Role.CARD).voice:
            self.favourite_changed.emit(index.data(Role.ID), not index.data(Role.FAVOURITE))

    def _star(self, voice_id: str, on: bool) -> None:
        self._handled = True
        self.favourite_changed.emit(voice_id, on)

    def _offer(self, index: QModelIndex) -> None:
        self._handled = True
        box = self.view.visualRect(index)
        self.make_menu(index).popup(self.view.viewport().mapToGlobal(box.center()))

    def _if_own(self, index: QModelIndex, signal: object) -> None:
        card = index.data(Role.CARD)
        if not (card.voice and card.voice.builtin):
            signal.emit(card.id)  # type: ignore[attr-defined]

    def _go_to(self, voice_id: str) -> None:
        row = self.model.row_of(voice_id)
        if row >= 0:
            self.view.setCurrentIndex(self.model.index(row))

    def _show_rows(self) -> None:
        text = self.search.text().strip()
        found = self.model.rowCount() > 0
        self._pages.setCurrentIndex(0 if found else 1)
        self._clear.setVisible(bool(text))
        self._nothing.setText(f"No voice matches “{text}”." if text else "No voices in the library yet.")
        self._go_to(self.model.chosen)
        if found and not self.view.currentIndex().isValid():
            self.view.setCurrentIndex(self.model.index(0))
