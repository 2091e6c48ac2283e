"""What listens for global keys on this system."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from typing import Protocol

Pressed = Callable[[str, bool], None]
"""Called from the listener's own thread with the keys and whether they went down."""


class HotkeyError(RuntimeError):
    """Global keys cannot work here, or one of them cannot; the message says what to do."""


class Listener(Protocol):
    """Listens from `start` to `close`."""

    def start(self, keys: list[str], pressed: Pressed) -> Mapping[str, str]:
        """Takes keys written as Qt does ("Ctrl+Alt+M"). Returns why each of those failed that did.

        Raises HotkeyError where the system allows none.
        """

    def close(self) -> None:
        """Gives all keys back."""


def make_listener() -> Listener:
    """Returns the listener for this system. Raises HotkeyError."""
    if sys.platform != "linux":
        from gui.hotkeys.pynput_listener import PynputListener

        return PynputListener()
    if os.environ.get("DISPLAY"):
        from gui.hotkeys.x11_listener import X11Listener

        return X11Listener(os.environ["DISPLAY"])
    raise HotkeyError(
        "Wayland lets no program listen to keys: in your desktop's keyboard settings, bind a key to "
        "'menura tell mute' (or bypass, panic, next, previous)."
    )
