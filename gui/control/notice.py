"""A sentence for the user."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Notice:
    """One sentence with at most one thing to do about it: `action` labels the button that calls `do`.

    `info` and `danger` stand in the message bar until dismissed; a `toast` goes by itself.
    """

    sentence: str
    tone: Literal["info", "danger", "toast"] = "info"
    action: str = ""
    do: Callable[[], None] | None = None
