"""The manifest of a voice file: what `manifest.json` says, with every value checked on the way in.

docs/voice-file.md describes it. A manifest comes from strangers, so nothing in it is used unchecked.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from importlib import resources
from typing import Any, TypeVar

from voices.encoder import EMBEDDING_SIZE, Encoder
from voices.refinement import Refinement, RefinementError
from voices.tuning import Tuning
from voices.voice import Recipe, Voice, VoiceKind

FORMAT = "menura-voice"
VERSION = 1
MAX_CLIPS = 32
MAX_NAME = 60
MAX_TEXT = 4000
MAX_SPEAKERS = 4096

Json = dict[str, Any]
T = TypeVar("T", Recipe, Tuning)

_COLOUR = re.compile(r"#[0-9a-f]{6}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)?")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_UNIT = 0.02
"""How far the length of an embedding may be from 1."""

_JOINERS = "\u200c\u200d"
"""Unprintable, but scripts and emoji are written with them."""


class ArchiveError(ValueError):
    """A voice file that cannot be used; the message is one sentence for the user."""


class ConsentError(ValueError):
    """Nobody agreed to a voice; the message is one sentence for the user."""


@dataclass(frozen=True)
class Consent:
    """Who agreed that this voice is made, when, where the recordings come from, and in which words."""

    who: str
    when: str
    source: str = ""
    statement: str = ""

    @classmethod
    def parse(cls, text: str, source: str = "", statement: str = "") -> Consent:
        """Reads "who agreed, when": the part after the last comma, or else a date. Raises ConsentError."""
        who, comma, when = (part.strip() for part in text.rpartition(","))
        if not comma and (date := _DATE.search(text)):
            who, when = text.replace(date[0], "").strip(), date[0]
        if not (who and when):
            raise ConsentError(
                "A voice needs the consent of whoever speaks: say who agreed and when, "
                'for example --consent "Ada Nowak, 2026-11-22".'
            )
        return cls(who, when, source, statement)


@dataclass(frozen=True)
class ClipEntry:
    """A reference clip as the manifest lists it: entry name, title, rate in Hz, number of samples."""

    file: str
    title: str
    rate: int
    frames: int


@dataclass(frozen=True)
class Manifest:
    """Everything about a voice but the bytes of its clips and picture.

    `created` is UTC, ISO 8601. `encoder` made the embedding (None where there is none). `picture` is the
    entry's name, empty where there is none.
    """

    voice: Voice
    consent: Consent | None
    created: str
    encoder: Encoder | None = None
    clips: tuple[ClipEntry, ...] = ()
    picture: str = ""


def to_json(manifest: Manifest) -> Json:
    """The content of manifest.json."""
    voice = manifest.voice
    return {
        "format": FORMAT,
        "version": VERSION,
        "name": voice.name,
        "description": voice.description,
        "kind": voice.kind.value,
        "licence": voice.licence,
        "source": voice.source,
        "colour": voice.colour,
        "glyph": voice.glyph,
        "created": manifest.created,
        "consent": asdict(manifest.consent) if manifest.consent else None,
        "f0": {"low_hz": voice.f0_low_hz, "median_hz": voice.f0_median_hz, "high_hz": voice.f0_high_hz},
        "recipe": asdict(voice.recipe),
        "tuning": asdict(voice.tuning),
        "encoder": asdict(manifest.encoder) if manifest.encoder else None,
        "embedding": [round(value, 7) for value in voice.embedding],
        "clips": [asdict(clip) for clip in manifest.clips],
        "picture": manifest.picture,
        **({"model": voice.model, "speaker": voice.speaker} if voice.kind is VoiceKind.RVC else {}),
        "refinement": asdict(voice.refinement) if voice.refinement else None,
    }


def from_bytes(content: bytes, voice_id: str) -> Manifest:
    """Reads manifest.json. Raises ArchiveError."""
    try:
        value = json.loads(content.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ArchiveError("The voice file is damaged: its manifest is not JSON.") from error
    return from_json(value, voice_id)


def from_json(content: Any, voice_id: str) -> Manifest:
    """Reads what JSON gave. Unknown keys are left for later versions. Raises ArchiveError."""
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ArchiveError("This is not a voice file of Menura.")
    version = content.get("version")
    if type(version) is not int or version < 1:
        raise ArchiveError("The voice file is damaged: it names no version.")
    if version > VERSION:
        raise ArchiveError(f"The voice file was made by a newer Menura (version {version}); update Menura.")
    clips = _list(content, "clips", MAX_CLIPS)
    return Manifest(
        voice=_voice(content, voice_id),
        consent=_consent(content),
        created=_match(content, "created", _MOMENT),
        encoder=_encoder(content),
        clips=tuple(_clip(clip, number) for number, clip in enumerate(clips, start=1)),
        picture=_one_of(content, "picture", ("", "picture.png", "picture.jpg")),
    )


def check_text(text: str, what: str, longest: int = MAX_TEXT, lines: bool = True) -> str:
    """Returns the text without outer blanks. Raises ArchiveError for what cannot be shown or is too long."""
    text = text.strip()
    if len(text) > longest:
        raise ArchiveError(f"The {what} is longer than {longest} characters; shorten it.")
    shown = text.replace("\n", "") if lines else text
    for joiner in _JOINERS:
        shown = shown.replace(joiner, "")
    if not shown.isprintable():
        raise ArchiveError(f"The {what} holds characters that cannot be shown; type it anew.")
    return text


def check_name(name: str) -> str:
    """Returns the name of a voice without outer blanks. Raises ArchiveError."""
    name = check_text(name, "name", MAX_NAME, lines=False)
    if not name:
        raise ArchiveError("The voice has no name; give it one.")
    return name


def clip_file(number: int) -> str:
    """The entry that holds a clip, counted from 1."""
    return f"clips/{number:02d}.flac"


def _voice(content: Json, voice_id: str) -> Voice:
    kind = VoiceKind(_one_of(content, "kind", tuple(VoiceKind)))
    f0 = _object(content, "f0")
    low, median, high = (_number(f0, key, 0, 2000) for key in ("low_hz", "median_hz", "high_hz"))
    return Voice(
        id=voice_id,
        name=check_name(_string(content, "name")),
        description=_text(content, "description"),
        kind=kind,
        recipe=_flat(Recipe, _object(content, "recipe")),
        embedding=_embedding(content, kind),
        f0_median_hz=median,
        licence=_text(content, "licence"),
        source=_text(content, "source"),
        colour=_match(content, "colour", _COLOUR),
        glyph=_glyph(content),
        tuning=_flat(Tuning, _object(content, "tuning")).clamped(),
        f0_low_hz=low,
        f0_high_hz=high,
        model=_match(content, "model", _SHA256) if kind is VoiceKind.RVC else "",
        speaker=int(_number(content, "speaker", 0, MAX_SPEAKERS - 1)) if kind is VoiceKind.RVC else 0,
        refinement=_refinement(content),
    )


def _embedding(content: Json, kind: VoiceKind) -> tuple[float, ...]:
    values = _list(content, "embedding", EMBEDDING_SIZE)
    if kind is not VoiceKind.NEURAL and not values:
        return ()
    if len(values) != EMBEDDING_SIZE or not set(map(type, values)) <= {int, float}:
        raise _damaged("embedding")
    try:
        norm = math.hypot(*values)
    except OverflowError as error:
        raise _damaged("embedding") from error
    if not abs(norm - 1) < _UNIT:
        raise _damaged("embedding")
    return tuple(map(float, values))


def _refinement(content: Json) -> Refinement | None:
    if content.get("refinement") is None:
        return None
    entry = _object(content, "refinement")
    figures = {key: _number(entry, key, 0, 1) for key in ("likeness_before", "likeness_after")}
    found = Refinement(
        base=_match(entry, "base", _SHA256),
        change=_string(entry, "change"),
        speech_s=_number(entry, "speech_s", 0, 1e6),
        **figures,
    )
    try:
        found.values()
    except RefinementError as error:
        raise _damaged("refinement") from error
    return found


def _encoder(content: Json) -> Encoder | None:
    if not content.get("embedding"):
        return None
    encoder = _object(content, "encoder")
    return Encoder(check_name(_string(encoder, "name")), _match(encoder, "sha256", _SHA256))


def _consent(content: Json) -> Consent | None:
    if content.get("consent") is None:
        if content.get("kind") in (VoiceKind.NEURAL, VoiceKind.RVC):
            raise ArchiveError("The voice file does not say who agreed to this voice; ask for one that does.")
        return None
    consent = _object(content, "consent")
    found = Consent(*(_text(consent, field.name) for field in fields(Consent)))
    if not (found.who and found.when):
        raise ArchiveError("The voice file does not say who agreed to this voice and when.")
    return found


def _clip(content: Any, number: int) -> ClipEntry:
    if not isinstance(content, dict) or content.get("file") != clip_file(number):
        raise _damaged("clips")
    rate, frames = content.get("rate"), content.get("frames")
    if type(rate) is not int or type(frames) is not int:
        raise _damaged("clips")
    return ClipEntry(clip_file(number), _text(content, "title"), rate, frames)


def _glyph(content: Json) -> str:
    glyph = _string(content, "glyph")
    return glyph if glyph in _icons() else Voice.glyph


@lru_cache(maxsize=1)
def _icons() -> frozenset[str]:
    folder = resources.files("assets").joinpath("icons")
    return frozenset(entry.name.removesuffix(".svg") for entry in folder.iterdir())


def _flat(kind: type[T], content: Json) -> T:
    """A dataclass of numbers and switches; keys it does not know are ignored, missing ones the default."""
    values: Json = {}
    for field in fields(kind):
        if field.name in content:
            value = content[field.name]
            is_switch = isinstance(field.default, bool)
            if not (isinstance(value, bool) if is_switch else _is_number(value) and abs(value) <= 1000):
                raise _damaged(field.name)
            values[field.name] = value if is_switch else float(value)
    return kind(**values)


def _damaged(key: str) -> ArchiveError:
    return ArchiveError(f"The voice file is damaged: '{key}' in its manifest makes no sense.")


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9


def _number(content: Json, key: str, low: float, high: float) -> float:
    value = content.get(key)
    if not _is_number(value) or not low <= value <= high:  # type: ignore[operator]
        raise _damaged(key)
    return float(value)  # type: ignore[arg-type]


def _string(content: Json, key: str) -> str:
    value = content.get(key)
    if not isinstance(value, str):
        raise _damaged(key)
    return value


def _text(content: Json, key: str) -> str:
    return check_text(_string(content, key), key)


def _match(content: Json, key: str, pattern: re.Pattern[str]) -> str:
    value = _string(content, key)
    if not pattern.fullmatch(value):
        raise _damaged(key)
    return value


def _one_of(content: Json, key: str, choices: tuple[str, ...]) -> str:
    value = _string(content, key)
    if value not in choices:
        raise _damaged(key)
    return value


def _object(content: Mapping[str, Any], key: str) -> Json:
    value = content.get(key)
    if not isinstance(value, dict):
        raise _damaged(key)
    return value


def _list(content: Json, key: str, longest: int) -> list[Any]:
    value = content.get(key)
    if not isinstance(value, list) or len(value) > longest:
        raise _damaged(key)
    return value
