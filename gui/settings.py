"""Everything the studio remembers between two runs: one versioned JSON file."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

import platformdirs

from voices.files import FileError, write_text
from voices.tuning import Tuning

SCHEMA_VERSION = 1
FILE_NAME = "settings.json"

Json = dict[str, Any]
T = TypeVar("T")
MIGRATIONS: dict[int, Callable[[Json], Json]] = {}
"""`MIGRATIONS[n]` turns the content of version n into that of version n + 1."""


class SettingsError(Exception):
    """Settings could not be read or kept; the message is one sentence for the user."""


class ThemeMode(StrEnum):
    """Which theme the user wants."""

    SYSTEM = "system"
    DARK = "dark"
    LIGHT = "light"


@dataclass
class DeviceSettings:
    """Devices by stable name; None is the system's default, or the engine's choice of rate and block."""

    input: str | None = None
    output: str | None = None
    monitor: str | None = None
    sample_rate: int | None = None
    block_frames: int | None = None


@dataclass
class SharedTuning:
    """What belongs to the room and the microphone, whichever voice speaks."""

    input_gain_db: float = 0.0
    gate_db: float = -70.0
    noise_suppression: float = 0.0
    loudness_match: bool = True


@dataclass(frozen=True)
class Snapshot:
    """A sound to come back to: a voice and what was made of it."""

    voice_id: str
    tuning: Tuning


@dataclass
class MonitorSettings:
    """What the user hears; `source` is a `MonitorSource` value."""

    source: str = "off"
    gain_db: float = -6.0


@dataclass
class CallSettings:
    """What happens around a call; `keys` maps names of actions to global keys as Qt writes them.

    `hud`: the overlay is wanted, `hud_at`: its place on the desktop, "x,y".
    """

    hotkeys: bool = False
    keys: dict[str, str] = field(default_factory=dict)
    virtual_mic: bool = False
    close_to_tray: bool = False
    start_minimised: bool = False
    start_live: bool = False
    hud: bool = False
    hud_at: str = ""
    program: str = "Discord"


@dataclass
class WindowSettings:
    """Qt's geometry and dock layout, base64; `moved`: the user has moved docks."""

    geometry: str = ""
    layout: str = ""
    moved: bool = False


@dataclass
class Settings:
    """The whole content of the file.

    `voices` are tunings by voice, `presets` named ones by voice, `snapshots` by slot, `folds` says which
    groups of the tuning panel are open, `folders` where file dialogs begin, by what is chosen there.
    `unknown` is what another version wrote, kept as it was.
    """

    devices: DeviceSettings = field(default_factory=DeviceSettings)
    monitor: MonitorSettings = field(default_factory=MonitorSettings)
    shared: SharedTuning = field(default_factory=SharedTuning)
    call: CallSettings = field(default_factory=CallSettings)
    window: WindowSettings = field(default_factory=WindowSettings)
    voices: dict[str, Tuning] = field(default_factory=dict)
    presets: dict[str, dict[str, Tuning]] = field(default_factory=dict)
    snapshots: dict[str, Snapshot] = field(default_factory=dict)
    folds: dict[str, bool] = field(default_factory=dict)
    folders: dict[str, str] = field(default_factory=dict)
    favourites: list[str] = field(default_factory=list)
    voice_id: str = ""
    theme: ThemeMode = ThemeMode.SYSTEM
    introduced: bool = False
    unknown: Json = field(default_factory=dict)

    def to_json(self) -> Json:
        """Returns the file's content."""
        content = asdict(self)
        return {**content.pop("unknown"), "version": SCHEMA_VERSION, **content}

    @classmethod
    def from_json(cls, content: Json) -> Settings:
        """Reads content of `SCHEMA_VERSION`; single values that make no sense fall back to the default."""
        return cls(
            devices=_read(DeviceSettings, content.get("devices")),
            monitor=_read(MonitorSettings, content.get("monitor")),
            shared=_read(SharedTuning, content.get("shared")),
            call=_read(CallSettings, content.get("call")),
            window=_read(WindowSettings, content.get("window")),
            voices=_tunings(content.get("voices")),
            presets={k: _tunings(v) for k, v in _mapping(content.get("presets")).items()},
            snapshots=_snapshots(content.get("snapshots")),
            folds={k: v for k, v in _mapping(content.get("folds")).items() if isinstance(v, bool)},
            folders={k: v for k, v in _mapping(content.get("folders")).items() if isinstance(v, str)},
            favourites=[v for v in _list(content.get("favourites")) if isinstance(v, str)],
            voice_id=_text(content.get("voice_id")),
            theme=_theme(content.get("theme")),
            introduced=content.get("introduced") is True,
            unknown={k: v for k, v in content.items() if k not in _KNOWN},
        )


_KNOWN = {"version", *(f.name for f in fields(Settings))}


class SettingsStore:
    """The settings and their file.

    >>> store = SettingsStore.open()
    >>> store.settings.theme = ThemeMode.DARK
    >>> store.save()
    """

    def __init__(self, path: Path, settings: Settings, problem: str = "") -> None:
        self.path = path
        self.settings = settings
        self.problem = problem

    @classmethod
    def open(cls, directory: Path | None = None) -> SettingsStore:
        """Reads the settings of `directory` (default `config_dir()`).

        Never fails: without a file the defaults come back. A broken file is set aside, the defaults come
        back and `problem` says so; one of a newer Menura is copied, and what can be read of it is used.
        """
        path = (directory or config_dir()) / FILE_NAME
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            if is_newer(content):
                return cls(path, Settings.from_json(content), _copy_newer(path, content))
            return cls(path, Settings.from_json(migrate(content)))
        except FileNotFoundError:
            return cls(path, Settings())
        except (OSError, ValueError, SettingsError) as error:
            return cls(path, Settings(), _set_aside(path, error))

    def save(self) -> None:
        """Writes the file in one step. Raises `SettingsError` when the directory can't be written."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_text(self.path, json.dumps(self.settings.to_json(), indent=1) + "\n")
        except OSError as error:
            reason = error.strerror or "unknown reason"
            raise SettingsError(
                f"Your settings could not be saved in {self.path.parent} ({reason}): make it writable."
            ) from error
        except FileError as error:
            raise SettingsError(f"Your settings could not be saved: {error}") from error


def config_dir() -> Path:
    """Returns `$MENURA_HOME`, or the platform's directory for settings."""
    home = os.environ.get("MENURA_HOME")
    return Path(home) if home else platformdirs.user_config_path("menura")


def migrate(content: Any, migrations: Mapping[int, Callable[[Json], Json]] | None = None) -> Json:
    """Brings content up to `SCHEMA_VERSION`. Raises `SettingsError` for what this version can't read."""
    steps = MIGRATIONS if migrations is None else migrations
    if not isinstance(content, dict) or not isinstance(content.get("version"), int):
        raise SettingsError("they are not settings of Menura")
    version = content["version"]
    while version < SCHEMA_VERSION:
        if version not in steps:
            raise SettingsError(f"version {version} is unknown")
        content = steps[version](content)
        version += 1
    return {**content, "version": version}


def is_newer(content: Any) -> bool:
    """Whether a later Menura wrote this."""
    version = _mapping(content).get("version")
    return isinstance(version, int) and version > SCHEMA_VERSION


def _copy_newer(path: Path, content: Json) -> str:
    """Keeps what a newer version wrote beside the settings and returns the sentence about it."""
    copy = path.with_suffix(f".v{content['version']}.json")
    try:
        write_text(copy, json.dumps(content, indent=1) + "\n")
    except FileError:
        return "Your settings were written by a newer Menura: what this one does not know will be lost."
    return (
        "Your settings were written by a newer Menura: what this one knows of them is used, "
        f"the whole was kept as {copy.name}."
    )


def _free(path: Path) -> Path:
    """Returns the path, with a number where there is such a file already."""
    numbered = (path.with_name(f"{path.stem}-{n}{path.suffix}") for n in range(2, 1000))
    return next((p for p in (path, *numbered) if not p.exists()), path)


def _set_aside(path: Path, error: Exception) -> str:
    """Renames a broken file and returns the sentence about it."""
    bad = _free(path.with_suffix(".bad"))
    try:
        os.replace(path, bad)
    except OSError:
        return f"The settings in {path} can't be read, so the defaults are used."
    reason = str(error) if isinstance(error, SettingsError) else "the file is damaged"
    return f"The settings could not be read: {reason}. They were kept as {bad.name}; defaults are used."


def _read(kind: type[T], content: Any) -> T:
    """Builds a flat dataclass from a mapping, keeping only values of the default's type."""
    values: Json = {}
    default = kind()
    for f in fields(kind):  # type: ignore[arg-type]
        value = _mapping(content).get(f.name)
        if _fits(value, getattr(default, f.name), str(f.type)):
            values[f.name] = value
    return kind(**values)


def _fits(value: Any, default: Any, annotation: str) -> bool:
    if isinstance(value, bool) or isinstance(default, bool):
        return isinstance(value, bool) and isinstance(default, bool)
    if isinstance(default, dict):
        return isinstance(value, dict) and all(isinstance(x, str) for pair in value.items() for x in pair)
    if isinstance(default, float):
        return isinstance(value, int | float) and abs(value) < 1000
    if isinstance(default, str) or annotation.startswith("str"):
        return isinstance(value, str)
    return isinstance(value, int) and 0 < value < 1_000_000


def _tunings(value: Any) -> dict[str, Tuning]:
    return {str(k): _read(Tuning, v) for k, v in _mapping(value).items()}


def _snapshots(value: Any) -> dict[str, Snapshot]:
    found = {slot: _mapping(content) for slot, content in _mapping(value).items()}
    return {
        slot: Snapshot(content["voice_id"], _read(Tuning, content.get("tuning")))
        for slot, content in found.items()
        if isinstance(content.get("voice_id"), str)
    }


def _mapping(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _theme(value: Any) -> ThemeMode:
    return ThemeMode(value) if _text(value) in set(ThemeMode) else ThemeMode.SYSTEM
