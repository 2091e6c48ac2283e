"""A dock that looks like a card, with our title bar."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDockWidget, QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from gui.widgets.buttons import IconButton
from gui.widgets.text import label

BRIEF = 6
"""Height (px) of a title bar without its title."""


class Dock(QDockWidget):
    """A panel the user may move, float, stack or close. `scrolls`: the panel may be higher than its room."""

    def __init__(self, name: str, title: str, glyph: str, panel: QWidget, scrolls: bool = True) -> None:
        super().__init__(title)
        self.setObjectName(name)
        card = QFrame()
        card.setObjectName("cardBottom")
        column = QVBoxLayout(card)
        column.setContentsMargins(1, 0, 1, 1)
        column.setSpacing(0)
        column.addWidget(panel_area(panel) if scrolls else panel, 1)
        self._panel = panel
        self._title = self._make_title(title, glyph)
        bar = QFrame()
        bar.setObjectName("cardTop")
        column = QVBoxLayout(bar)
        column.setContentsMargins(0, BRIEF, 0, 0)
        column.addWidget(self._title)
        self.setTitleBarWidget(bar)
        self.setWidget(card)
        self.topLevelChanged.connect(lambda floats: self.set_brief(False) if floats else None)

    def set_brief(self, brief: bool) -> None:
        """Leaves the title away, where a tab shows it."""
        self._title.setVisible(not brief)

    def needs(self, width: int) -> int:
        """Returns the height (px) at which the whole panel can be seen in this width."""
        layout = self._panel.layout()
        inside = layout.totalHeightForWidth(width - 2) if layout and layout.hasHeightForWidth() else 0
        return self.titleBarWidget().sizeHint().height() + max(inside, self._panel.sizeHint().height()) + 2

    def _make_title(self, title: str, glyph: str) -> QWidget:
        bar = QWidget()
        row = QHBoxLayout(bar)
        row.setContentsMargins(12, 6 - BRIEF, 6, 4)
        row.setSpacing(6)
        mark = IconButton(glyph, title, 15, "text_muted")
        mark.setProperty("kind", "small")
        mark.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        mark.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        row.addWidget(mark)
        row.addWidget(label(title, "panel"))
        row.addStretch(1)
        for icon_name, text, slot in (
            ("float", f"Float or dock {title}", lambda: self.setFloating(not self.isFloating())),
            ("close", f"Close {title}", self.close),
        ):
            button = IconButton(icon_name, text, 14, "text_disabled")
            button.setProperty("kind", "small")
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.clicked.connect(slot)
            row.addWidget(button)
        return bar


def panel_area(panel: QWidget) -> QScrollArea:
    """Returns a scroll area that shows a panel as wide as its room."""
    area = QScrollArea()
    area.setObjectName("plain")
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    panel.setObjectName("plain")
    area.setWidget(panel)
    return area
