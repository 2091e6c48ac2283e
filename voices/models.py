"""The models of RVC voices, a folder each: too large for voice files, so these name them by hash."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Iterable
from pathlib import Path

from voices.home import home

FOLDER = "models"
"""Within the library's folder."""

_YOUNG_S = 3600.0
"""An import that is still going on may have made a model that no voice names yet."""


def model_folder(model: str) -> Path:
    """Where the model of a voice of the user's library lies. Raises OSError where there can be no home."""
    return home() / "voices" / FOLDER / model


def sweep(models: Path, named: Iterable[str]) -> int:
    """Deletes the models that no voice names, and what crashed imports left; returns how many."""
    kept = set(named)
    oldest = time.time() - _YOUNG_S
    unused = [path for path in models.glob("*") if path.name not in kept and _changed(path) < oldest]
    for path in unused:
        shutil.rmtree(path, ignore_errors=True)
    return len(unused)


def _changed(path: Path) -> float:
    """When, in seconds since 1970; never, for the folder of an import that has just been renamed."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return math.inf
