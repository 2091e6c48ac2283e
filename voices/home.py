"""Where Menura keeps what belongs to the user, and the lock that keeps two engines apart."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs
from filelock import FileLock, Timeout


class AlreadyRunningError(RuntimeError):
    """Another Menura uses this home; the message is a sentence for the user."""


def home() -> Path:
    """The data directory: MENURA_HOME, or the platform's. Created if missing; raises OSError."""
    chosen = os.environ.get("MENURA_HOME")
    path = Path(chosen) if chosen else platformdirs.user_data_path("Menura", appauthor=False)
    path.mkdir(parents=True, exist_ok=True)
    return path


def engine_lock() -> FileLock:
    """Takes the right to run an engine; it ends with the process or `release`. Raises AlreadyRunningError."""
    try:
        path = home()
    except OSError as error:
        raise AlreadyRunningError(
            f"The data folder cannot be created ({error.strerror}); set MENURA_HOME to one you may write to."
        ) from error
    lock = FileLock(path / "engine.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise AlreadyRunningError(
            "Menura is already running; close it first, or set MENURA_HOME to run a second one beside it."
        ) from error
    return lock
