"""The recordings a voice is refined from: checked, cut into phrases, some of them held out. No torch.

>>> material = gather([read_mono("me.wav")], voice)
>>> material.save(folder)
>>> material = Material.load(folder)
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from audio.resample import resample_offline
from inference.converter import HOP, MODEL_RATE
from inference.enrolment import EnrolmentError, Recording, enroll_recordings, hear
from voices.files import write_bytes, write_text
from voices.voice import Voice

Samples = NDArray[np.float32]

LEAST_S, MOST_S = 60.0, 1200.0
"""Seconds of speech: less says too little, more takes longer and is left out."""

PART_S = 240.0
"""Longer recordings are heard in parts: enrolment looks at no more than 300 s of one."""

ALIKE = 0.7
"""Least cosine with the voice's embedding: nine in ten strangers have less, nine in ten of the speaker's own
stretches of 3 s more than 0.77 (inference/likeness.py)."""

LEVEL_DB = -24.0
"""Active level at which the networks meet speech (inference/neural/level.py)."""

_RANGE_DB, _QUIET_DB = 25.0, -58.0
_LEAST_PHRASE_S = 1.6
_HELD_EVERY, _HELD_LEAST, _HELD_S = 5, 3, 45.0
_SAID, _HEARD, _ABOUT = "said.flac", "heard.flac", "material.json"


class MaterialError(ValueError):
    """Recordings that no voice can be refined from; the message is one sentence for the user."""


@dataclass(frozen=True, eq=False)
class Phrase:
    """What shall be said and what is heard meanwhile, (n,) each at MODEL_RATE; `held` out of tuning."""

    said: Samples
    heard: Samples
    held: bool


@dataclass(frozen=True, eq=False)
class Material:
    """All phrases of a job, and the seconds of speech they came from."""

    phrases: tuple[Phrase, ...]
    speech_s: float

    def of(self, held: bool) -> tuple[Phrase, ...]:
        """Those held out, or those to tune on."""
        return tuple(phrase for phrase in self.phrases if phrase.held == held)

    def save(self, folder: Path) -> None:
        """Writes sound and cuts. Raises FileError."""
        write_bytes(folder / _SAID, _flac([phrase.said for phrase in self.phrases]))
        if any(phrase.heard is not phrase.said for phrase in self.phrases):
            write_bytes(folder / _HEARD, _flac([phrase.heard for phrase in self.phrases]))
        about = {
            "speech_s": self.speech_s,
            "lengths": [len(phrase.said) for phrase in self.phrases],
            "held": [phrase.held for phrase in self.phrases],
        }
        write_text(folder / _ABOUT, json.dumps(about))

    @staticmethod
    def load(folder: Path) -> Material:
        """Reads what `save` wrote. Raises MaterialError."""
        try:
            about = json.loads((folder / _ABOUT).read_text())
            said, _ = soundfile.read(folder / _SAID, dtype="float32")
            heard = said
            if (folder / _HEARD).exists():
                heard, _ = soundfile.read(folder / _HEARD, dtype="float32")
            cuts = [0, *accumulate(int(length) for length in about["lengths"])]
            if not len(said) == len(heard) == cuts[-1] or len(about["held"]) != len(cuts) - 1:
                raise ValueError("lengths")
            phrases = tuple(
                Phrase(said[start:stop], heard[start:stop], bool(held))
                for (start, stop), held in zip(pairwise(cuts), about["held"], strict=True)
            )
            return Material(phrases, float(about["speech_s"]))
        except (OSError, ValueError, KeyError, TypeError, soundfile.LibsndfileError) as error:
            raise MaterialError("The recordings of this refinement are damaged; start it again.") from error


def gather(
    recordings: Sequence[tuple[Samples, int]],
    voice: Voice,
    sources: Sequence[Samples] | None = None,
    names: Sequence[str] = (),
    on_progress: Callable[[float], None] = lambda share: None,
) -> Material:
    """Listens to recordings of the voice's speaker, each (samples (n,), rate in Hz). Raises MaterialError.

    `sources`: what a teacher made each recording of, sample for sample at the same rate; by default the
    recordings themselves. `names` are for sentences about single recordings. `on_progress` gets the share
    heard; what it raises ends the listening.
    """
    parts = list(_parts(recordings, sources, names))
    heard = []
    for number, (said, _, rate, _) in enumerate(parts):
        on_progress(number / len(parts))
        heard.append(hear(said, rate))
    for recording, (*_, name) in zip(heard, parts, strict=True):
        if recording.heard is None or recording.card.refusal:
            raise MaterialError(f"{name}{recording.card.refusal}")
    _check(heard, voice)
    pairs = []
    for recording, (_, source, rate, _) in zip(heard, parts, strict=True):
        pairs += _pairs(recording, source, rate)
    return Material(_parted(pairs), min(MOST_S, sum(one.card.speech_s for one in heard)))


def _parts(
    recordings: Sequence[tuple[Samples, int]], sources: Sequence[Samples] | None, names: Sequence[str]
) -> Iterator[tuple[Samples, Samples | None, int, str]]:
    """Each recording in parts of at most `PART_S` that are long enough to judge."""
    for number, (samples, rate) in enumerate(recordings):
        name = f"{names[number]}: " if number < len(names) else ""
        count = max(1, -(-len(samples) // round(PART_S * rate)))
        cuts = np.linspace(0, len(samples), count + 1).astype(int).tolist()
        for start, stop in pairwise(cuts):
            source = sources[number][start:stop] if sources is not None else None
            yield samples[start:stop], source, rate, name


def _check(heard: Sequence[Recording], voice: Voice) -> None:
    """Raises MaterialError where the recordings are too short, of several people, or of somebody else."""
    seconds = sum(recording.card.speech_s for recording in heard)
    if seconds < LEAST_S:
        raise MaterialError(
            f"There are only {seconds:.0f} s of speech; refining a voice needs at least a minute of it, "
            "better 3 to 20."
        )
    try:
        found = enroll_recordings(heard)
    except EnrolmentError as error:
        raise MaterialError(str(error)) from error
    if float(np.dot(found.embedding, voice.embedding)) < ALIKE:
        raise MaterialError(
            f"The recordings do not sound like '{voice.name}'; choose recordings of the same person."
        )


def _pairs(recording: Recording, source: Samples | None, rate: int) -> list[tuple[Samples, Samples]]:
    """What is said and what is heard in each phrase, at `LEVEL_DB`."""
    heard = recording.heard
    assert heard is not None
    other = heard.samples if source is None else resample_offline(source, rate, MODEL_RATE)
    found = []
    for phrase in heard.phrases:
        part = slice(phrase.start, min(phrase.stop, len(other)))
        if part.stop - part.start >= _LEAST_PHRASE_S * MODEL_RATE:
            said = at_level(heard.samples[part])
            found.append((said, said if source is None else at_level(other[part])))
    return found


def _parted(pairs: list[tuple[Samples, Samples]]) -> tuple[Phrase, ...]:
    """Up to `MOST_S` of phrases; every fifth is held out, three at least, 45 s at most."""
    kept: list[tuple[Samples, Samples]] = []
    seconds = 0.0
    for said, heard in pairs:
        seconds += len(said) / MODEL_RATE
        if kept and seconds > MOST_S:
            break
        kept.append((said, heard))
    every = min(_HELD_EVERY, max(2, len(kept) // _HELD_LEAST))
    wanted = range(every // 2, len(kept), every)
    held: set[int] = set()
    longest = max(1, round(_HELD_S * MODEL_RATE))
    for index in [*wanted[::2], *wanted[1::2]]:
        if sum(len(kept[i][0]) for i in held) < longest:
            held.add(index)
    if len(kept) - len(held) < _HELD_LEAST or len(held) < _HELD_LEAST:
        raise MaterialError("The recordings hold too few phrases; read some more sentences, with pauses.")
    return tuple(Phrase(said, heard, i in held) for i, (said, heard) in enumerate(kept))


def at_level(x: Samples) -> Samples:
    """x (n,) with its active hops at `LEVEL_DB` on average, and nothing beyond full scale."""
    hops = x[: len(x) // HOP * HOP].reshape(-1, HOP)
    level = 10 * np.log10(np.square(hops, dtype=np.float64).mean(axis=1) + 1e-12)
    active = level[level > max(_QUIET_DB, float(level.max(initial=-120.0)) - _RANGE_DB)]
    gain = 10 ** ((LEVEL_DB - float(active.mean())) / 20) if active.size else 1.0
    return (x * np.float32(min(gain, 0.99 / max(float(np.abs(x).max(initial=0)), 1e-6)))).astype(np.float32)


def _flac(parts: Sequence[Samples]) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, np.concatenate(parts), MODEL_RATE, subtype="PCM_16", format="FLAC")
    return buffer.getvalue()
