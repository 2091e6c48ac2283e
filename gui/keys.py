"""Keys without modifier that steer the session wherever the keyboard is."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent

from gui.session import Session
from inference.engine.messages import Mode, MonitorSource

MODE_KEYS = {Qt.Key.Key_1: Mode.CONVERTED, Qt.Key.Key_2: Mode.BYPASS, Qt.Key.Key_3: Mode.MUTE}
PLAIN = (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier)


class LiveKeys:
    """Space starts and stops, 1 2 3 choose what the call hears, M what the user hears, H compares."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._held = False

    def press(self, event: QKeyEvent) -> bool:
        """Acts on a key; False where it means nothing here."""
        key, s = Qt.Key(event.key()), self._session
        if event.modifiers() not in PLAIN or event.isAutoRepeat():
            return False
        if key == Qt.Key.Key_Space:
            s.toggle()
        elif key in MODE_KEYS:
            s.set_mode(MODE_KEYS[key])
        elif key == Qt.Key.Key_M:
            order = list(MonitorSource)
            s.set_monitor(order[(order.index(s.params.monitor) + 1) % len(order)])
        elif key == Qt.Key.Key_H:
            self._held = True
            s.hold_compare(True)
        else:
            return False
        return True

    def release(self, event: QKeyEvent) -> bool:
        """Ends a comparison; False for every other key."""
        if event.key() != Qt.Key.Key_H or event.isAutoRepeat():
            return False
        self.let_go()
        return True

    def let_go(self) -> None:
        """Ends a comparison, also where the window lost the keyboard in the middle of it."""
        if self._held:
            self._held = False
            self._session.hold_compare(False)
