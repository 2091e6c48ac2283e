"""Global keys on X11: passive grabs on the root window, through python-xlib."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Mapping
from typing import Any

from Xlib import XK, X
from Xlib import display as xdisplay
from Xlib.error import BadAccess, CatchError, ConnectionClosedError, DisplayError

from gui.hotkeys.listener import HotkeyError, Pressed

_MODIFIERS = {"ctrl": X.ControlMask, "alt": X.Mod1Mask, "shift": X.ShiftMask, "meta": X.Mod4Mask}
_LOCKS = (0, X.LockMask, X.Mod2Mask, X.LockMask | X.Mod2Mask)
"""Caps lock and num lock are modifiers too: a grab names each state in which it holds."""
_USED = X.ControlMask | X.Mod1Mask | X.ShiftMask | X.Mod4Mask
_NAMES = {"pgup": "Prior", "pgdown": "Next", "del": "Delete", "ins": "Insert", "esc": "Escape"}


class X11Listener:
    """One connection of its own to the display, and a thread that waits on it."""

    def __init__(self, display: str) -> None:
        self._name = display
        self._display: Any = None
        self._thread: threading.Thread | None = None
        self._stop, self._stopped = os.pipe()
        self._grabs: dict[tuple[int, int], str] = {}

    def start(self, keys: list[str], pressed: Pressed) -> Mapping[str, str]:
        """Grabs the keys; see `Listener`."""
        try:
            self._display = xdisplay.Display(self._name)
        except (DisplayError, OSError) as error:
            raise HotkeyError("The X server does not answer, so global keys do not work.") from error
        failed = {}
        for key in keys:
            reason = self._grab(key)
            if reason:
                failed[key] = reason
        self._thread = threading.Thread(target=self._listen, args=(pressed,), name="hotkeys", daemon=True)
        self._thread.start()
        return failed

    def close(self) -> None:
        """Gives all keys back."""
        os.write(self._stopped, b"x")
        if self._thread:
            self._thread.join()
            self._thread = None
        os.close(self._stop)
        os.close(self._stopped)

    def _grab(self, key: str) -> str:
        """Why the key cannot be had; empty where it can."""
        *modifiers, name = key.split("+")
        mask = 0
        for modifier in modifiers:
            mask |= _MODIFIERS.get(modifier.casefold(), 0)
        keysym = XK.string_to_keysym(_keysym_name(name))
        code = self._display.keysym_to_keycode(keysym) if keysym else 0
        if not code:
            return f"The keyboard has no key '{name}'; choose another."
        root, refused = self._display.screen().root, CatchError(BadAccess)
        for lock in _LOCKS:
            root.grab_key(code, mask | lock, True, X.GrabModeAsync, X.GrabModeAsync, onerror=refused)
        self._display.sync()
        if refused.get_error():
            return f"Another program has taken {key}; choose other keys."
        self._grabs[code, mask] = key
        return ""

    def _listen(self, pressed: Pressed) -> None:
        held: set[str] = set()
        while True:
            ready, _, _ = select.select([self._display, self._stop], [], [])
            if self._stop in ready:
                self._display.close()
                return
            try:
                events = [self._display.next_event() for _ in range(self._display.pending_events())]
            except ConnectionClosedError:
                # The X server ends, and the session with it.
                return
            for number, event in enumerate(events):
                key = self._grabs.get((getattr(event, "detail", 0), getattr(event, "state", 0) & _USED))
                if event.type == X.KeyPress and key and key not in held:
                    held.add(key)
                    pressed(key, True)
                elif event.type == X.KeyRelease and not _repeats(event, events[number + 1 :]):
                    # The modifier may be let go first, so the key alone says which one came up.
                    for one in {k for (code, _), k in self._grabs.items() if code == event.detail} & held:
                        held.discard(one)
                        pressed(one, False)


def _keysym_name(name: str) -> str:
    """X's name of a key that Qt calls `name`."""
    if len(name) == 1:
        return name.lower()
    return _NAMES.get(name.casefold(), "space" if name.casefold() == "space" else name)


def _repeats(release: Any, following: list[Any]) -> bool:
    """Whether a held key repeats: then each release has a press at the same time behind it."""
    return any(
        e.type == X.KeyPress and e.detail == release.detail and e.time == release.time for e in following
    )
