"""A short note over the window's lower edge that goes by itself, with at most one thing to do about it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QEnterEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from gui.widgets.buttons import IconButton, PushButton
from gui.widgets.text import label

STAYS_MS = 8000
FROM_EDGE = 24


class Toast(QFrame):
    """Hidden until there is something to say; stays while the pointer or the keyboard is on it."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._room = parent
        self.setObjectName("toast")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._do: Callable[[], None] | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(STAYS_MS)
        self._timer.timeout.connect(self._leave)
        self.text = label("")
        self.button = PushButton("", "link")
        self.button.clicked.connect(self._act)
        close = IconButton("close", "Dismiss note", 14)
        close.setProperty("kind", "small")
        close.clicked.connect(self.hide)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 6, 8, 6)
        row.setSpacing(10)
        row.addWidget(self.text)
        row.addWidget(self.button)
        row.addWidget(close)
        parent.installEventFilter(self)
        self.hide()

    def say(self, sentence: str, action: str = "", do: Callable[[], None] | None = None) -> None:
        """Shows a sentence for `STAYS_MS`; `action` labels the button that calls `do`."""
        self.text.setText(sentence)
        self.setAccessibleName(sentence)
        self._do = do
        self.button.setText(action)
        self.button.setVisible(bool(action))
        self.show()
        self._place()
        self.raise_()
        self._timer.start()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keeps to the lower edge."""
        if event.type() == QEvent.Type.Resize and self.isVisible():
            self._place()
        return False

    def enterEvent(self, event: QEnterEvent) -> None:
        """Stays while it is looked at."""
        self._timer.stop()
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        """Goes a while later."""
        self._timer.start()
        super().leaveEvent(event)

    def _leave(self) -> None:
        if self.button.hasFocus():
            self._timer.start()
        else:
            self.hide()

    def _act(self) -> None:
        self.hide()
        if self._do:
            self._do()

    def _place(self) -> None:
        self.adjustSize()
        room = self._room.size()
        self.move((room.width() - self.width()) // 2, room.height() - self.height() - FROM_EDGE)
