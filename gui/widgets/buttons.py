"""Buttons with our icons, and a row of exclusive choices."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QFrame, QHBoxLayout, QPushButton, QToolButton

from gui.icons import icon

THEME_EVENTS = (QEvent.Type.PaletteChange, QEvent.Type.StyleChange)


class IconButton(QToolButton):
    """A square button that shows one icon; `text` is its tooltip and its name for screen readers."""

    def __init__(self, name: str, text: str, size: int = 18, role: str = "text_muted") -> None:
        super().__init__()
        self._name, self._role, self._size = name, role, size
        self.setIconSize(QSize(size, size))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setToolTip(text)
        self.setAccessibleName(text)
        self._refresh()

    def show_icon(self, name: str, role: str | None = None) -> None:
        """Changes the icon."""
        self._name, self._role = name, role or self._role
        self._refresh()

    def changeEvent(self, event: QEvent) -> None:
        """Takes over a new theme."""
        if event.type() in THEME_EVENTS:
            self._refresh()
        super().changeEvent(event)

    def _refresh(self) -> None:
        self.setIcon(icon(self._name, self._role, self._size))


class PushButton(QPushButton):
    """A push button with an optional icon; `kind` is its style: plain, primary, link or segment."""

    def __init__(self, text: str, kind: str = "plain", name: str = "", role: str = "text") -> None:
        super().__init__(text)
        self._name, self._role = name, role
        self.setProperty("kind", kind)
        self.setAutoDefault(False)
        self._refresh()

    def show_icon(self, name: str, role: str) -> None:
        """Changes the icon."""
        self._name, self._role = name, role
        self._refresh()

    def set_kind(self, kind: str) -> None:
        """Changes the style."""
        if self.property("kind") != kind:
            self.setProperty("kind", kind)
            self.style().unpolish(self)
            self.style().polish(self)

    def changeEvent(self, event: QEvent) -> None:
        """Takes over a new theme."""
        if event.type() in THEME_EVENTS:
            self._refresh()
        super().changeEvent(event)

    def _refresh(self) -> None:
        if self._name:
            self.setIcon(icon(self._name, self._role, 16))


@dataclass(frozen=True)
class Choice:
    """One of a row; `tone` colours it when chosen: accent, input, plain or danger."""

    value: str
    text: str
    tip: str
    tone: str = "accent"


class Segments(QFrame):
    """A row of buttons of which one is down."""

    chosen = Signal(str)

    def __init__(self, name: str, choices: tuple[Choice, ...], even: bool = True) -> None:
        """`even`: all buttons are equally wide, else as wide as their texts ask for."""
        super().__init__()
        self.setObjectName("segments")
        self.setAccessibleName(name)
        row = QHBoxLayout(self)
        row.setContentsMargins(2, 2, 2, 2)
        row.setSpacing(2)
        self._group = QButtonGroup(self)
        self._buttons: dict[str, PushButton] = {}
        for choice in choices:
            button = PushButton(choice.text, "segment")
            button.setProperty("tone", choice.tone)
            button.setCheckable(True)
            button.setProperty("dense", not even)
            button.setToolTip(choice.tip)
            button.setStatusTip(choice.tip)
            button.setAccessibleName(f"{name}: {choice.text}")
            button.clicked.connect(lambda _=False, v=choice.value: self.chosen.emit(v))
            self._group.addButton(button)
            self._buttons[choice.value] = button
            row.addWidget(button, 1 if even else len(choice.text) + 2)

    def choose(self, value: str) -> None:
        """Shows a value as chosen, without a signal."""
        self._buttons[value].setChecked(True)

    def value(self) -> str:
        """Returns the chosen value."""
        return next((v for v, b in self._buttons.items() if b.isChecked()), "")

    def button(self, value: str) -> QPushButton:
        """Returns the button of a value."""
        return self._buttons[value]
