"""The library on disk: what goes in stays, whatever is damaged, full, taken or done by somebody else."""

from __future__ import annotations

import errno
import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import given
from hypothesis import strategies as st

from tests.voices.makers import a_picture, a_voice, an_archive
from voices import library as library_module
from voices.archive import ArchiveError, archive_bytes, read_archive
from voices.builtin import UnknownVoiceError, builtin_voices, find_voice
from voices.files import FileError
from voices.library import Library, LibraryError, find_anywhere
from voices.names import free_id, free_name
from voices.tuning import Tuning


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library.open(tmp_path / "voices")


def again(library: Library) -> Library:
    """What another process would see."""
    return Library.open(library.path)


def own(library: Library) -> dict[str, str]:
    """Names of the user's voices by id."""
    return {voice.id: voice.name for voice in library.voices() if not voice.builtin}


def test_a_new_library_has_the_built_in_voices(library: Library) -> None:
    assert library.voices() == builtin_voices()
    assert library.damaged() == ()


def test_the_library_of_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MENURA_HOME", str(tmp_path))
    voice = Library.open().add(an_archive("Ada"))
    assert (tmp_path / "voices" / "ada.menura").is_file()
    assert find_anywhere("ADA") == voice
    assert find_anywhere("deep") == find_voice("deep")


def test_an_added_voice_is_there_for_everybody(library: Library) -> None:
    voice = library.add(an_archive("Ada"))
    assert (voice.id, voice.builtin) == ("ada", False)
    other = again(library)
    assert other.find("Ada") == voice
    assert other.clips("ada") == an_archive().clips
    assert other.picture("ada") == an_archive().picture
    assert other.manifest("ada").consent == an_archive().consent


def test_names_are_the_users_own(library: Library) -> None:
    library.add(an_archive("Ada"))
    for name in ("ada", " ADA ", "Marlow", "Deep", "", "a\tb"):
        with pytest.raises((LibraryError, ArchiveError)):
            library.add(an_archive(name))
    assert library.free_name("ada") == "ada 2"


@pytest.mark.parametrize(
    ("name", "voice_id"),
    [
        ("Jörg Älter", "jorg-alter"),
        ("CON", "voice-con"),
        ("lpt1", "voice-lpt1"),
        ("..", "voice"),
        ("мудрец", "voice"),
        ("a/b\\c:d*e", "a-b-c-d-e"),
        ("Deep 1", "deep-1"),
        ("x" * 60, "x" * 40),
    ],
)
def test_ids_are_file_names_everywhere(library: Library, name: str, voice_id: str) -> None:
    assert library.add(an_archive(name)).id == voice_id
    assert library.find(name).name == name


@given(name=st.text(max_size=60), taken=st.sets(st.sampled_from(["voice", "a", "voice-2"])))
def test_any_name_gives_a_free_id(name: str, taken: set[str]) -> None:
    found = free_id(name, taken)
    assert found not in taken
    assert found == found.lower()
    assert all(letter.isascii() and (letter.isalnum() or letter == "-") for letter in found)
    assert 0 < len(found) <= 44


def test_a_second_number_does_not_follow_the_first() -> None:
    assert free_name("Ada 2", ["ada", "ADA 2"]) == "Ada 3"


def test_import_and_export(library: Library, tmp_path: Path) -> None:
    library.add(an_archive("Ada"))
    library.export_file("ada", tmp_path / "shared.menura")
    copied = library.import_file(tmp_path / "shared.menura")
    assert own(library) == {"ada": "Ada", "ada-2": "Ada 2"}
    assert library.clips(copied.id) == library.clips("ada")
    assert library.archive(copied.id).created == library.archive("ada").created


def test_every_built_in_voice_can_be_exported_and_taken_in(library: Library, tmp_path: Path) -> None:
    for voice in builtin_voices():
        library.export_file(voice.id, tmp_path / "shared.menura")
        taken = library.import_file(tmp_path / "shared.menura")
        assert replace(taken, id=voice.id, name=voice.name, builtin=True).kind == voice.kind
        assert taken.licence == voice.licence
        assert library.picture(taken.id) == library.picture(voice.id)


def test_a_damaged_file_is_not_imported(library: Library, tmp_path: Path) -> None:
    damaged = bytearray(archive_bytes(an_archive()))
    damaged[-2000] ^= 1
    (tmp_path / "x.menura").write_bytes(damaged)
    with pytest.raises(ArchiveError):
        library.import_file(tmp_path / "x.menura")
    assert own(again(library)) == {}


def test_a_name_says_more_than_an_id(library: Library) -> None:
    library.add(an_archive("Ada"))
    library.rename("ada", "Eda")
    assert library.add(an_archive("Ada")).id == "ada-2"
    assert library.find("ada").name == "Eda"
    assert library.find("ADA").name == "Ada"


def test_rename_update_and_picture(library: Library) -> None:
    library.add(an_archive("Ada"))
    library.add(an_archive("Bea"))
    assert library.rename("ada", "ADA").name == "ADA"
    with pytest.raises(LibraryError, match="already"):
        library.rename("ada", "bea")
    tuned = library.update("ada", tuning=Tuning(timbre=0.5), description="Quiet.")
    library.set_picture("ada", a_picture(2, 2))
    assert again(library).find("ada") == tuned
    assert (tuned.id, tuned.name, tuned.tuning.timbre) == ("ada", "ADA", 0.5)
    assert again(library).picture("ada") == a_picture(2, 2)
    with pytest.raises(TypeError):
        library.update("ada", id="other")


def test_built_in_voices_are_copied_not_changed(library: Library) -> None:
    for change in (
        lambda: library.rename("deep", "Mine"),
        lambda: library.remove("deep"),
        lambda: library.set_picture("deep", b""),
    ):
        with pytest.raises(LibraryError, match="built in"):
            change()
    copied = library.copy("marlow", "Mine", tuning=Tuning(pitch_semitones=-3.0))
    assert again(library).find("mine") == copied
    assert copied.embedding == pytest.approx(find_voice("marlow").embedding)


def test_unknown_voices(library: Library) -> None:
    library.add(an_archive("Ada"))
    with pytest.raises(UnknownVoiceError, match="did you mean ada"):
        library.find("adda")
    for ask in (library.clips, library.picture, library.remove, library.archive, library.manifest):
        with pytest.raises(LibraryError, match="no voice"):
            ask("nobody")


def test_remove_can_be_undone(library: Library) -> None:
    voice = library.add(an_archive("Ada"))
    removed = library.remove("ada")
    assert own(again(library)) == {}
    assert again(library).removed() == (removed,)
    assert library.restore(removed) == voice
    assert library.removed() == ()


def test_what_comes_back_gives_way_to_what_is_there(library: Library) -> None:
    library.add(an_archive("Ada", seed=1))
    removed = library.remove("ada")
    library.add(an_archive("Ada", seed=2))
    restored = library.restore(removed)
    assert own(library) == {"ada": "Ada", "ada-2": "Ada 2"}
    assert restored.embedding == a_voice(seed=1).embedding
    assert library.removed() == ()


def test_the_trash_is_emptied_after_a_month_or_at_choice(library: Library) -> None:
    for name in ("Ada", "Bea"):
        library.add(an_archive(name))
    old, young = library.remove("ada"), library.remove("bea")
    stamp = round((old.when - 31 * 86_400) * 1000)
    old.path.rename(old.path.with_name(f"ada.{stamp}.menura"))
    library.add(an_archive("Cleo"))
    assert library.removed() == (young,)
    assert library.find_removed("bea") == young
    assert library.empty_trash() == 1
    with pytest.raises(LibraryError, match="trash"):
        library.find_removed("bea")


def test_a_damaged_voice_is_shown_with_its_reason_and_the_others_load(library: Library) -> None:
    for name in ("Ada", "Bea", "Cleo"):
        library.add(an_archive(name))
    content = (library.path / "ada.menura").read_bytes()
    (library.path / "ada.menura").write_bytes(content[:-100])
    (library.path / "deep.menura").write_bytes(content)
    (library.path / "folder.menura").mkdir()
    other = again(library)
    assert own(other) == {"bea": "Bea", "cleo": "Cleo"}
    assert [damaged.id for damaged in other.damaged()] == ["ada", "deep", "folder"]
    assert all(damaged.reason.endswith(".") for damaged in other.damaged())
    with pytest.raises(LibraryError, match="cannot be used"):
        other.find("ada")


def test_the_way_out_of_damage(library: Library, tmp_path: Path) -> None:
    voice = library.add(an_archive("Ada"))
    library.export_file("ada", tmp_path / "good.menura")
    (library.path / "ada.menura").write_bytes(b"")
    other = again(library)
    removed = other.remove(other.find_id("ada"))
    assert other.damaged() == ()
    assert other.import_file(tmp_path / "good.menura") == voice
    with pytest.raises(ArchiveError):
        other.restore(removed)
    assert other.removed() == (removed,)


def test_what_other_processes_do_is_seen(library: Library) -> None:
    other = again(library)
    seen = other.revision
    library.add(an_archive("Ada"))
    assert other.refresh()
    assert other.revision != seen
    assert own(other) == {"ada": "Ada"}
    library.rename("ada", "Eda")
    other.refresh()
    assert own(other) == {"ada": "Eda"}
    library.remove("ada")
    other.refresh()
    assert own(other) == {}


def test_a_quiet_folder_costs_one_look(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    library.add(an_archive("Ada"))
    long_ago = time.time() - 100
    os.utime(library.path, (long_ago, long_ago))
    assert not library.refresh()
    monkeypatch.setattr(os, "scandir", lambda _: pytest.fail("looked at every file"))
    assert not library.refresh()


def _many(library: Library, count: int = 20) -> None:
    content = archive_bytes(an_archive())
    for number in range(count):
        (library.path / f"voice-{number}.menura").write_bytes(content)


def test_a_large_library_opens_from_its_index(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    _many(library)
    library.refresh()
    before = library.voices()
    monkeypatch.setattr("voices.folder.read_manifest", lambda path: pytest.fail(f"opened {path}"))
    assert again(library).voices() == before


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"version": 1}', b'{"version": 1, "voices": {"voice-0": [[1, 2], {}]}}', b"\xff"],
)
def test_a_damaged_index_is_made_anew(library: Library, content: bytes) -> None:
    _many(library)
    library.refresh()
    index = library.path / ".index.json"
    index.write_bytes(content)
    assert again(library).voices() == library.voices()
    assert len(index.read_bytes()) > 1000


def test_the_index_is_not_believed_about_a_changed_file(library: Library) -> None:
    _many(library)
    library.refresh()
    library.rename("voice-0", "Other")
    (library.path / "voice-1.menura").write_bytes(b"damaged")
    other = again(library)
    assert other.find("voice-0").name == "Other"
    assert [damaged.id for damaged in other.damaged()] == ["voice-1"]


def test_what_a_crash_left_half_written_goes(library: Library) -> None:
    (library.path / ".menura-half").write_bytes(b"half")
    library.add(an_archive("Ada"))
    assert sorted(path.name for path in library.path.iterdir()) == [".lock", "ada.menura"]


def test_a_full_disk_is_one_sentence_and_nothing_is_lost(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    voice = library.add(an_archive("Ada"))
    library.export_file("ada", tmp_path / "good.menura")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    for change in (
        lambda: library.add(an_archive("Bea")),
        lambda: library.rename("ada", "Eda"),
        lambda: library.import_file(tmp_path / "good.menura"),
        lambda: library.export_file("ada", tmp_path / "again.menura"),
    ):
        with pytest.raises(FileError, match="disk is full"):
            change()
    monkeypatch.undo()
    assert again(library).voices() == (*builtin_voices(), voice)
    assert not (tmp_path / "again.menura").exists()
    assert not list(library.path.glob(".menura-*"))


def test_a_lock_that_stays_taken_is_told(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library_module, "_WAIT_S", 0.05)
    with FileLock(library.path / ".lock"), pytest.raises(LibraryError, match="Another Menura"):
        library.add(an_archive("Ada"))
    assert library.add(an_archive("Ada")).id == "ada"


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(LibraryError, match="MENURA_HOME"):
        Library.open(tmp_path / "file" / "voices")


def test_a_folder_that_went_away_comes_back(library: Library) -> None:
    library.add(an_archive("Ada"))
    shutil.rmtree(library.path)
    library.refresh()
    assert own(library) == {}
    library.add(an_archive("Bea"))
    assert own(again(library)) == {"bea": "Bea"}


def test_files_are_read_when_asked(library: Library) -> None:
    library.add(an_archive("Ada"))
    path = library.path / "ada.menura"
    assert read_archive(path).voice == library.find("ada")
    path.unlink()
    with pytest.raises(ArchiveError, match="does not exist"):
        library.clips("ada")
