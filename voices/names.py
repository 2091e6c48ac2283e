"""Ids and names that are free: an id is also a file name, on every file system."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container, Iterable
from itertools import count

_RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}
"""Names that Windows keeps for devices, whatever the suffix."""

_LONGEST = 40
_NUMBERED = re.compile(r"(.*\S) \d+")


def free_id(name: str, taken: Container[str]) -> str:
    """An id for a voice of this name: lower case ASCII letters, digits and hyphens, not in `taken`."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_LONGEST].strip("-") or "voice"
    if slug in _RESERVED:
        slug = f"voice-{slug}"
    return next(found for found in _numbered(slug, "-") if found not in taken)


def free_name(name: str, taken: Iterable[str]) -> str:
    """The name itself, or with the first number that makes it unlike all others whatever their case."""
    others = {other.casefold() for other in taken}
    if name.casefold() not in others:
        return name
    stem = match[1] if (match := _NUMBERED.fullmatch(name)) else name
    return next(found for found in _numbered(stem, " ") if found.casefold() not in others)


def _numbered(stem: str, joint: str) -> Iterable[str]:
    yield stem
    for number in count(2):
        yield f"{stem}{joint}{number}"
