"""The voices as rows: found by words, favourites first. All 500 are sorted and searched in one go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from PySide6.QtCore import QAbstractListModel, QMimeData, QModelIndex, QPersistentModelIndex, Qt, QUrl
from PySide6.QtGui import QImage

from gui.widgets.text import tip
from voices.folder import DamagedVoice
from voices.voice import Voice, VoiceKind

Index = QModelIndex | QPersistentModelIndex
KIND_NAMES = {VoiceKind.NEURAL: "Neural", VoiceKind.MODEL_FREE: "Instant", VoiceKind.RVC: "Studio"}
"""What a card is tagged with. Studio: RVC voices, of studio quality and too late for a quick exchange."""
DAMAGED = "Damaged"


class Role(IntEnum):
    """What a card knows beside its name."""

    ID = Qt.ItemDataRole.UserRole + 1
    CARD = Qt.ItemDataRole.UserRole + 2
    FAVOURITE = Qt.ItemDataRole.UserRole + 3
    STATUS = Qt.ItemDataRole.UserRole + 4
    PICTURE = Qt.ItemDataRole.UserRole + 5


@dataclass(frozen=True)
class Card:
    """A voice, or a file that should be one, as the list shows it."""

    id: str
    name: str
    text: str
    tag: str
    voice: Voice | None = None

    @property
    def words(self) -> str:
        """What a search looks at."""
        return f"{self.name} {self.text} {self.tag}".casefold()


def make_card(found: Voice | DamagedVoice) -> Card:
    """Returns the card of a voice or of a damaged file."""
    if isinstance(found, DamagedVoice):
        return Card(found.id, found.id, found.reason, DAMAGED)
    return Card(found.id, found.name, found.description, KIND_NAMES[found.kind], found)


class VoiceModel(QAbstractListModel):
    """The cards that match the search, with what the window knows about each.

    `picture(id)` returns a voice's picture, `file(id)` a voice file to drag out.
    """

    def __init__(
        self,
        picture: Callable[[str], QImage | None] = lambda _: None,
        file: Callable[[str], Path | None] = lambda _: None,
    ) -> None:
        super().__init__()
        self._picture, self._file = picture, file
        self._all: list[tuple[Card, str]] = []
        self._shown: list[Card] = []
        self._rows: dict[str, int] = {}
        self._favourites: frozenset[str] = frozenset()
        self._wanted: list[str] = []
        self.chosen = ""
        self.failures: dict[str, str] = {}

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """How many match."""
        return 0 if parent.isValid() else len(self._shown)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """One fact about one voice."""
        card = self._shown[index.row()]
        failure = self.failures.get(card.id, "") or ("" if card.voice else card.text)
        if role == Qt.ItemDataRole.DisplayRole:
            return card.name
        if role == Qt.ItemDataRole.ToolTipRole:
            return tip(failure or card.text)
        if role == Qt.ItemDataRole.StatusTipRole:
            return failure or card.text
        if role == Qt.ItemDataRole.AccessibleDescriptionRole:
            chosen = "Chosen. " if card.id == self.chosen else ""
            return f"{chosen}{card.tag}. {failure or card.text}"
        if role == Role.PICTURE:
            return self._picture(card.id) if card.voice else None
        return {
            int(Role.ID): card.id,
            int(Role.CARD): card,
            int(Role.FAVOURITE): card.id in self._favourites,
            int(Role.STATUS): failure,
        }.get(role)

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Every voice can be dragged out."""
        return super().flags(index) | Qt.ItemFlag.ItemIsDragEnabled

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:
        """The files of the voices."""
        mime = QMimeData()
        files = [self._file(index.data(Role.ID)) for index in indexes if index.data(Role.CARD).voice]
        mime.setUrls([QUrl.fromLocalFile(str(path)) for path in files if path])
        return mime

    def show_voices(self, voices: Sequence[Voice], damaged: Sequence[DamagedVoice] = ()) -> None:
        """Shows another library, damaged files last."""
        cards = [*map(make_card, voices), *map(make_card, damaged)]
        self._all = [(card, card.words) for card in cards]
        self._sift()

    def set_favourites(self, ids: Sequence[str]) -> None:
        """Shows these voices as favourites, first in the list."""
        if self._favourites != frozenset(ids):
            self._favourites = frozenset(ids)
            self._sift()

    def search(self, text: str) -> None:
        """Keeps only voices with all these words in name, description or kind."""
        wanted = text.casefold().split()
        if wanted != self._wanted:
            self._wanted = wanted
            self._sift()

    def set_chosen(self, voice_id: str) -> None:
        """Shows one voice as the one that speaks."""
        before, self.chosen = self.chosen, voice_id
        for which in (before, voice_id):
            self.touch(which)

    def set_failure(self, voice_id: str, reason: str) -> None:
        """Shows why a voice can't speak; an empty reason takes it back."""
        self.failures[voice_id] = reason
        self.touch(voice_id)

    def touch(self, voice_id: str) -> None:
        """Has a card painted again."""
        row = self.row_of(voice_id)
        if row >= 0:
            self.dataChanged.emit(self.index(row), self.index(row))

    def row_of(self, voice_id: str) -> int:
        """Returns the row of a voice, -1 where it isn't shown."""
        return self._rows.get(voice_id, -1)

    def _sift(self) -> None:
        matching = [card for card, words in self._all if all(word in words for word in self._wanted)]
        shown = sorted(matching, key=lambda card: card.id not in self._favourites)
        if shown == self._shown:
            if shown:
                self.dataChanged.emit(self.index(0), self.index(len(shown) - 1))
            return
        self.beginResetModel()
        self._shown = shown
        self._rows = {card.id: row for row, card in enumerate(shown)}
        self.endResetModel()
