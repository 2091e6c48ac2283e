"""Settings: kept whole, read carefully, never lost."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gui.settings import (
    SCHEMA_VERSION,
    Settings,
    SettingsError,
    SettingsStore,
    Snapshot,
    ThemeMode,
    migrate,
)
from voices.tuning import Tuning

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_subnormal=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def test_round_trip(tmp_path: Path) -> None:
    store = SettingsStore.open(tmp_path)
    s = store.settings
    s.devices.input, s.devices.block_frames = "Mic · ALSA", 128
    s.voices["deep"] = Tuning(-3.5, 1.0, output_gain_db=2.0)
    s.presets["deep"] = {"Night": Tuning(2.0, timbre=0.5)}
    s.snapshots["B"] = Snapshot("deep", Tuning(1.0, match_pitch=False))
    s.folders["sounds"] = "/home/ada/Takes"
    s.theme, s.favourites, s.introduced, s.folds = ThemeMode.LIGHT, ["deep"], True, {"tone": False}
    store.save()
    assert SettingsStore.open(tmp_path).settings == s
    assert [p.name for p in tmp_path.iterdir()] == ["settings.json"]


@settings(max_examples=60, deadline=None)
@given(st.fixed_dictionaries({}, optional={name: JSON for name in Settings().to_json() if name != "version"}))
def test_any_content_gives_usable_settings(content: dict) -> None:
    read = Settings.from_json({**content, "version": SCHEMA_VERSION})
    assert Settings.from_json(json.loads(json.dumps(read.to_json()))) == read


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_give_the_defaults_and_are_kept(data: bytes) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "settings.json").write_bytes(data)
        store = SettingsStore.open(directory)
        assert store.settings == Settings()
        assert (directory / "settings.bad").read_bytes() == data
        assert "defaults" in store.problem


def test_newer_settings_are_told(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text(json.dumps({"version": SCHEMA_VERSION + 1}))
    assert "newer" in SettingsStore.open(tmp_path).problem


def test_settings_of_an_unknown_future_lose_nothing(tmp_path: Path) -> None:
    future = {"version": SCHEMA_VERSION + 1, "theme": "light", "voices": {"deep": {"pitch_semitones": -2}}}
    text = json.dumps({**future, "hologram": [1, 2], "devices": {"input": 7}})
    (tmp_path / "settings.json").write_text(text)
    store = SettingsStore.open(tmp_path)
    assert (store.settings.theme, store.settings.voices["deep"].pitch_semitones) == (ThemeMode.LIGHT, -2)
    assert store.settings.devices.input is None
    store.save()
    kept = json.loads((tmp_path / f"settings.v{SCHEMA_VERSION + 1}.json").read_text())
    assert kept == json.loads(text)
    assert json.loads((tmp_path / "settings.json").read_text())["hologram"] == [1, 2]
    assert SettingsStore.open(tmp_path).problem == ""


def test_a_second_broken_file_does_not_replace_the_first(tmp_path: Path) -> None:
    for text in ("one", "two"):
        (tmp_path / "settings.json").write_text(text)
        SettingsStore.open(tmp_path)
    assert {p.read_text() for p in tmp_path.glob("*.bad")} == {"one", "two"}


def test_migrations_run_in_order() -> None:
    steps = {n: lambda c, n=n: {**c, "seen": [*c.get("seen", []), n]} for n in range(-2, SCHEMA_VERSION)}
    assert migrate({"version": -2}, steps)["seen"] == list(range(-2, SCHEMA_VERSION))
    with pytest.raises(SettingsError):
        migrate({"version": -9}, steps)


def test_full_disk_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = SettingsStore.open(tmp_path)
    store.save()
    before = store.path.read_text()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    store.settings.voice_id = "robot"
    with pytest.raises(SettingsError, match="disk is full"):
        store.save()
    assert store.path.read_text() == before
    assert [p.name for p in tmp_path.iterdir()] == ["settings.json"]


def test_home_comes_from_the_environment(home: Path) -> None:
    assert SettingsStore.open().path == home / "settings.json"
