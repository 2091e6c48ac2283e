"""Global keys on macOS and Windows, through pynput."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from gui.hotkeys.listener import HotkeyError, Pressed

_NAMES = {
    "ctrl": "ctrl",
    "alt": "alt",
    "shift": "shift",
    "meta": "cmd",
    "pgup": "page_up",
    "pgdown": "page_down",
}
_NAMES |= {"del": "delete", "ins": "insert", "esc": "esc", "space": "space"}


def pynput_form(key: str) -> str:
    """Returns what pynput calls keys that Qt writes as `key`: "Ctrl+Alt+M" is "<ctrl>+<alt>+m"."""
    parts = []
    for part in key.split("+"):
        name = _NAMES.get(part.casefold(), part.casefold())
        parts.append(name if len(name) == 1 else f"<{name}>")
    return "+".join(parts)


class PynputListener:
    """One thread of pynput's own. macOS asks its user once to allow it under Accessibility."""

    def __init__(self) -> None:
        self._listener: Any = None

    def start(self, keys: list[str], pressed: Pressed) -> Mapping[str, str]:
        """Listens; see `Listener`."""
        try:
            from pynput import keyboard
        except ImportError as error:
            raise HotkeyError("Global keys need the package pynput; install Menura again.") from error
        failed, combinations = {}, []
        for key in keys:
            try:
                wanted = frozenset(keyboard.HotKey.parse(pynput_form(key)))
            except ValueError:
                failed[key] = f"The keyboard has no key '{key.split('+')[-1]}'; choose another."
                continue
            combinations.append((key, wanted))
        held = _Held(combinations, pressed)
        self._listener = keyboard.Listener(
            on_press=lambda k: held.down(self._listener.canonical(k)),
            on_release=lambda k: held.up(self._listener.canonical(k)),
        )
        self._listener.start()
        self._listener.wait()
        if sys.platform == "darwin" and not self._listener.IS_TRUSTED:
            self.close()
            raise HotkeyError(
                "macOS does not let Menura listen to keys: allow it in System Settings > Privacy & "
                "Security > Accessibility, then switch global keys on again."
            )
        return failed

    def close(self) -> None:
        """Stops listening."""
        if self._listener:
            self._listener.stop()
            self._listener = None


class _Held:
    """Turns keys going down and up into combinations going down and up."""

    def __init__(self, combinations: list[tuple[str, frozenset[Any]]], pressed: Pressed) -> None:
        self._combinations, self._pressed = combinations, pressed
        self._keys: set[Any] = set()
        self._active: set[str] = set()

    def down(self, key: Any) -> None:
        """A key went down, or repeats."""
        self._keys.add(key)
        for name, wanted in self._combinations:
            if wanted <= self._keys and name not in self._active:
                self._active.add(name)
                self._pressed(name, True)

    def up(self, key: Any) -> None:
        """A key came up."""
        self._keys.discard(key)
        for name, wanted in self._combinations:
            if name in self._active and key in wanted:
                self._active.discard(name)
                self._pressed(name, False)
