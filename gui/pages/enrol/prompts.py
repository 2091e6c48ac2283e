"""Texts to read aloud: our own, each with many sounds, questions and exclamations."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True)
class Prompts:
    """The texts of one language; `language` is its own name for itself."""

    language: str
    texts: tuple[str, ...]


@cache
def all_prompts() -> tuple[Prompts, ...]:
    """Returns what assets/prompts.json holds, English first."""
    content = json.loads((files("assets") / "prompts.json").read_text(encoding="utf-8"))
    return tuple(Prompts(entry["language"], tuple(entry["texts"])) for entry in content)
