"""A device's rate and buffer are given back: after a call, after a crash, and never from under the user."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest

from audio.coreaudio import Property, four_letters
from audio.loan import give_back, lent

NAMES = ("MacBook Microphone", "BlackHole 2ch")


class Shelf:
    """Devices by name; those without a buffer refuse to tell."""

    def __init__(self) -> None:
        self.values = {name: {Property.RATE: 44_100.0, Property.BUFFER: 512.0} for name in NAMES}
        self.sets = 0

    def get(self, name, what):
        if name not in self.values:
            return None
        if what not in self.values[name]:
            raise OSError("refused")
        return self.values[name][what]

    def set(self, name, what, value):
        self.sets += 1
        self.values[name][what] = value

    def change(self):
        for values in self.values.values():
            values |= {Property.RATE: 48_000.0, Property.BUFFER: 64.0}


def test_what_a_call_changed_is_given_back(tmp_path):
    shelf, note = Shelf(), tmp_path / "note.json"
    with lent(NAMES, note, shelf, "darwin") as opened:
        shelf.change()
        opened()
        assert note.exists()
    assert shelf.values == Shelf().values
    assert not note.exists()


def test_after_a_crash_the_next_call_gives_back_first(tmp_path):
    shelf, note = Shelf(), tmp_path / "note.json"
    call = lent(NAMES, note, shelf, "darwin")
    opened = call.__enter__()
    shelf.change()
    opened()
    left = note.read_text()
    call.__exit__(None, None, None)
    # As a killed process leaves it: the note there, the device changed.
    note.write_text(left)
    shelf.change()
    with lent(NAMES, note, shelf, "darwin"):
        assert shelf.values == Shelf().values
        shelf.change()
    assert shelf.values == Shelf().values


def test_a_device_the_user_has_set_since_is_left_alone(tmp_path):
    shelf, note = Shelf(), tmp_path / "note.json"
    with lent(NAMES, note, shelf, "darwin") as opened:
        shelf.change()
        opened()
        shelf.values[NAMES[0]][Property.RATE] = 96_000.0
    assert shelf.values[NAMES[0]] == {Property.RATE: 96_000.0, Property.BUFFER: 512.0}


def test_one_that_refuses_keeps_nothing_from_the_others(tmp_path):
    shelf, note = Shelf(), tmp_path / "note.json"
    with lent(NAMES, note, shelf, "darwin") as opened:
        shelf.change()
        opened()
        del shelf.values[NAMES[0]][Property.RATE]
    assert shelf.values == {NAMES[0]: {Property.BUFFER: 512.0}, NAMES[1]: Shelf().values[NAMES[1]]}


def test_a_call_that_fails_gives_back_too(tmp_path):
    shelf = Shelf()
    with suppress(ValueError), lent(NAMES, tmp_path / "note.json", shelf, "darwin"):
        shelf.change()
        raise ValueError("the device refused")
    assert shelf.values == Shelf().values


@pytest.mark.parametrize(
    "note",
    ["", "[]", '{"before": 3}', '{"before": {"a": 1}}', '{"before": {"a": {"volume": 1}}}', '{"ours": {}}'],
)
def test_a_note_that_is_none_stops_nothing(note, tmp_path):
    path = tmp_path / "note.json"
    path.write_text(note)
    give_back(path, Shelf())
    assert not path.exists()


def test_a_device_that_is_gone_or_silent_costs_its_note_only(tmp_path):
    shelf, path = Shelf(), tmp_path / "note.json"
    del shelf.values[NAMES[0]][Property.BUFFER]
    with lent((*NAMES, "gone"), path, shelf, "darwin"):
        before = json.loads(path.read_text())["before"]
        assert before == {NAMES[0]: {"nsrt": 44_100}, NAMES[1]: {"nsrt": 44_100, "fsiz": 512}, "gone": {}}
    assert shelf.sets == 0


def test_a_system_that_cannot_be_asked_stops_nothing(tmp_path):
    # This machine has no Core Audio framework, whatever it is called.
    with lent(NAMES, tmp_path / "note.json", system="darwin") as opened:
        opened()
    assert list(tmp_path.iterdir()) == []


def test_elsewhere_nothing_is_asked_and_nothing_written(tmp_path):
    with lent(NAMES, tmp_path / "note.json", system="linux") as opened:
        opened()
    assert list(tmp_path.iterdir()) == []


def test_core_audio_counts_in_letters():
    assert four_letters("nsrt") == 0x6E737274
