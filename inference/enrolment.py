"""From recordings of a person to a voice: quality, best parts, speaker embedding, pitch range. No torch.

>>> found = enroll([read_mono("me.wav")])        # clips of (samples, rate)
>>> for card in found.cards:
...     print([f"{line.name}: {line.value}. {line.advice}" for line in card.lines])
>>> archive = make_archive(found, "Me", Consent("Ada Nowak", "2026-11-22"))
>>> Library.open().add(archive)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from inference.quality.card import Grade, Quality
from inference.quality.examine import ENOUGH_SPEECH_S, judge, unusable
from inference.quality.examine import LEAST_SPEECH_S as MIN_SPEECH_S
from inference.quality.heard import Heard, UnusableError
from inference.quality.speakers import agreement
from inference.segments import Segment, choose_segments
from inference.speaker import embed_stretches
from voices.archive import VoiceArchive
from voices.clip import Clip
from voices.manifest import Consent
from voices.voice import Voice, VoiceKind

__all__ = [
    "MIN_SPEECH_S",
    "Enrolment",
    "EnrolmentError",
    "Recording",
    "Segment",
    "embed_stretches",
    "enroll",
    "enroll_recordings",
    "hear",
    "make_archive",
    "make_voice",
    "pitch_range",
]

Samples = NDArray[np.float32]

_RANGE_PERCENT = (5, 95)
_SAME_PERSON, _SAME_PERSON_IN_NOISE = 0.54, 0.42
"""Least agreement across recordings: two microphones make one person less alike, noise more so.

With echo nothing is refused for it."""


class EnrolmentError(ValueError):
    """Recordings that no voice can be made from; the message is one sentence for the user."""


@dataclass(frozen=True)
class Recording:
    """A clip with its card. `heard` is None where the card refuses the clip as unusable."""

    card: Quality
    heard: Heard | None


@dataclass(frozen=True)
class Enrolment:
    """What the recordings say about the speaker.

    `embedding`: 256 floats, unit length. `f0_median_hz` and the range that holds 90 % of the voiced
    frames, all 0 when nothing is voiced. `speech_s`: seconds of speech heard. `advice`: sentences
    about recordings that are usable but could be better. `cards`: one per clip, in order. `segments`: the
    best 10 to 60 s, which the embedding rests on, at a common loudness.
    """

    embedding: tuple[float, ...]
    f0_median_hz: float
    f0_low_hz: float
    f0_high_hz: float
    speech_s: float
    advice: tuple[str, ...] = ()
    cards: tuple[Quality, ...] = ()
    segments: tuple[Segment, ...] = ()


def hear(samples: Samples, rate: int) -> Recording:
    """Listens to one clip: samples (n,) at `rate` Hz. Never raises: see `Recording.card.refusal`."""
    try:
        heard = Heard(samples, rate)
    except UnusableError as error:
        return Recording(unusable(samples, rate, str(error)), None)
    return Recording(judge(heard), heard)


def enroll(clips: Sequence[tuple[Samples, int]], trusted: bool = False) -> Enrolment:
    """Listens to one speaker's clips, each (samples (n,), rate in Hz). Raises EnrolmentError.

    `trusted` takes clips in which a second speaker or music is suspected: a corpus says who speaks.
    """
    return enroll_recordings([hear(samples, rate) for samples, rate in clips], trusted)


def enroll_recordings(recordings: Sequence[Recording], trusted: bool = False) -> Enrolment:
    """What `enroll` finds, from clips that `hear` has heard. Raises EnrolmentError."""
    if not recordings:
        raise EnrolmentError("There is no recording to learn the voice from; give at least one sound file.")
    heard = _usable(recordings, trusted)
    cards = tuple(recording.card for recording in recordings)
    seconds = sum(card.speech_s for card in cards)
    if seconds < MIN_SPEECH_S:
        raise EnrolmentError(
            f"There are only {seconds:.1f} s of speech; "
            f"record at least {MIN_SPEECH_S:.0f} s, better 10 to 60 s."
        )
    stretches = np.concatenate([part for one in heard for part in one.stretches])
    if not trusted and agreement(stretches) < _least_agreement(cards):
        raise EnrolmentError("The recordings are not all of the same person; use a single speaker.")
    segments, embedding = choose_segments(heard)
    low, median, high = pitch_range([one.voiced_hz for one in heard])
    return Enrolment(
        embedding=tuple(float(value) for value in embedding),
        f0_median_hz=median,
        f0_low_hz=low,
        f0_high_hz=high,
        speech_s=seconds,
        advice=_advice(cards, seconds),
        cards=cards,
        segments=segments,
    )


def make_voice(
    found: Enrolment, voice_id: str, name: str, description: str = "", source: str = "", licence: str = ""
) -> Voice:
    """The neural voice of an enrolled speaker."""
    return Voice(
        id=voice_id,
        name=name,
        description=description,
        kind=VoiceKind.NEURAL,
        embedding=found.embedding,
        f0_median_hz=found.f0_median_hz,
        f0_low_hz=found.f0_low_hz,
        f0_high_hz=found.f0_high_hz,
        licence=licence,
        source=source,
    )


def make_archive(
    found: Enrolment,
    name: str,
    consent: Consent,
    description: str = "",
    picture: bytes = b"",
    licence: str = "",
    colour: str = "",
) -> VoiceArchive:
    """Everything the library keeps of a new voice: `Library.add` takes it and gives it an id.

    The chosen segments become its reference clips. Raises EnrolmentError where nobody is said to have
    agreed: no voice is made without consent.
    """
    if not consent.who.strip() or not consent.when.strip():
        raise EnrolmentError("No voice is made without consent: say who agreed and when.")
    voice = make_voice(found, "new", name, description, consent.source, licence)
    if colour:
        voice = replace(voice, colour=colour)
    clips = tuple(Clip.from_samples(x.samples, x.rate, x.title) for x in found.segments)
    return VoiceArchive(voice, consent, clips, picture)


def _usable(recordings: Sequence[Recording], trusted: bool) -> list[Heard]:
    """What was heard of each. Raises EnrolmentError for the first that is refused, by number of several."""
    heard = []
    for number, recording in enumerate(recordings, start=1):
        if recording.heard is None or (recording.card.refusal and not trusted):
            where = f"Recording {number}: " if len(recordings) > 1 else ""
            raise EnrolmentError(where + recording.card.refusal)
        heard.append(recording.heard)
    return heard


def _least_agreement(cards: Sequence[Quality]) -> float:
    flawed = {line.name for card in cards for line in card.lines if line.grade is not Grade.GOOD}
    if "Room" in flawed:
        return -1.0
    return _SAME_PERSON_IN_NOISE if "Noise" in flawed else _SAME_PERSON


def pitch_range(recordings: Sequence[NDArray[np.float64]]) -> tuple[float, float, float]:
    """Low, median and high of the F0 in Hz of all voiced hops, (k,) a recording; 0 where none is voiced."""
    voiced_hz = np.concatenate(recordings)
    if voiced_hz.size == 0:
        return 0.0, 0.0, 0.0
    low, high = np.percentile(voiced_hz, _RANGE_PERCENT)
    return float(low), float(np.median(voiced_hz)), float(high)


def _advice(cards: Sequence[Quality], seconds: float) -> tuple[str, ...]:
    flaws = (line for card in cards for line in card.lines if line.name != "Speech")
    found = list(dict.fromkeys(line.advice for line in flaws if line.grade is not Grade.GOOD))
    if seconds < ENOUGH_SPEECH_S:
        found.insert(0, f"Only {seconds:.0f} s of speech: 10 to 60 s make the voice closer.")
    return tuple(found)
