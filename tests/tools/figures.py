"""Figures as JSON: on the screen, and in a file where one is wanted."""

from __future__ import annotations

import json
import sys
from pathlib import Path


def show(figures: object, path: Path | None, indent: int = 1) -> None:
    """Prints `figures`, and writes them to `path` if there is one."""
    text = json.dumps(figures, indent=indent) + "\n"
    sys.stdout.write(text)
    if path:
        path.write_text(text)
