"""The files of a batch as a table shows them: name, folder, and what became of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QRectF, Qt
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QStyledItemDelegate, QStyleOptionViewItem

from gui.theme import current

SHARE = int(Qt.ItemDataRole.UserRole)
COLUMNS = ("File", "Folder", "State")
Index = QModelIndex | QPersistentModelIndex


@dataclass
class Row:
    """A file and what became of it; `share` None: not being converted."""

    source: Path
    state: str = "waits"
    share: float | None = None
    failed: bool = False


class BatchModel(QAbstractTableModel):
    """The files in their order."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[Row] = []

    def show_files(self, sources: Sequence[Path]) -> None:
        """Replaces the rows."""
        self.beginResetModel()
        self.rows = [Row(source) for source in sources]
        self.endResetModel()

    def update(self, index: int, state: str, share: float | None = None, failed: bool = False) -> None:
        """Shows what became of a file."""
        row = self.rows[index]
        row.state, row.share, row.failed = state, share, failed
        self.dataChanged.emit(self.index(index, 0), self.index(index, len(COLUMNS) - 1))

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 Qt's signature
        """As many as there are files."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 Qt's signature
        """`COLUMNS`."""
        return len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> object:
        """The titles."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        return None

    def data(self, index: Index, role: int = 0) -> object:
        """Text, progress and colour of a cell."""
        row = self.rows[index.row()]
        if role == SHARE:
            return row.share if index.column() == 2 else None
        if role == Qt.ItemDataRole.ForegroundRole and index.column() == 2:
            return QColor(current().danger if row.failed else current().text_muted)
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return (row.source.name, str(row.source.parent), row.state)[index.column()]
        return None


class ShareDelegate(QStyledItemDelegate):
    """Draws a bar where a file is being converted."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """The cell, or the bar in its place."""
        share = index.data(SHARE)
        if share is None:
            super().paint(painter, option, index)
            return
        theme, box = current(), QRectF(option.rect).adjusted(4, 0, -12, 0)  # type: ignore[attr-defined]
        track = QRectF(box.left(), box.center().y() - 3, box.width(), 6)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.border_strong))
        painter.drawRoundedRect(track, 3, 3)
        painter.setBrush(QColor(theme.accent))
        painter.drawRoundedRect(QRectF(track.left(), track.top(), max(6, share * track.width()), 6), 3, 3)
        painter.restore()
