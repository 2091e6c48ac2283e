"""Writing small files so that a crash leaves the old one or the new one, never half of either."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


class FileError(ValueError):
    """A file that cannot be written; the message is a sentence for the user."""


def write_text(path: str | Path, text: str) -> None:
    """Replaces the file by `text` (UTF-8): temporary file, fsync, rename. Raises FileError."""
    path = Path(path)
    name = ""
    try:
        descriptor, name = tempfile.mkstemp(prefix=".menura-", dir=path.parent)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except OSError as error:
        if name:
            Path(name).unlink(missing_ok=True)
        reason = error.strerror or error
        raise FileError(f"{path} cannot be written ({reason}); choose a folder you may write to.") from error
