"""Writing files and folders so that a crash leaves the old one or the new one, never half of either."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

TEMPORARY_PREFIX = ".menura-"
"""Files that begin so and were not renamed are left from a crash."""


class FileError(ValueError):
    """A file that cannot be written; the message is a sentence for the user."""


def write_text(path: str | Path, text: str) -> None:
    """Replaces the file by `text` (UTF-8) as `write_bytes` does. Raises FileError."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: str | Path, content: bytes) -> None:
    """Replaces the file: temporary file, fsync, rename, fsync of the folder. Raises FileError."""
    path = Path(path)
    temporary = path.with_name(f"{TEMPORARY_PREFIX}{secrets.token_hex(8)}")
    try:
        with temporary.open("xb") as file:
            if path.exists():
                temporary.chmod(stat.S_IMODE(path.stat().st_mode))
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise FileError(_sentence(path, error)) from error


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """A folder to fill, which replaces `folder` once all in it is on the disk, or else vanishes.

    A crash may leave folders named `TEMPORARY_PREFIX`... beside it. Raises OSError.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = folder.with_name(f"{TEMPORARY_PREFIX}{secrets.token_hex(8)}")
    old = fresh.with_name(f"{fresh.name}-old")
    fresh.mkdir()
    try:
        yield fresh
        for path in fresh.iterdir():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        sync_folder(fresh)
        if folder.exists():
            os.replace(folder, old)
        os.replace(fresh, folder)
        sync_folder(folder.parent)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def sync_folder(folder: Path) -> None:
    """Makes renames in a folder outlast a power cut, where the system can (not on Windows)."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sentence(path: Path, error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"The disk is full: {path} was not written, what was there is kept; make room and try again."
    reason = error.strerror or error
    return f"{path} cannot be written ({reason}); choose a folder you may write to."
