"""What a user does in a call without looking at the window: the actions behind tray, shortcuts and `tell`."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from inference.engine.messages import Mode, MonitorSource

if TYPE_CHECKING:
    from gui.session import Session


class CallAction(StrEnum):
    """Named as `menura tell` and the settings file write them."""

    MUTE = "mute"
    TALK = "talk"
    BYPASS = "bypass"
    PANIC = "panic"
    NEXT = "next"
    PREVIOUS = "previous"
    TOGGLE = "toggle"
    HUD = "overlay"
    SHOW = "show"
    QUIT = "quit"


WORDS = {
    CallAction.MUTE: "Mute or unmute",
    CallAction.TALK: "Push to talk (hold)",
    CallAction.BYPASS: "Own voice on or off",
    CallAction.PANIC: "Silence everything",
    CallAction.NEXT: "Next voice",
    CallAction.PREVIOUS: "Previous voice",
    CallAction.TOGGLE: "Start or stop",
    CallAction.HUD: "Overlay on or off",
    CallAction.SHOW: "Show the window",
    CallAction.QUIT: "Quit Menura",
}


class CallController(QObject):
    """Acts on the session. `show_wanted`, `hud_wanted`, `quit_wanted`: the user asked for the window, for
    the small display above all others or for its end, or to end.

    Push to talk works whatever the mode was: held, the call hears the chosen voice; let go, nothing.
    """

    show_wanted = Signal()
    hud_wanted = Signal()
    quit_wanted = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session

    def do(self, action: CallAction, down: bool = True) -> None:
        """Acts when a key goes `down`; only push to talk acts when it comes up again."""
        if action is CallAction.TALK:
            self._session.set_mode(Mode.CONVERTED if down else Mode.MUTE)
            return
        if not down:
            return
        match action:
            case CallAction.MUTE:
                self._toggle(Mode.MUTE)
            case CallAction.BYPASS:
                self._toggle(Mode.BYPASS)
            case CallAction.PANIC:
                self._session.set_mode(Mode.MUTE)
                self._session.set_monitor(MonitorSource.OFF)
            case CallAction.NEXT:
                self._step(1)
            case CallAction.PREVIOUS:
                self._step(-1)
            case CallAction.TOGGLE:
                self._session.toggle()
            case CallAction.HUD:
                self.hud_wanted.emit()
            case CallAction.SHOW:
                self.show_wanted.emit()
            case CallAction.QUIT:
                self.quit_wanted.emit()

    def _toggle(self, mode: Mode) -> None:
        now = self._session.params.mode
        self._session.set_mode(Mode.CONVERTED if now is mode else mode)

    def _step(self, by: int) -> None:
        """Goes through the favourites, or through all voices where there are none."""
        session = self._session
        ids = [voice.id for voice in session.voices]
        favourites = [i for i in session.store.settings.favourites if i in ids]
        ring = favourites or ids
        if not ring:
            return
        at = ring.index(session.voice_id) + by if session.voice_id in ring else 0
        session.choose_voice(ring[at % len(ring)])
