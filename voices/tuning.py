"""The sound a user made of a voice: what the sliders say."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace

RANGES: dict[str, tuple[float, float]] = {
    "pitch_semitones": (-24.0, 24.0),
    "formant_semitones": (-12.0, 12.0),
    "timbre": (0.0, 1.5),
    "intonation": (0.0, 2.0),
    "breathiness": (0.0, 1.0),
    "low_db": (-12.0, 12.0),
    "brightness_db": (-12.0, 12.0),
    "output_gain_db": (-24.0, 24.0),
}
"""Lowest and highest value of each number in a `Tuning`."""


_SWITCH = {
    "on": True,
    "yes": True,
    "true": True,
    "1": True,
    "off": False,
    "no": False,
    "false": False,
    "0": False,
}


class TuningError(ValueError):
    """A setting that no voice has or that is out of range; the message is a sentence for the user."""


@dataclass(frozen=True)
class Tuning:
    """Settings that belong to a voice; converters and chain smooth every change.

    `match_pitch` moves the speaker's range to the target's before `pitch_semitones` is added (voices
    with a range of their own). `timbre` says how far towards the target's colour: 0 the speaker's own, 1
    the target's, beyond exaggerated. `intonation` scales the melody around its middle: 0 flat, 1 as
    spoken. `breathiness` mixes breath into voiced speech. `low_db` and `brightness_db` are shelves below
    200 Hz and above 4 kHz.
    """

    pitch_semitones: float = 0.0
    formant_semitones: float = 0.0
    timbre: float = 1.0
    intonation: float = 1.0
    breathiness: float = 0.0
    low_db: float = 0.0
    brightness_db: float = 0.0
    output_gain_db: float = 0.0
    match_pitch: bool = True

    def clamped(self) -> Tuning:
        """The same with every number inside `RANGES`; what is no number becomes the default."""
        values: dict[str, float | bool] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in RANGES:
                low, high = RANGES[field.name]
                value = min(max(float(value), low), high) if value == value else field.default
            values[field.name] = value
        return Tuning(**values)  # type: ignore[arg-type]

    def with_settings(self, settings: Iterable[str]) -> Tuning:
        """The same with texts such as 'timbre=0.8' and 'match_pitch=off' applied. Raises TuningError."""
        values: dict[str, float | bool] = {}
        for setting in settings:
            name, _, text = setting.partition("=")
            name = name.strip().replace("-", "_")
            values[name] = _value(name, text.strip())
        return replace(self, **values)  # type: ignore[arg-type]


def _value(name: str, text: str) -> float | bool:
    known = [field.name for field in fields(Tuning)]
    if name not in known:
        raise TuningError(f"There is no setting '{name}'; choose one of {', '.join(known)}.")
    if name not in RANGES:
        if text.casefold() not in _SWITCH:
            raise TuningError(f"'{name}' is on or off, not '{text}'.")
        return _SWITCH[text.casefold()]
    low, high = RANGES[name]
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not low <= value <= high:
        raise TuningError(f"'{name}' is a number from {low:g} to {high:g}, not '{text}'.")
    return value
