"""Painting voices: the card of the list, and the face that other places show too."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFontMetricsF,
    QImage,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPen,
    QTextLayout,
    QTextOption,
)
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from gui.icons import draw
from gui.theme import current, font
from gui.widgets.voice_model import KIND_NAMES, Card, Index, Role, VoiceModel
from voices.voice import Voice, VoiceKind

BUTTON = 18
TAG_PX = 10
CARD_HEIGHT = 66


class CardDelegate(QStyledItemDelegate):
    """Paints one card and turns clicks on its star and its dots into `star_clicked` and `more_clicked`."""

    star_clicked = Signal(str, bool)
    more_clicked = Signal(QModelIndex)

    def __init__(self, model: VoiceModel) -> None:
        super().__init__()
        self._model = model

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """The view's grid decides."""
        return option.widget.gridSize() if isinstance(option.widget, QListView) else QSize(120, CARD_HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draws ground, face, name, description, star, dots and focus ring."""
        theme, shown = current(), index.data(Role.CARD)
        chosen = shown.id == self._model.chosen
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
        face = QRectF(card.left() + 10, card.center().y() - 20, 40, 40)
        if shown.voice:
            paint_avatar(painter, face, shown.voice, index.data(Role.PICTURE))
        else:
            draw(painter, "warning", face.adjusted(7, 7, -7, -7), theme.danger)
        favourite = index.data(Role.FAVOURITE)
        starred = bool(shown.voice and (favourite or hover or focus))
        name_room = card.width() - (90 if starred else 66)
        self._paint_text(painter, card.adjusted(60, 8, -6, -6), shown, index.data(Role.STATUS), name_room)
        if starred:
            role = theme.accent if favourite else theme.text_muted
            draw(painter, "star-filled" if favourite else "star", star_box(card), role)
        if hover or focus:
            draw(painter, "more", more_box(card), theme.text_muted)
        painter.restore()

    def editorEvent(self, event: QEvent, model: object, option: QStyleOptionViewItem, index: Index) -> bool:
        """Catches clicks on the star and the dots."""
        if event.type() == QEvent.Type.MouseButtonRelease and isinstance(event, QMouseEvent):
            card = QRectF(option.rect).adjusted(1.5, 1.5, -1.5, -4.5)
            left = event.button() == Qt.MouseButton.LeftButton
            if left and more_box(card).adjusted(-6, -2, 6, 6).contains(event.position()):
                self.more_clicked.emit(self._model.index(index.row()))
                return True
            star = star_box(card).adjusted(-6, -6, 6, 2).contains(event.position())
            if left and star and index.data(Role.CARD).voice:
                self.star_clicked.emit(index.data(Role.ID), not index.data(Role.FAVOURITE))
                return True
        return False

    def _paint_text(self, painter: QPainter, box: QRectF, card: Card, failure: str, name_room: float) -> None:
        """Name with tag in `name_room` px, the description below in the whole width."""
        theme = current()
        painter.setFont(font(13, font().Weight.DemiBold))
        painter.setPen(QColor(theme.text))
        tag = QFontMetricsF(font(TAG_PX)).horizontalAdvance(card.tag) + 10
        width = int(name_room - tag - 8)
        name = painter.fontMetrics().elidedText(card.name, Qt.TextElideMode.ElideRight, width)
        painter.drawText(box, Qt.AlignmentFlag.AlignTop, name)
        x = box.x() + painter.fontMetrics().horizontalAdvance(name) + 8
        strong = card.tag != KIND_NAMES[VoiceKind.MODEL_FREE]
        paint_tag(painter, QRectF(x, box.y() + 1, tag, 15), card.tag, strong)
        painter.setFont(font(11))
        painter.setPen(QColor(theme.danger if failure else theme.text_muted))
        room = QRectF(box.x(), box.y() + 17, box.width(), box.height() - 17)
        draw_lines(painter, room, failure or card.text, 2)


def paint_tag(painter: QPainter, box: QRectF, text: str, strong: bool) -> None:
    """Draws a small text in a frame, beside a name."""
    theme = current()
    painter.setPen(QPen(QColor(theme.border_strong), 1))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(box, 4, 4)
    painter.setFont(font(TAG_PX))
    painter.setPen(QColor(theme.text if strong else theme.text_muted))
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)


def star_box(card: QRectF) -> QRectF:
    """Where the star of a card is."""
    return QRectF(card.right() - BUTTON - 7, card.top() + 7, BUTTON, BUTTON)


def more_box(card: QRectF) -> QRectF:
    """Where the dots of a card are."""
    return QRectF(card.right() - BUTTON - 7, card.bottom() - BUTTON - 7, BUTTON, BUTTON)


def paint_avatar(painter: QPainter, box: QRectF, voice: Voice, picture: QImage | None = None) -> None:
    """Draws a voice's face: its picture, or its glyph, on a disc of its colour."""
    colour = QColor(voice.colour)
    if picture:
        disc = QPainterPath()
        disc.addEllipse(box)
        painter.save()
        painter.setClipPath(disc)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(box, picture)
        painter.restore()
        painter.setPen(QPen(colour, 1.4))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawEllipse(box)
        return
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
