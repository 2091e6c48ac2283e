"""The voices as cards: model, filter and painting. A list view shows them, so hundreds cost nothing."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QPointF,
    QRectF,
    QSize,
    QSortFilterProxyModel,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QFontMetricsF, QMouseEvent, QPainter, QPen, QTextLayout, QTextOption
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from gui.icons import draw
from gui.theme import current, font
from voices.voice import Voice, VoiceKind

Index = QModelIndex | QPersistentModelIndex
STAR = 18
KIND_PX = 10
KIND_NAMES = {VoiceKind.NEURAL: "Neural", VoiceKind.MODEL_FREE: "Instant"}
CARD_HEIGHT = 68


class Role(IntEnum):
    """What a card knows beside its name."""

    ID = Qt.ItemDataRole.UserRole + 1
    VOICE = Qt.ItemDataRole.UserRole + 2
    FAVOURITE = Qt.ItemDataRole.UserRole + 3
    STATUS = Qt.ItemDataRole.UserRole + 4


class VoiceModel(QAbstractListModel):
    """Voices with what the window knows about each: favourite, chosen, loading, failed and why."""

    def __init__(self, voices: Sequence[Voice]) -> None:
        super().__init__()
        self._voices = list(voices)
        self._favourites: frozenset[str] = frozenset()
        self._status: dict[str, str] = {}
        self.chosen = ""
        self.failures: dict[str, str] = {}

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """How many voices."""
        return 0 if parent.isValid() else len(self._voices)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """One fact about one voice."""
        voice = self._voices[index.row()]
        failure = self.failures.get(voice.id, "")
        if role == Qt.ItemDataRole.DisplayRole:
            return voice.name
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.StatusTipRole):
            return failure or voice.description
        if role == Qt.ItemDataRole.AccessibleDescriptionRole:
            chosen = "Chosen. " if voice.id == self.chosen else ""
            return f"{chosen}{KIND_NAMES[voice.kind]}. {failure or voice.description}"
        return {
            int(Role.ID): voice.id,
            int(Role.VOICE): voice,
            int(Role.FAVOURITE): voice.id in self._favourites,
            int(Role.STATUS): failure,
        }.get(role)

    def set_favourites(self, ids: Sequence[str]) -> None:
        """Shows these voices as favourites, first in the list."""
        self._favourites = frozenset(ids)
        self._changed()

    def set_chosen(self, voice_id: str) -> None:
        """Shows one voice as the one that speaks."""
        self.chosen = voice_id
        self._changed()

    def set_failure(self, voice_id: str, reason: str) -> None:
        """Shows why a voice can't speak; an empty reason takes it back."""
        self.failures[voice_id] = reason
        self._changed()

    def row_of(self, voice_id: str) -> int:
        """Returns the row of a voice, -1 where there is none."""
        return next((i for i, v in enumerate(self._voices) if v.id == voice_id), -1)

    def _changed(self) -> None:
        if self._voices:
            self.dataChanged.emit(self.index(0), self.index(len(self._voices) - 1))


class VoiceFilter(QSortFilterProxyModel):
    """Favourites first, else in the library's order; finds words in name, description and kind."""

    def __init__(self, model: VoiceModel) -> None:
        super().__init__()
        self._words: list[str] = []
        self.setSourceModel(model)
        self.setDynamicSortFilter(True)
        self.sort(0)

    def search(self, text: str) -> None:
        """Keeps only voices with all these words."""
        self.beginFilterChange()
        self._words = text.casefold().split()
        self.endFilterChange()

    def filterAcceptsRow(self, row: int, parent: Index) -> bool:
        """Whether a voice has all words."""
        voice = self.sourceModel().index(row, 0, parent).data(Role.VOICE)
        text = f"{voice.name} {voice.description} {KIND_NAMES[voice.kind]}".casefold()
        return all(word in text for word in self._words)

    def lessThan(self, left: Index, right: Index) -> bool:
        """Favourites before others."""
        a, b = left.data(Role.FAVOURITE), right.data(Role.FAVOURITE)
        return left.row() < right.row() if a == b else bool(a)


class CardDelegate(QStyledItemDelegate):
    """Paints one card and turns a click on its star into `star_clicked`."""

    star_clicked = Signal(str, bool)

    def __init__(self, model: VoiceModel) -> None:
        super().__init__()
        self._model = model
        self.live = False

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """The view's grid decides."""
        return option.widget.gridSize() if isinstance(option.widget, QListView) else QSize(120, CARD_HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draws ground, avatar, name, description, star and focus ring."""
        theme, voice = current(), index.data(Role.VOICE)
        chosen = voice.id == self._model.chosen
        hover = bool(option.state & QStyle.StateFlag.State_MouseOver)
        focus = bool(option.state & QStyle.StateFlag.State_HasFocus)
        card = QRectF(option.rect).adjusted(1.5, 1.5, -1.5, -4.5)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        edge = (
            theme.focus
            if focus
            else theme.accent
            if chosen
            else theme.border_strong
            if hover
            else theme.border
        )
        painter.setPen(QPen(QColor(edge), 2 if focus else 1))
        painter.setBrush(QColor(theme.accent_soft if chosen else theme.raised if hover else theme.sunken))
        painter.drawRoundedRect(card, 9, 9)
        avatar = QRectF(card.left() + 10, card.center().y() - 20, 40, 40)
        paint_avatar(painter, avatar, voice)
        self._paint_text(painter, card.adjusted(60, 8, -30, -6), voice, index.data(Role.STATUS))
        favourite = index.data(Role.FAVOURITE)
        if favourite or hover or focus:
            role = theme.accent if favourite else theme.text_muted
            draw(painter, "star-filled" if favourite else "star", star_box(card), role)
        painter.restore()

    def editorEvent(self, event: QEvent, model: object, option: QStyleOptionViewItem, index: Index) -> bool:
        """Catches clicks on the star."""
        if event.type() == QEvent.Type.MouseButtonRelease and isinstance(event, QMouseEvent):
            card = QRectF(option.rect).adjusted(1.5, 1.5, -1.5, -4.5)
            if star_box(card).adjusted(-6, -6, 6, 6).contains(event.position()):
                self.star_clicked.emit(index.data(Role.ID), not index.data(Role.FAVOURITE))
                return True
        return False

    def _paint_text(self, painter: QPainter, box: QRectF, voice: Voice, failure: str) -> None:
        theme = current()
        painter.setFont(font(13, font().Weight.DemiBold))
        painter.setPen(QColor(theme.text))
        kind = KIND_NAMES[voice.kind]
        tag = QFontMetricsF(font(KIND_PX)).horizontalAdvance(kind) + 10
        width = int(box.width() - tag - 8)
        name = painter.fontMetrics().elidedText(voice.name, Qt.TextElideMode.ElideRight, width)
        painter.drawText(box, Qt.AlignmentFlag.AlignTop, name)
        x = box.x() + painter.fontMetrics().horizontalAdvance(name) + 8
        paint_kind(painter, QRectF(x, box.y() + 1, tag, 15), kind, voice.kind is VoiceKind.NEURAL)
        painter.setFont(font(11))
        painter.setPen(QColor(theme.danger if failure else theme.text_muted))
        room = QRectF(box.x(), box.y() + 17, box.width() + 24, box.height() - 17)
        draw_lines(painter, room, failure or voice.description, 2)


def paint_kind(painter: QPainter, box: QRectF, kind: str, strong: bool) -> None:
    """Draws the name of a voice's kind in a frame beside its name."""
    theme = current()
    painter.setPen(QPen(QColor(theme.border_strong), 1))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(box, 4, 4)
    painter.setFont(font(KIND_PX))
    painter.setPen(QColor(theme.text if strong else theme.text_muted))
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, kind)


def star_box(card: QRectF) -> QRectF:
    """Where the star of a card is."""
    return QRectF(card.right() - STAR - 7, card.top() + 6, STAR, STAR)


def paint_avatar(painter: QPainter, box: QRectF, voice: Voice) -> None:
    """Draws a voice's face: its glyph on a disc of its colour."""
    colour = QColor(voice.colour)
    ground = QColor(colour)
    ground.setAlphaF(0.22 if current().dark else 0.18)
    painter.setPen(QPen(colour, 1.4))
    painter.setBrush(ground)
    painter.drawEllipse(box)
    inset = box.width() * 0.22
    tint = colour.lighter(125) if current().dark else colour.darker(170)
    draw(painter, voice.glyph, box.adjusted(inset, inset, -inset, -inset), tint.name())


def draw_lines(painter: QPainter, box: QRectF, text: str, lines: int) -> None:
    """Draws at most `lines` wrapped lines, the last one elided."""
    layout = QTextLayout(text, painter.font())
    layout.setTextOption(QTextOption(Qt.AlignmentFlag.AlignLeft))
    layout.beginLayout()
    metrics, y = painter.fontMetrics(), box.y()
    for i in range(lines):
        line = layout.createLine()
        if not line.isValid():
            break
        line.setLineWidth(box.width())
        rest = text[line.textStart() :]
        last = i == lines - 1
        part = (
            metrics.elidedText(rest, Qt.TextElideMode.ElideRight, int(box.width()))
            if last
            else (text[line.textStart() : line.textStart() + line.textLength()])
        )
        painter.drawText(QPointF(box.x(), y + metrics.ascent()), part.rstrip())
        y += metrics.lineSpacing()
    layout.endLayout()
