"""The options that say how a voice sounds, defined once for every command that speaks with one."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import typer


def _number(name: str, low: float, high: float, help_: str) -> Any:
    return Annotated[float | None, typer.Option(f"--{name}", min=low, max=high, help=help_)]


_TUNING: dict[str, tuple[str, Any]] = {
    "pitch": ("pitch_semitones", _number("pitch", -24, 24, "Pitch shift in semitones.")),
    "formant": ("formant_semitones", _number("formant", -12, 12, "Formant shift in semitones.")),
    "timbre": ("timbre", _number("timbre", 0, 1.5, "How far towards the voice: 0 your own, 1 the voice's.")),
    "intonation": ("intonation", _number("intonation", 0, 2, "Melody: 0 flat, 1 as spoken.")),
    "breathiness": ("breathiness", _number("breathiness", 0, 1, "Breath mixed into voiced speech.")),
    "low": ("low_db", _number("low", -12, 12, "Below 200 Hz, in dB.")),
    "brightness": ("brightness_db", _number("brightness", -12, 12, "Above 4 kHz, in dB.")),
    "gain": ("output_gain_db", _number("gain", -24, 24, "Output gain in dB.")),
    "match_pitch": (
        "match_pitch",
        Annotated[
            bool | None,
            typer.Option(
                "--match-pitch/--no-match-pitch",
                help="Move your range to the voice's; without it, only --pitch does.",
            ),
        ],
    ),
}
"""Option name -> (field of Tuning, type)."""

_OTHERS: dict[str, tuple[Any, Any]] = {
    "settings": (
        Annotated[
            list[str] | None,
            typer.Option(
                "--set", metavar="NAME=VALUE", help="A slider by name, such as timbre=0.8; may be repeated."
            ),
        ],
        None,
    ),
    "noise_suppression": (
        Annotated[
            float, typer.Option(min=0, max=1, help="How much of the room's noise to take away; 0 none.")
        ],
        0.0,
    ),
    "loudness_match": (
        Annotated[
            bool,
            typer.Option("--loudness-match/--no-loudness-match", help="Keep the voice as loud as you are."),
        ],
        True,
    ),
}


_KIND = inspect.Parameter.KEYWORD_ONLY


@dataclass(frozen=True)
class Sound:
    """What the options said. `settings`: texts 'NAME=VALUE' for `Tuning.with_settings`."""

    settings: tuple[str, ...]
    noise_suppression: float
    loudness_match: bool

    def tuning(self, voice: Any) -> Any:
        """The voice's own tuning with what the options say instead. Raises TuningError."""
        return voice.tuning.with_settings(self.settings)


def sound_options(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a typer command the options above in place of its parameter `sound: Sound`."""
    shown: list[inspect.Parameter] = []
    for parameter in inspect.signature(command, eval_str=True).parameters.values():
        shown.extend(_parameters() if parameter.name == "sound" else [parameter.replace(kind=_KIND)])

    @functools.wraps(command)
    def called(**values: Any) -> None:
        sound = _collect(values)
        command(**values, sound=sound)

    called.__signature__ = inspect.Signature(shown)  # type: ignore[attr-defined]
    called.__annotations__ = {parameter.name: parameter.annotation for parameter in shown}
    return called


def _parameters() -> list[inspect.Parameter]:
    options = {name: (type_, None) for name, (_, type_) in _TUNING.items()} | _OTHERS
    return [
        inspect.Parameter(name, _KIND, default=default, annotation=type_)
        for name, (type_, default) in options.items()
    ]


def _collect(values: dict[str, Any]) -> Sound:
    """Takes the sound's options out of `values`."""
    chosen = {field: values.pop(name) for name, (field, _) in _TUNING.items()}
    given = [f"{field}={_text(value)}" for field, value in chosen.items() if value is not None]
    given += values.pop("settings") or []
    return Sound(tuple(given), values.pop("noise_suppression"), values.pop("loudness_match"))


def _text(value: float | bool) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return repr(value)
