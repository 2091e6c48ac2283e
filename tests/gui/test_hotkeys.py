"""Global keys: on a real X server with keys of its test extension; elsewhere as far as it goes here."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping

import pytest

from gui.control.call import CallAction
from gui.control.hotkeys import HotkeyController
from gui.hotkeys.listener import HotkeyError, Pressed, make_listener
from gui.hotkeys.pynput_listener import _Held, pynput_form
from tests.gui.conftest import Studio
from tests.rig.x_server import x_server

x11_only = pytest.mark.skipif(sys.platform != "linux", reason="X11")


@pytest.fixture
def display(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An X server of its own, in memory."""
    with x_server() as name:
        monkeypatch.setenv("DISPLAY", name)
        yield name


class Keyboard:
    """Presses keys on a display."""

    def __init__(self, display: str) -> None:
        from Xlib import XK
        from Xlib import display as xdisplay

        self._display, self._names = xdisplay.Display(display), XK

    def send(self, *keys: str, down: bool) -> None:
        """Presses the keys, or lets them go in opposite order."""
        from Xlib import X
        from Xlib.ext import xtest

        for key in keys if down else reversed(keys):
            code = self._display.keysym_to_keycode(self._names.string_to_keysym(key))
            xtest.fake_input(self._display, X.KeyPress if down else X.KeyRelease, code)
        self._display.sync()

    def tap(self, *keys: str) -> None:
        """Presses and lets go."""
        self.send(*keys, down=True)
        self.send(*keys, down=False)


@x11_only
def test_keys_act_while_no_window_has_the_keyboard(studio: Studio, display: str) -> None:
    keys, heard = studio.session.hotkeys, []
    keys._call.do = lambda action, down=True: heard.append((action, down))  # type: ignore[method-assign]
    keys.switch(True)
    assert (keys.problem, dict(keys.problems)) == ("", {})
    board = Keyboard(display)
    board.tap("Control_L", "Alt_L", "m")
    board.send("Control_L", "Alt_L", "v", down=True)
    studio.bot.waitUntil(lambda: len(heard) == 3)
    board.send("Control_L", "Alt_L", "v", down=False)
    studio.bot.waitUntil(lambda: len(heard) == 4)
    assert heard == [
        (CallAction.MUTE, True),
        (CallAction.MUTE, False),
        (CallAction.TALK, True),
        (CallAction.TALK, False),
    ]


@x11_only
def test_locks_do_not_matter_but_other_modifiers_do(studio: Studio, display: str) -> None:
    keys, heard = studio.session.hotkeys, []
    keys._call.do = lambda action, down=True: heard.append((action, down))  # type: ignore[method-assign]
    keys.switch(True)
    board = Keyboard(display)
    board.tap("Control_L", "Alt_L", "Shift_L", "m")
    board.tap("Control_L", "m")
    board.tap("Num_Lock")
    board.tap("Control_L", "Alt_L", "b")
    studio.bot.waitUntil(lambda: len(heard) == 2)
    assert heard == [(CallAction.BYPASS, True), (CallAction.BYPASS, False)]


@x11_only
def test_keys_of_another_program_are_named_and_the_others_work(studio: Studio, display: str) -> None:
    other = make_listener()
    other.start(["Ctrl+Alt+M"], lambda *_: None)
    keys = studio.session.hotkeys
    keys.switch(True)
    assert list(keys.problems) == [CallAction.MUTE]
    assert "Ctrl+Alt+M" in keys.problems[CallAction.MUTE]
    Keyboard(display).tap("Control_L", "Alt_L", "b")
    studio.bot.waitUntil(lambda: studio.session.params.mode == "bypass")
    other.close()
    keys.listen()
    assert not keys.problems


@x11_only
def test_switched_off_they_are_free_again(studio: Studio, display: str) -> None:
    keys = studio.session.hotkeys
    keys.switch(True)
    keys.switch(False)
    other = make_listener()
    assert other.start(list(keys.keys.values()), lambda *_: None) == {}
    other.close()


@x11_only
def test_wayland_is_told_of_the_other_way(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    studio.session.hotkeys.switch(True)
    assert "menura tell mute" in studio.session.hotkeys.problem


@x11_only
def test_a_key_that_is_none_is_named(display: str) -> None:
    listener = make_listener()
    failed = listener.start(["Ctrl+Blurb"], lambda *_: None)
    listener.close()
    assert "Blurb" in failed["Ctrl+Blurb"]


class Refusing:
    """A system that allows no global keys."""

    def start(self, keys: list[str], pressed: Pressed) -> Mapping[str, str]:
        """Refuses."""
        raise HotkeyError("Not here.")

    def close(self) -> None:
        """Nothing to give back."""


def test_a_refusing_system_is_a_sentence(studio: Studio) -> None:
    keys = HotkeyController(studio.session.store, studio.session.call, Refusing)
    keys.switch(True)
    assert (keys.problem, keys.on) == ("Not here.", True)


def test_the_same_keys_serve_one_action_only(studio: Studio) -> None:
    keys = studio.session.hotkeys
    taken = keys.keys[CallAction.MUTE]
    keys.set_keys(CallAction.PANIC, taken)
    assert CallAction.MUTE not in keys.keys
    assert keys.keys[CallAction.PANIC] == taken


@pytest.mark.parametrize(
    ("keys", "form"),
    [("Ctrl+Alt+M", "<ctrl>+<alt>+m"), ("Meta+F9", "<cmd>+<f9>"), ("Ctrl+PgDown", "<ctrl>+<page_down>")],
)
def test_names_for_macos_and_windows(keys: str, form: str) -> None:
    assert pynput_form(keys) == form


def test_combinations_go_down_once_and_up_once() -> None:
    heard: list[tuple[str, bool]] = []
    held = _Held([("Ctrl+M", frozenset("cm")), ("M", frozenset("m"))], lambda *event: heard.append(event))
    for key in "cmmm":
        held.down(key)
    held.up("c")
    held.up("m")
    assert heard == [("Ctrl+M", True), ("M", True), ("Ctrl+M", False), ("M", False)]
