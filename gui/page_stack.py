"""The pages one over the other, each made when it is first shown."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QStackedWidget, QWidget

from gui.pages.registry import Page
from gui.session import Session


class PageStack(QStackedWidget):
    """Shows one page of `pages` at a time; a page that was never shown does not exist."""

    def __init__(self, session: Session, pages: Sequence[Page]) -> None:
        super().__init__()
        self.pages = {page.id: page for page in pages}
        self._session = session
        self._made: dict[str, QWidget] = {}
        self.current_id = ""

    def show_page(self, page_id: str) -> QWidget:
        """Brings a page to the front and returns it. Raises KeyError for a page that isn't registered."""
        widget = self._made.get(page_id)
        if widget is None:
            widget = self._made[page_id] = self.pages[page_id].make(self._session)
            self.addWidget(widget)
        self.current_id = page_id
        self.setCurrentWidget(widget)
        return widget

    def made(self, page_id: str) -> QWidget | None:
        """Returns a page where it exists already."""
        return self._made.get(page_id)
