"""Sound that a call has missed in one go, in words: what happened, and what to do if it happens again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from gui.control.notice import Notice
from inference.engine.telemetry import Telemetry

if TYPE_CHECKING:
    from gui.session import Session

WORTH_TELLING_S = 0.5
"""Sound lost between two looks of the journal; less is counted in the top bar, and heard as a crackle."""

AGAIN_S = 60.0
"""How long a sentence stands before the next one: an audio server that stalls does it again and again."""


class LossWatch:
    """Looks at the engine's counters every few seconds; knows what is worth a sentence.

    >>> watch = LossWatch()
    >>> watch.hear(telemetry)      # the sentence, or ''
    """

    def __init__(self) -> None:
        self._known_s: float | None = None
        self._untold_s = 0.0
        self._told_at = -AGAIN_S

    def forget(self) -> None:
        """Streams are opened anew: their counters begin at nothing, and what opening costs is no loss."""
        self._known_s = None
        self._untold_s, self._told_at = 0.0, -AGAIN_S

    def hear(self, telemetry: Telemetry) -> str:
        """Takes a reading of running streams."""
        if not telemetry.running:
            return ""
        known, self._known_s = self._known_s, telemetry.lost_s
        lost = telemetry.lost_s - known if known is not None else 0.0
        if lost >= WORTH_TELLING_S:
            self._untold_s += lost
        if not self._untold_s or telemetry.seconds - self._told_at < AGAIN_S:
            return ""
        sentence = in_words(self._untold_s)
        self._untold_s, self._told_at = 0.0, telemetry.seconds
        return sentence


def in_words(lost_s: float) -> str:
    """The sentence."""
    return (
        f"The call missed {lost_s:.1f} s of sound because the sound system stood still. If that happens "
        "again, choose another call output or a larger block, and close busy programs."
    )


class LossController(QObject):
    """Says it in the window, with the way to the devices."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self._watch = LossWatch()
        session.streams_opened.connect(lambda _: self._watch.forget())
        session.journal.looked.connect(self._look)

    def _look(self, telemetry: Telemetry) -> None:
        sentence = self._watch.hear(telemetry)
        if sentence:
            session = self._session
            session.say(Notice(sentence, "danger", "Show Devices", lambda: session.show_panel("devices")))
