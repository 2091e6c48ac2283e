"""`menura tell`: a word to the studio that is open."""

from __future__ import annotations

from gui.control.call import CallAction
from gui.settings import config_dir
from gui.single_instance import server_name, tell_other

LET_GO = f"{CallAction.TALK}-off"
"""Ends what `talk` began."""


class RemoteError(RuntimeError):
    """The word cannot be delivered; the message is a sentence for the user."""


def tell_studio(word: str) -> None:
    """Sends an action to the studio of this home. Raises RemoteError."""
    known = [*CallAction, LET_GO]
    if word not in known:
        raise RemoteError(f"There is no action '{word}'; choose one of {', '.join(known)}.")
    if not tell_other(server_name(config_dir()), word):
        raise RemoteError("Menura is not open; start it with 'menura' first.")
