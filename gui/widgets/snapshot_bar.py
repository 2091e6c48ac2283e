"""Four buttons for four sounds."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QMouseEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QWidget

from gui.widgets.buttons import IconButton, PushButton
from gui.widgets.text import label


class SlotButton(PushButton):
    """A slot: empty, full, in use, or in use and changed since."""

    stored = Signal(str)
    cleared = Signal(str)

    def __init__(self, slot: str, number: int) -> None:
        super().__init__(slot, "slot")
        self._slot, self._number = slot, number
        self._full = False
        self.show_state(False, False, False, "")

    def show_state(self, full: bool, active: bool, changed: bool, what: str) -> None:
        """Shows what the slot holds; `what` describes its sound."""
        self._full = full
        in_use = "changed" if changed else "active"
        state = "empty" if not full else in_use if active else "full"
        self.setText(f"{self._slot} •" if state == "changed" else self._slot)
        if self.property("state") != state:
            self.setProperty("state", state)
            self.style().unpolish(self)
            self.style().polish(self)
        keys = f"Alt+{self._number}"
        tip = f"{what}. Recall: {keys}. Store here: Alt+Shift+{self._number}"
        if state == "changed":
            tip = f"{what}, changed since. Back to it: {keys}. Store here: Alt+Shift+{self._number}"
        tip = tip if full else f"Empty: click to keep what you hear now ({keys})"
        self.setToolTip(tip)
        self.setStatusTip(tip)
        self.setAccessibleName(f"Snapshot {self._slot}, {state}")

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Stores with Shift."""
        left = event.button() == Qt.MouseButton.LeftButton
        if left and event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.stored.emit(self._slot)
        else:
            super().mousePressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Offers to store and to clear."""
        menu = QMenu(self)
        store = menu.addAction(f"Store what you hear in {self._slot}")
        store.triggered.connect(lambda: self.stored.emit(self._slot))
        clear = menu.addAction(f"Clear {self._slot}")
        clear.setEnabled(self._full)
        clear.triggered.connect(lambda: self.cleared.emit(self._slot))
        menu.popup(event.globalPos() if event.globalPos() else self.mapToGlobal(QPoint(0, self.height())))


class SnapshotBar(QWidget):
    """`pressed`, `stored` and `cleared` carry a slot."""

    pressed = Signal(str)
    stored = Signal(str)
    cleared = Signal(str)

    def __init__(self, slots: tuple[str, ...]) -> None:
        super().__init__()
        self.slots = {slot: SlotButton(slot, number) for number, slot in enumerate(slots, 1)}
        self.store = IconButton("save", "Keep the change in this snapshot", 16)
        self._active = ""
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        row.addWidget(label("Snapshots", "section"))
        row.addSpacing(4)
        for slot, button in self.slots.items():
            button.clicked.connect(lambda _=False, s=slot: self.pressed.emit(s))
            button.stored.connect(self.stored)
            button.cleared.connect(self.cleared)
            row.addWidget(button, 1)
        row.addWidget(self.store)
        self.store.clicked.connect(lambda: self.stored.emit(self._active))

    def show_active(self, slot: str, changed: bool) -> None:
        """Says which slot is in use, and offers to keep a change."""
        self._active = slot
        self.store.setEnabled(changed)
        text = f"Keep the change in {slot}" if changed else "Nothing to keep: the sound is as stored"
        self.store.setToolTip(text)
