"""One sentence for the user with at most one thing to do about it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QWidget

from gui.widgets.buttons import IconButton, PushButton
from gui.widgets.text import label


class MessageBar(QFrame):
    """Hidden until there is something to say; a newer message replaces the older one."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("message")
        self._action: Callable[[], None] | None = None
        self._mark = IconButton("info", "Message", 18, "text")
        self._mark.setEnabled(True)
        self._mark.setFocusPolicy(self.focusPolicy())
        self.text: QLabel = label("", wrap=True)
        # Some sentences end with a command to copy.
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.button = PushButton("", "plain")
        self.button.clicked.connect(self._act)
        close = IconButton("close", "Dismiss message", 16)
        close.clicked.connect(self.hide)
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 5, 6, 5)
        row.setSpacing(8)
        row.addWidget(self._mark)
        row.addWidget(self.text, 1)
        row.addWidget(self.button)
        row.addWidget(close)
        self.hide()

    def say(
        self, sentence: str, tone: str = "info", action: str = "", do: Callable[[], None] | None = None
    ) -> None:
        """Shows a sentence; `tone` is info or danger, `action` labels the button that calls `do`."""
        self.text.setText(sentence)
        self.text.setAccessibleName(sentence)
        self._action = do
        self.button.setText(action)
        self.button.setVisible(bool(action))
        danger = tone == "danger"
        self._mark.show_icon("warning" if danger else "info", "danger" if danger else "text_muted")
        self.setProperty("tone", tone)
        self.style().unpolish(self)
        self.style().polish(self)
        self.show()

    def _act(self) -> None:
        self.hide()
        if self._action:
            self._action()
