"""The user's global keys: which keys do what, and what the system says to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtCore import QObject, Signal

from gui.control.call import CallAction, CallController
from gui.hotkeys.listener import HotkeyError, Listener, make_listener
from gui.settings import SettingsStore

DEFAULTS = {
    CallAction.MUTE: "Ctrl+Alt+M",
    CallAction.TALK: "Ctrl+Alt+V",
    CallAction.BYPASS: "Ctrl+Alt+B",
    CallAction.PANIC: "Ctrl+Alt+Esc",
    CallAction.NEXT: "Ctrl+Alt+PgDown",
    CallAction.PREVIOUS: "Ctrl+Alt+PgUp",
    CallAction.HUD: "Ctrl+Alt+O",
}


class HotkeyController(QObject):
    """Listens while switched on. `changed`: keys, problems or the switch are other than before.

    A key that another program holds is a problem of its own; the others work.
    """

    changed = Signal()
    _arrived = Signal(str, bool)

    def __init__(
        self, store: SettingsStore, call: CallController, make: Callable[[], Listener] = make_listener
    ) -> None:
        super().__init__(call)
        self._call, self._make = call, make
        self._settings = store.settings.call
        self._listener: Listener | None = None
        self.problem = ""
        self.problems: Mapping[CallAction, str] = {}
        # The listener's thread emits; Qt carries it over to this object's.
        self._arrived.connect(self._act)

    @property
    def keys(self) -> dict[CallAction, str]:
        """Keys of each action; an action without keys is not in it."""
        own = self._settings.keys
        chosen = {action: own.get(action.value, default) for action, default in DEFAULTS.items()}
        chosen |= {action: own.get(action.value, "") for action in CallAction if action not in DEFAULTS}
        return {action: keys for action, keys in chosen.items() if keys}

    @property
    def on(self) -> bool:
        """Whether the user wants global keys."""
        return self._settings.hotkeys

    def switch(self, on: bool) -> None:
        """Turns all of them on or off."""
        self._settings.hotkeys = on
        self.listen()

    def set_keys(self, action: CallAction, keys: str) -> None:
        """Gives an action other keys, or none."""
        for other, taken in self.keys.items():
            if keys and taken == keys and other is not action:
                self._settings.keys[other.value] = ""
        self._settings.keys[action.value] = keys
        self.listen()

    def listen(self) -> None:
        """Listens to what is chosen now."""
        self.close()
        self.problem, self.problems = "", {}
        if self.on:
            try:
                self._start()
            except HotkeyError as error:
                self.problem = str(error)
        self.changed.emit()

    def close(self) -> None:
        """Gives the keys back."""
        if self._listener:
            self._listener.close()
            self._listener = None

    def _start(self) -> None:
        listener = self._make()
        failed = listener.start(list(self.keys.values()), self._arrived.emit)
        self._listener = listener
        self.problems = {action: failed[keys] for action, keys in self.keys.items() if keys in failed}

    def _act(self, keys: str, down: bool) -> None:
        for action, own in self.keys.items():
            if own == keys:
                self._call.do(action, down)
