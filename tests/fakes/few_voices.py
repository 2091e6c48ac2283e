"""A real library whose built-in voices are few and known."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from voices.library import Library
from voices.voice import Voice


class FewVoices(Library):
    """Shows `builtin` in place of the product's own voices, of which they take the ids."""

    def __init__(self, path: Path, builtin: Sequence[Voice] = ()) -> None:
        super().__init__(path)
        self._few = tuple(builtin)
        path.mkdir(parents=True, exist_ok=True)
        self.refresh()

    def voices(self) -> tuple[Voice, ...]:
        """The few, then those of the folder."""
        return (*self._few, *self._folder.voices())
