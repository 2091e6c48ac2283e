"""What lies over the window while voice files are dragged across it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from gui.widgets.text import label


class DropVeil(QFrame):
    """Says what a drop would do."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._room = parent
        self.setObjectName("veil")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._text = label("", "value")
        self._text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        column = QVBoxLayout(self)
        column.addWidget(self._text)
        self.hide()

    def cover(self, files: int) -> None:
        """Covers the window."""
        self._text.setText("Drop to add this voice" if files == 1 else f"Drop to add these {files} files")
        self.setGeometry(self._room.rect())
        self.raise_()
        self.show()
