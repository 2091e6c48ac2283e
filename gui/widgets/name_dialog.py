"""Asks for a name."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QDialog, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from gui.widgets.buttons import PushButton
from gui.widgets.text import label

MOST = 60


class NameDialog(QDialog):
    """Calls `then` with a name that is not empty; opens over its window and blocks nothing.

    >>> NameDialog(self, "Save preset", "Save", "Evening", self.preset_named.emit).open()
    """

    def __init__(
        self, parent: QWidget, title: str, action: str, name: str, then: Callable[[str], None]
    ) -> None:
        super().__init__(parent.window())
        self.setWindowTitle(title)
        self.setMinimumWidth(340)
        self._then = then
        self.field = QLineEdit(name)
        self.field.setMaxLength(MOST)
        self.field.setAccessibleName("Name")
        self.field.selectAll()
        self.ok = PushButton(action, "primary")
        self.ok.setDefault(True)
        cancel = PushButton("Cancel")
        cancel.clicked.connect(self.reject)
        self.ok.clicked.connect(self._accept)
        self.field.textChanged.connect(self._check)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 18)
        column.setSpacing(14)
        column.addWidget(label(title, "title"))
        column.addWidget(self.field)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(cancel)
        buttons.addWidget(self.ok)
        column.addLayout(buttons)
        self._check()

    def _check(self) -> None:
        self.ok.setEnabled(bool(self.field.text().strip()))

    def _accept(self) -> None:
        self.accept()
        self._then(self.field.text().strip())
