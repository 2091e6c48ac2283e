"""A dock that looks like a card, with our title bar."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDockWidget, QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from gui.widgets.buttons import IconButton
from gui.widgets.text import label


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
        self.setTitleBarWidget(self._title_bar(title, glyph))
        self.setWidget(card)

    def needs(self) -> int:
        """Returns the height (px) at which the whole panel can be seen."""
        return self.titleBarWidget().sizeHint().height() + self._panel.sizeHint().height() + 2

    def _title_bar(self, title: str, glyph: str) -> QWidget:
        bar = QFrame()
        bar.setObjectName("cardTop")
        row = QHBoxLayout(bar)
        row.setContentsMargins(12, 6, 6, 4)
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
