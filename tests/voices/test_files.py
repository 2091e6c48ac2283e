"""One way to write a file: the old content or the new, and on the disk before it has its name."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from voices.files import FileError, write_bytes, write_text


def test_the_bytes_are_on_the_disk_before_the_name_and_the_name_before_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    replace = os.replace

    def synced(descriptor: int) -> None:
        steps.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")

    def replaced(*paths: Path) -> None:
        steps.append("rename")
        replace(*paths)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", replaced)
    write_bytes(tmp_path / "a", b"x")
    assert steps == ["file", "rename", "folder"]


def test_a_new_file_is_as_private_as_others_and_an_old_one_stays_so(tmp_path: Path) -> None:
    (tmp_path / "other").touch()
    write_text(tmp_path / "new", "ü")
    assert (tmp_path / "new").read_text(encoding="utf-8") == "ü"
    assert (tmp_path / "new").stat().st_mode == (tmp_path / "other").stat().st_mode
    (tmp_path / "new").chmod(0o600)
    write_text(tmp_path / "new", "again")
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o600


@pytest.mark.parametrize("step", ["fsync", "replace"])
@pytest.mark.parametrize(("number", "said"), [(errno.ENOSPC, "disk is full"), (errno.EACCES, "may write to")])
def test_a_write_that_fails_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, number: int, said: str
) -> None:
    write_text(tmp_path / "a", "old")

    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(FileError, match=said):
        write_text(tmp_path / "a", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_text(encoding="utf-8") == "old"


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot be written"):
        write_text(tmp_path / "no" / "a", "x")
