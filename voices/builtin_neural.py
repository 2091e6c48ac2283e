"""The enrolled voices that are always there, read from `assets/voices/enrolled.json`."""

from __future__ import annotations

import json
from functools import lru_cache
from importlib import resources

from voices.voice import Voice, VoiceKind


@lru_cache(maxsize=1)
def builtin_neural_voices() -> tuple[Voice, ...]:
    """Voices of openly licensed or synthetic speakers, made by `python -m training.enrol_builtin`."""
    text = resources.files("assets").joinpath("voices", "enrolled.json").read_text(encoding="utf-8")
    return tuple(
        Voice(**{**entry, "kind": VoiceKind(entry["kind"]), "embedding": tuple(entry["embedding"])})
        for entry in json.loads(text)
    )
