"""Everything the window's menu offers, with its shortcuts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMenu

from gui.control.call import WORDS, CallAction
from gui.control.snapshots import SLOTS
from gui.settings import ThemeMode

if TYPE_CHECKING:
    from gui.window import MainWindow

Standard = QKeySequence.StandardKey
THEME_NAMES = {
    ThemeMode.SYSTEM: "Theme: as the system",
    ThemeMode.DARK: "Theme: dark",
    ThemeMode.LIGHT: "Theme: light",
}


class Actions:
    """Fills the window's menu; the actions work wherever the keyboard is in the window."""

    def __init__(self, window: MainWindow, menu: QMenu) -> None:
        self._window, self._menu = window, menu
        self.themes: dict[ThemeMode, QAction] = {}
        session = window.session
        self._add("Undo", session.undo.undo, Standard.Undo)
        self._add("Redo", session.undo.redo, "Ctrl+Shift+Z", "Ctrl+Y")
        menu.addSeparator()
        self._add_snapshots(menu.addMenu("Snapshots"))
        menu.addSeparator()
        for number, page in enumerate(window.stack.pages.values(), 1):
            keys = (f"Ctrl+{number}",) if number < 10 else ()
            self._add(page.title, lambda p=page.id: window.go_to(p), *keys)
        menu.addSeparator()
        for dock in window.live.docks.values():
            menu.addAction(dock.toggleViewAction())
        self._add("Reset layout", window.live.reset_layout)
        menu.addSeparator()
        self._add_themes()
        self._add("Switch theme", window.toggle_theme, "Ctrl+T")
        menu.addSeparator()
        self._add("Start or stop", session.toggle, "F5", "Ctrl+R")
        self._add(WORDS[CallAction.HUD], lambda: session.call.do(CallAction.HUD), "Ctrl+Shift+O")
        self._add("Search voices", window.search, Standard.Find)
        self._add("Shortcuts", window.show_shortcuts, "F1")
        self._add("Quit", session.call.quit_wanted.emit, Standard.Quit)

    def _add_snapshots(self, menu: QMenu) -> None:
        snapshots = self._window.session.snapshots
        for number, slot in enumerate(SLOTS, 1):
            self._add(f"Recall {slot}", lambda s=slot: snapshots.press(s), f"Alt+{number}", menu=menu)
        for number, slot in enumerate(SLOTS, 1):
            self._add(f"Store {slot}", lambda s=slot: snapshots.store(s), f"Alt+Shift+{number}", menu=menu)

    def _add_themes(self) -> None:
        group = QActionGroup(self._window)
        for mode, name in THEME_NAMES.items():
            action = self._add(name, lambda m=mode: self._window.set_theme(m))
            action.setCheckable(True)
            action.setChecked(mode is self._window.session.store.settings.theme)
            group.addAction(action)
            self.themes[mode] = action

    def _add(
        self, text: str, slot: Callable[..., object], *keys: Standard | str, menu: QMenu | None = None
    ) -> QAction:
        action = QAction(text, self._window)
        action.setShortcuts([QKeySequence(k) for k in keys])
        action.triggered.connect(lambda _=False: slot())
        self._window.addAction(action)
        (menu or self._menu).addAction(action)
        return action
