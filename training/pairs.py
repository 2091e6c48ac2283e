"""Which unseen speakers are converted to which unseen voices: fixed, so that tables compare."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.enrolment import Enrolment, enroll
from training.corpus import RATE, Clip, Corpus

PER_SOURCE = 4
"""Voices each source clip is converted to."""

_AST_EN = ("046a456b32", "0b7b4e6ba6", "0f2031696c", "2152d4c90e")
_BARISTA_SECONDS = (6.0, 9.5)
_NABUCASA = (
    "0c2f43cd20",
    "14e3bfd5f8",
    "2c6569e6e7",
    "5c3a4cd2ff",
    "9570840d96",
    "b786b3d69d",
    "0da03d01be",
    "f188664556",
    "b9d20555a9",
    "71f4c3c51c",
)
_AST_TARGETS = ("ast_es_MX_f_Allison", "ast_fr_CA_f_June", "ast_it_IT_m_Carlo", "ast_ru_RU_f_IvrvoiceRU")
_SAME_PERSON = {"ast_es_MX_f_Allison": "ast_en_US_f_Allison"}
_ENROL_CLIPS = 6
_JUDGE_CLIPS = 4


@dataclass(frozen=True)
class Source:
    """One utterance to convert. `name` is unique; `person` names who speaks."""

    name: str
    person: str
    clip: Clip


@dataclass(frozen=True)
class Target:
    """A voice to convert to, enrolled from `enrol` and judged against `judge`.

    Speakers of a single clip (nabucasa) are judged against the clip they were enrolled from.
    """

    name: str
    person: str
    enrol: tuple[Clip, ...]
    judge: tuple[Clip, ...]


@dataclass(frozen=True)
class Pair:
    """One conversion of the matrix."""

    source: Source
    target: Target


def sources(corpus: Corpus) -> list[Source]:
    """Ten LibriSpeech dev readers, four prompts of ast_en, and one order of each held-out barista."""
    rows = {row.id: row for row in corpus.rows}
    readers = sorted(corpus.select("eval", "libri_dev"), key=lambda row: row.id)
    found = [Source(f"libri {row.id.split('-')[0]}", str(row.speaker), row) for row in readers]
    found += [Source(f"ast_en {id_[:4]}", "ast_en_US_f_Allison", rows[id_]) for id_ in _AST_EN]
    taken: set[str] = set()
    low, high = (seconds * RATE for seconds in _BARISTA_SECONDS)
    for row in sorted(corpus.select("held_out"), key=lambda row: (str(row.speaker), row.id)):
        person = str(row.speaker)
        if person not in taken and low <= row.length <= high:
            taken.add(person)
            found.append(Source(person, person, row))
    return found


def targets(corpus: Corpus) -> list[Target]:
    """Ten single-clip speakers of nabucasa and four prompt speakers in other languages."""
    rows = {row.id: row for row in corpus.rows}
    found = [Target(f"nabu {id_[:4]}", f"nabu {id_[:4]}", (rows[id_],), (rows[id_],)) for id_ in _NABUCASA]
    for name in _AST_TARGETS:
        enrol, judge = _parted(corpus.select("eval", name))
        found.append(Target(name[:9].rstrip("_"), _SAME_PERSON.get(name, name), enrol, judge))
    # Alternate the two kinds so that every stretch of the list has both.
    order = np.argsort([(i * 5) % len(found) for i in range(len(found))], kind="stable")
    return [found[i] for i in order]


def matrix(corpus: Corpus, per_source: int = PER_SOURCE) -> list[Pair]:
    """Every source with `per_source` targets in turn, never with its own speaker."""
    voices, pairs, at = targets(corpus), [], 0
    for source in sources(corpus):
        chosen: list[Target] = []
        while len(chosen) < per_source:
            target = voices[at % len(voices)]
            at += 1
            if target.person != source.person and target not in chosen:
                chosen.append(target)
        pairs += [Pair(source, target) for target in chosen]
    return pairs


def enrolled(corpus: Corpus, target: Target) -> Enrolment:
    """What enrolment learns from the target's clips."""
    return enroll([(corpus.audio(clip), RATE) for clip in target.enrol], trusted=True)


def known_speakers(corpus: Corpus) -> list[tuple[str, tuple[Clip, ...], tuple[Clip, ...]]]:
    """Unseen speakers of several clips: (person, reference clips, other clips)."""
    found = []
    for name in ("ast_en_US_f_Allison", *_AST_TARGETS):
        reference, others = _parted(corpus.select("eval", name))
        found.append((_SAME_PERSON.get(name, name), reference[:4], others))
    rows = corpus.select("held_out")
    for person in sorted({str(row.speaker) for row in rows}):
        clips = sorted((row for row in rows if row.speaker == person), key=lambda row: row.id)
        found.append((person, tuple(clips[:4]), tuple(clips[4:7])))
    return found


def _parted(rows: list[Clip]) -> tuple[tuple[Clip, ...], tuple[Clip, ...]]:
    """Longer clips of one speaker: some to enrol, others to judge."""
    clips = sorted((row for row in rows if row.length > 3 * RATE), key=lambda row: row.id)
    return tuple(clips[:_ENROL_CLIPS]), tuple(clips[_ENROL_CLIPS : _ENROL_CLIPS + _JUDGE_CLIPS])


def median_hz(f0: NDArray[np.float32], sure: NDArray[np.bool_]) -> float:
    """Median of the surely voiced frames in Hz, 0 where there are none."""
    voiced = f0[(f0 > 0) & sure]
    return float(np.median(voiced)) if voiced.size else 0.0
