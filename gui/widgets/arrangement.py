"""Where the Live page's docks stand: side by side where there is room, stacked in tabs where there is not."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, QSize, Qt, QTimer
from PySide6.QtWidgets import QMainWindow, QTabBar, QTabWidget

from gui.widgets.dock import Dock

VERSION = 2
SETTLE_MS = 30
"""Panels that break their lines differently in their new width say only then how high they are."""
GAP = 8
"""What the style sheet leaves between docks (px)."""
TABBED = ("voices", "devices", "tuning", "compare")
ROOMY = QSize(1160, 760)
"""In a page smaller than this the docks stack."""
AREA = Qt.DockWidgetArea
VERTICAL, HORIZONTAL = Qt.Orientation.Vertical, Qt.Orientation.Horizontal


class Arrangement:
    """Arranges the docks of a page anew when it grows or shrinks, until the user has moved one."""

    def __init__(self, page: QMainWindow, docks: dict[str, Dock]) -> None:
        self._page, self._docks = page, docks
        self._busy = False
        self._stacked: bool | None = None
        self.moved = False
        page.setDockNestingEnabled(True)
        page.setTabPosition(AREA.AllDockWidgetAreas, QTabWidget.TabPosition.North)
        for corner, side in (
            (Qt.Corner.TopLeftCorner, AREA.LeftDockWidgetArea),
            (Qt.Corner.BottomLeftCorner, AREA.LeftDockWidgetArea),
            (Qt.Corner.TopRightCorner, AREA.RightDockWidgetArea),
            (Qt.Corner.BottomRightCorner, AREA.RightDockWidgetArea),
        ):
            page.setCorner(corner, side)
        for dock in docks.values():
            dock.setParent(page)
            dock.dockLocationChanged.connect(self._note_move)
            dock.topLevelChanged.connect(self._note_move)

    def fit(self, size: QSize) -> None:
        """Arranges the docks for a page of this size; does nothing where they stand right already."""
        stacked = size.width() < ROOMY.width() or size.height() < ROOMY.height()
        if stacked != self._stacked and not self.moved:
            self._arrange(stacked)

    def reset(self, size: QSize) -> None:
        """Brings every dock back to where it came from."""
        self.moved, self._stacked = False, None
        for dock in self._docks.values():
            dock.setFloating(False)
            dock.show()
        self.fit(size)

    def state(self) -> str:
        """Returns what `restore` takes."""
        return self._page.saveState(VERSION).toBase64().toStdString()

    def restore(self, state: str, moved: bool) -> None:
        """Puts the docks where they were; one of another version changes nothing."""
        self._busy = True
        if self._page.restoreState(QByteArray.fromBase64(state.encode()), VERSION):
            self.moved = moved
        self._busy = False

    def _arrange(self, stacked: bool) -> None:
        """Keeps closed docks closed."""
        page, d, self._busy, self._stacked = self._page, self._docks, True, stacked
        closed = [dock for dock in d.values() if dock.isHidden() and not page.tabifiedDockWidgets(dock)]
        if self._never_shown:
            closed, self._never_shown = [], False
        for dock in d.values():
            page.removeDockWidget(dock)
        page.addDockWidget(AREA.LeftDockWidgetArea, d["voices"])
        page.addDockWidget(AREA.RightDockWidgetArea, d["tuning"])
        page.addDockWidget(AREA.BottomDockWidgetArea, d["health"])
        if stacked:
            page.tabifyDockWidget(d["voices"], d["devices"])
            page.splitDockWidget(d["tuning"], d["levels"], VERTICAL)
            page.tabifyDockWidget(d["tuning"], d["compare"])
        else:
            page.splitDockWidget(d["voices"], d["devices"], VERTICAL)
            page.splitDockWidget(d["tuning"], d["compare"], VERTICAL)
            page.splitDockWidget(d["compare"], d["levels"], VERTICAL)
        for name, dock in d.items():
            dock.set_brief(stacked and name in TABBED)
            dock.setVisible(dock not in closed)
        if stacked:
            d["voices"].raise_()
            d["tuning"].raise_()
        self._busy = False
        QTimer.singleShot(0, page, lambda: self._share(stacked))
        QTimer.singleShot(SETTLE_MS, page, lambda: self._share(stacked))

    _never_shown = True

    def _share(self, stacked: bool) -> None:
        """Gives every dock the room that its panel needs, and the rest to those that scroll well."""
        d, page, resize = self._docks, self._page, self._page.resizeDocks
        left, right = (256, 296) if stacked else (276, 316)
        resize([d["voices"], d["tuning"]], [left, right], HORIZONTAL)
        middle = page.width() - left - right - 2 * GAP
        resize([d["health"]], [d["health"].needs(middle)], VERTICAL)
        if stacked:
            for bar in page.findChildren(QTabBar):
                bar.setAccessibleName("Panels")
            self._fill(d["tuning"], [d["levels"]], right)
        else:
            self._fill(d["voices"], [d["devices"]], left)
            self._fill(d["tuning"], [d["compare"], d["levels"]], right)

    def _fill(self, first: Dock, others: list[Dock], width: int) -> None:
        needs = [dock.needs(width) for dock in others]
        rest = self._page.height() - sum(needs) - GAP * len(others)
        self._page.resizeDocks([first, *others], [max(rest, 100), *needs], VERTICAL)

    def _note_move(self) -> None:
        if not self._busy:
            self.moved = True
