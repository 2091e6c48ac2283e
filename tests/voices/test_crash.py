"""kill -9 during every kind of write, full disks and two writers: the library keeps what was complete."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.voices.makers import an_archive
from voices.archive import read_archive
from voices.files import FileError
from voices.library import Library, LibraryError

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="these tests fork")

Write = Callable[[Library, Path], None]

_STEPS = {"open", "os.rename", "os.remove", "os.mkdir"}
"""What changes a folder, as Python's audit events name it: a crash can fall between any two of them."""


def _add(library: Library, shared: Path) -> None:
    library.add(an_archive("New"))


def _import(library: Library, shared: Path) -> None:
    library.import_file(shared)


def _rename(library: Library, shared: Path) -> None:
    library.rename("old", "Renamed")


def _remove(library: Library, shared: Path) -> None:
    library.remove("old")


def _restore(library: Library, shared: Path) -> None:
    library.restore(library.removed()[0])


def _restore_beside(library: Library, shared: Path) -> None:
    library.add(an_archive("Gone", seed=7))
    library.restore(library.removed()[0])


def _export(library: Library, shared: Path) -> None:
    library.export_file("old", shared)


def _picture(library: Library, shared: Path) -> None:
    library.set_picture("old", b"")


WRITES = [_add, _import, _rename, _remove, _restore, _restore_beside, _export, _picture]


def _prepared(folder: Path) -> None:
    """A library with two voices and one in its trash, and a voice file beside it."""
    library = Library.open(folder / "voices")
    for name in ("Old", "Kept", "Gone"):
        library.add(an_archive(name))
    library.remove("gone")
    library.export_file("old", folder / "shared.menura")


def _dies_at(step: int, write: Write, folder: Path, shared: Path) -> bool:
    """Runs `write` in a process that kills itself before its step of this number; whether it got there."""
    child = os.fork()
    if child == 0:
        left = step

        def watch(event: str, _: object) -> None:
            nonlocal left
            if event in _STEPS:
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        try:
            library = Library.open(folder)
            sys.addaudithook(watch)
            write(library, shared)
            os._exit(0)
        finally:
            os._exit(1)
    status = os.waitpid(child, 0)[1]
    assert status == 0 or os.WIFSIGNALED(status), "the write failed by itself"
    return os.WIFSIGNALED(status)


def _intact(folder: Path, shared: Path) -> None:
    """Every voice there was is whole: in the library or, if it was removed, in the trash."""
    library = Library.open(folder)
    assert library.damaged() == ()
    for voice in library.voices():
        library.archive(voice.id)
    here = {voice.name for voice in library.voices()}
    there = {read_archive(removed.path).voice.name for removed in library.removed()}
    assert "Kept" in here
    assert {"Old", "Renamed"} & (here | there)
    assert "Gone" in here | there
    assert read_archive(shared).voice.name == "Old"


@pytest.mark.parametrize("write", WRITES, ids=lambda write: write.__name__.strip("_"))
def test_killed_at_every_step_of_every_write(tmp_path: Path, write: Write) -> None:
    (tmp_path / "before").mkdir()
    _prepared(tmp_path / "before")
    step, died = 0, True
    while died:
        folder = shutil.copytree(tmp_path / "before", tmp_path / str(step))
        shared = folder / "shared.menura"
        died = _dies_at(step, write, folder / "voices", shared)
        _intact(folder / "voices", shared)
        Library.open(folder / "voices").add(an_archive("Afterwards"))
        step += 1
    assert step > 2


def _work(folder: Path, journal: int, seed: int) -> None:
    """Adds, changes and removes voices for ever; says in the journal what is complete."""
    library = Library.open(folder)
    chance = random.Random(seed)
    for number in range(1_000_000):
        voice = library.add(an_archive(f"V{seed}-{number}", seed=number))
        os.write(journal, f"+{voice.name}\n".encode())
        if chance.random() < 0.5:
            library.update(voice.id, description=f"changed {number}")
        if chance.random() < 0.3:
            os.write(journal, f"-{voice.name}\n".encode())
            library.remove(voice.id)


def test_killed_at_random_moments_nothing_complete_is_lost(tmp_path: Path) -> None:
    chance = random.Random(5)
    expected: set[str] = set()
    maybe: set[str] = set()
    for seed in range(12):
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                _work(tmp_path / "voices", writer, seed)
            finally:
                os._exit(1)
        os.close(writer)
        said = os.read(reader, 1)
        said += os.read(reader, chance.randrange(1, 60))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        while more := os.read(reader, 65_536):
            said += more
        os.close(reader)
        lines = said.decode().splitlines()
        expected |= {line[1:] for line in lines if line.startswith("+")}
        maybe |= {line[1:] for line in lines if line.startswith("-")}
    library = Library.open(tmp_path / "voices")
    assert library.damaged() == ()
    names = {library.archive(voice.id).voice.name for voice in library.voices()}
    gone = {removed.name for removed in library.removed()}
    assert expected - maybe <= names
    assert maybe <= names | gone
    assert len(expected) >= 12


def test_two_writers_do_not_get_into_each_others_way(tmp_path: Path) -> None:
    children = []
    for seed in (1, 2):
        child = os.fork()
        if child == 0:
            status = 1
            try:
                library = Library.open(tmp_path / "voices")
                for number in range(15):
                    library.refresh()
                    _add_some(library, f"Voice {number}", seed)
                status = 0
            finally:
                os._exit(status)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0]
    library = Library.open(tmp_path / "voices")
    own = [voice for voice in library.voices() if not voice.builtin]
    assert len(own) == len({voice.id for voice in own}) == len({voice.name for voice in own}) == 30
    assert library.damaged() == ()


def _add_some(library: Library, name: str, seed: int) -> None:
    """Adds a voice under this name, or the next free one where another process was faster."""
    while True:
        try:
            library.add(an_archive(library.free_name(name), seed))
        except LibraryError:  # the other was faster, as the count at the end shows
            library.refresh()
        else:
            return


@pytest.fixture
def small_disk(tmp_path: Path):
    """A file system of 256 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "none", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, check=False)
    except OSError:
        pytest.skip("file systems cannot be mounted here")
    if done.returncode:
        pytest.skip("file systems may not be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_fills_up(small_disk: Path) -> None:
    library = Library.open(small_disk / "voices")
    added = 0
    told = ""
    while not told:
        try:
            library.add(an_archive(f"Voice {added}"))
            added += 1
        except (FileError, LibraryError) as error:
            told = str(error)
    assert re.search(r"disk is full|with room on its disk", told)
    library = Library.open(small_disk / "voices")
    own = [voice for voice in library.voices() if not voice.builtin]
    assert len(own) == added > 3
    assert library.damaged() == ()
    (small_disk / "more").write_bytes(b"x" * shutil.disk_usage(small_disk).free)
    with pytest.raises(FileError, match="disk is full"):
        library.update(own[0].id, description="changed")
    assert Library.open(library.path).find(own[0].id) == own[0]
    library.remove(own[0].id)
    library.empty_trash()
    assert library.add(an_archive("Again")).name == "Again"
