"""The voices that are always there: enrolled speakers and model-free presets, found by id or name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from importlib import resources

from voices.archive import VoiceArchive
from voices.builtin_neural import builtin_neural_voices
from voices.manifest import Consent
from voices.tuning import Tuning
from voices.voice import Recipe, Voice, VoiceKind

LICENCE = "MIT"
_MADE = "2026-11-22T00:00:00Z"
SOURCE = "Menura: made from settings alone, no recording of anyone"


class UnknownVoiceError(ValueError):
    """No voice has this id or name; the message lists near ones."""


def builtin_voices() -> tuple[Voice, ...]:
    """The built-in voices, in the order in which the library shows them."""
    return (*builtin_neural_voices(), *_character_voices(), *_VOICES)


def model_free_voices() -> tuple[Voice, ...]:
    """The presets alone: ready at once, with no network to load."""
    return _VOICES


def builtin_picture(voice_id: str) -> bytes:
    """The picture of a built-in voice (PNG), empty where it has none."""
    picture = resources.files("assets").joinpath("voices", f"{voice_id}.png")
    return picture.read_bytes() if picture.is_file() else b""


def builtin_archive(voice: Voice) -> VoiceArchive:
    """A built-in voice as a voice file. The licence it was published under stands for the consent."""
    consent = Consent(
        who="Whoever published the recordings" if voice.embedding else "Nobody needs to",
        when="at publication",
        source=voice.source,
        statement=f"Published under {voice.licence}.",
    )
    return VoiceArchive(voice, consent, picture=builtin_picture(voice.id), created=_MADE)


def find_voice(name: str, voices: Iterable[Voice] | None = None) -> Voice:
    """Returns the voice with this id, or else with this name, or else this id, whatever their case.

    Looks among the built-in voices unless `voices` are given. Raises UnknownVoiceError.
    """
    known = builtin_voices() if voices is None else tuple(voices)
    wanted = name.strip().casefold()
    for voice in known:
        if voice.id == name.strip():
            return voice
    for key in ("name", "id"):
        for voice in known:
            if getattr(voice, key).casefold() == wanted:
                return voice
    raise UnknownVoiceError(_unknown(name, known))


def _unknown(name: str, known: tuple[Voice, ...]) -> str:
    """A sentence that names what exists and sounds like `name`, or everything."""
    words = {word.casefold(): voice.id for voice in known for word in (voice.id, voice.name)}
    near = difflib.get_close_matches(name.strip().casefold(), words, n=3, cutoff=0.5)
    if near:
        ids = list(dict.fromkeys(words[word] for word in near))
        return f"There is no voice called '{name}'; did you mean {' or '.join(ids)}?"
    ids = [voice.id for voice in known]
    return f"There is no voice called '{name}'; choose one of {', '.join(ids)}."


@lru_cache(maxsize=1)
def _character_voices() -> tuple[Voice, ...]:
    """Enrolled voices turned into somebody else by tuning alone."""
    speakers = {voice.id: voice for voice in builtin_neural_voices()}
    return tuple(
        replace(
            speakers[speaker], id=id_, name=name, description=says, tuning=tuning, colour=colour, glyph=glyph
        )
        for speaker, id_, name, says, tuning, colour, glyph in _CHARACTERS
    )


def _preset(id_: str, name: str, description: str, recipe: Recipe, colour: str, glyph: str) -> Voice:
    return Voice(
        id=id_,
        name=name,
        description=description,
        kind=VoiceKind.MODEL_FREE,
        recipe=recipe,
        licence=LICENCE,
        source=SOURCE,
        colour=colour,
        glyph=glyph,
        builtin=True,
    )


_CHARACTERS = (
    (
        "bruno",
        "alder",
        "Alder",
        "An old sage: low, unhurried, a little breath in every word.",
        Tuning(
            pitch_semitones=-1.5,
            formant_semitones=-1.5,
            intonation=0.8,
            breathiness=0.25,
            low_db=2.0,
            brightness_db=-2.0,
        ),
        "#6f7f5c",
        "deep",
    ),
    (
        "pia",
        "thimble",
        "Thimble",
        "A tiny creature: very small, very quick, always astonished.",
        Tuning(pitch_semitones=4.0, formant_semitones=3.0, intonation=1.4, low_db=-4.0, brightness_db=2.0),
        "#d77fb2",
        "child",
    ),
    (
        "felix",
        "meridian",
        "Meridian",
        "A radio announcer: close to the microphone, full below and crisp above.",
        Tuning(pitch_semitones=-1.0, intonation=1.25, low_db=4.0, brightness_db=3.0),
        "#c28f3e",
        "mic",
    ),
)
"""Speaker, id, name, description, tuning, colour, glyph."""

_VOICES = (
    _preset(
        "deep",
        "Cello",
        "Your own voice a good third lower, from a somewhat larger body.",
        Recipe(pitch_semitones=-5.0, formant_semitones=-2.0),
        "#4f7cac",
        "deep",
    ),
    _preset(
        "bright",
        "Flute",
        "Your own voice a good third higher and lighter, with everything you say left clear.",
        Recipe(pitch_semitones=4.0, formant_semitones=2.0),
        "#f2b134",
        "bright",
    ),
    _preset(
        "child",
        "Wren",
        "A small speaker: high pitch and the resonances of a short vocal tract.",
        Recipe(pitch_semitones=8.0, formant_semitones=4.5),
        "#ef7b9c",
        "child",
    ),
    _preset(
        "giant",
        "Boulder",
        "A very large speaker: almost an octave lower, with the resonances of a long vocal tract.",
        Recipe(pitch_semitones=-10.0, formant_semitones=-4.0),
        "#8d6e54",
        "giant",
    ),
    _preset(
        "whisper",
        "Hush",
        "Breath in place of voicing, every word kept.",
        Recipe(formant_semitones=0.5, whisper=1.0),
        "#7fb7be",
        "whisper",
    ),
    _preset(
        "robot",
        "Automaton",
        "One steady note instead of your melody.",
        Recipe(fixed_pitch_hz=110.0),
        "#8f8fd8",
        "robot",
    ),
    _preset(
        "monster",
        "Cavern",
        "A huge creature with a rough, growling throat.",
        Recipe(pitch_semitones=-9.0, formant_semitones=-6.0, roughness=0.7),
        "#6aa35b",
        "monster",
    ),
)
