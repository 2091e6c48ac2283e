"""Which pages the window has, in the order of its navigation rail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

if TYPE_CHECKING:
    from gui.session import Session

Make = Callable[["Session"], QWidget]


@dataclass(frozen=True)
class Page:
    """A page of the window; `make` runs at its first visit, `icon` is a name in assets/icons.

    `frames`: the page shows the live signal, so `Session.telemetry_read` and `Session.scope_read` come 30
    times a second while it is in front. On other pages telemetry comes 4 times a second and no scope.
    """

    id: str
    title: str
    icon: str
    make: Make
    frames: bool = False


def lazy(module: str, name: str) -> Make:
    """Returns a maker that imports `module` at the first visit and calls its `name` with the session."""
    return lambda session: getattr(import_module(module), name)(session)  # type: ignore[no-any-return]


PAGES: tuple[Page, ...] = (
    Page("live", "Live", "wave", lazy("gui.pages.live", "LivePage"), frames=True),
    Page("enrol", "New voice", "mic", lazy("gui.pages.enrol.page", "EnrolPage")),
    Page("replay", "Replay", "replay", lazy("gui.pages.replay", "ReplayPage")),
    Page("recordings", "Recordings", "record", lazy("gui.pages.recordings", "RecordingsPage")),
    Page("call", "Call", "headphones", lazy("gui.pages.call", "CallPage")),
    Page("engine", "Engine", "timer", lazy("gui.pages.engine", "EnginePage")),
)
