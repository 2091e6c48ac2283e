"""The best parts of the recordings: what the embedding rests on and the voice keeps as reference clips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audio.iir import Filter
from audio.loudness import k_weighting
from inference.converter import MODEL_RATE
from inference.quality.acoustics import clipped_share, noise_db
from inference.quality.heard import Heard, Phrase

Samples = NDArray[np.float32]

LOUDNESS_LUFS = -23.0
"""Loudness of the speech in a kept segment (EBU R 128's programme loudness)."""

_KEPT_S = (10.0, 60.0)
_PEAK = 0.98
_EDGE_S = 0.01
_USEFUL_SNR_DB = 35.0
"""More than this is no better."""

_SNR_WORTH, _LIKENESS_WORTH, _CLIPPING_COST = 1 / 35.0, 2.0, 30.0
_WORSE = 0.5
"""What scores this much less than the best is left out where there is enough without it."""

_OFFSET_LUFS = -0.691


@dataclass(frozen=True, eq=False)
class Segment:
    """A part of clip number `clip`, from `start_s` to `stop_s`: (n,) float32 at `rate` Hz, at -23 LUFS."""

    clip: int
    start_s: float
    stop_s: float
    samples: Samples
    rate: int

    @property
    def title(self) -> str:
        """Where it comes from."""
        return f"recording {self.clip + 1}, {self.start_s:.1f} to {self.stop_s:.1f} s"


@dataclass(frozen=True)
class _Candidate:
    clip: int
    phrase: Phrase
    stretches: Samples
    speech_s: float
    score: float


def choose_segments(heard: Sequence[Heard]) -> tuple[tuple[Segment, ...], Samples]:
    """The best 10 to 60 s of what was heard, in order of time, and the speaker embedding they give: (256,).

    A phrase is the better the farther it stands above the noise, the less it is clipped, and the more it
    sounds like the rest.
    """
    middle = _direction(np.concatenate([part for one in heard for part in one.stretches]))
    candidates = [
        _candidate(number, one, phrase, stretches, middle)
        for number, one in enumerate(heard)
        for phrase, stretches in zip(one.phrases, one.stretches, strict=True)
    ]
    kept = _best(candidates)
    segments = tuple(_cut(heard[x.clip], x) for x in kept)
    return segments, _direction(np.concatenate([x.stretches for x in kept]))


def _direction(stretches: Samples) -> Samples:
    mean = stretches.mean(axis=0)
    return mean / np.linalg.norm(mean)


def _candidate(number: int, heard: Heard, phrase: Phrase, stretches: Samples, middle: Samples) -> _Candidate:
    spoken = heard.spoken(phrase)
    level = 10 * np.log10(np.mean(np.square(spoken, dtype=np.float64)) + 1e-10)
    score = (
        _SNR_WORTH * min(float(level) - noise_db(heard.samples, heard.speech), _USEFUL_SNR_DB)
        + _LIKENESS_WORTH * float((stretches @ middle).mean())
        - _CLIPPING_COST * clipped_share(spoken)
    )
    return _Candidate(number, phrase, stretches, len(spoken) / MODEL_RATE, score)


def _best(candidates: list[_Candidate]) -> list[_Candidate]:
    """The best ones up to 60 s of speech, without those far below the best once there are 10 s."""
    kept: list[_Candidate] = []
    seconds = 0.0
    ranked = sorted(candidates, key=lambda x: x.score, reverse=True)
    for candidate in ranked:
        enough = seconds >= _KEPT_S[0]
        full = seconds + candidate.speech_s > _KEPT_S[1]
        if kept and (full or (enough and candidate.score < ranked[0].score - _WORSE)):
            continue
        kept.append(candidate)
        seconds += candidate.speech_s
    return sorted(kept, key=lambda x: (x.clip, x.phrase.start))


def _cut(heard: Heard, chosen: _Candidate) -> Segment:
    """The samples of a phrase as they were recorded, faded at its edges, at the common loudness."""
    start, stop = chosen.phrase.start / MODEL_RATE, chosen.phrase.stop / MODEL_RATE
    x = heard.original[round(start * heard.rate) : round(stop * heard.rate)].copy()
    gain = 10 ** ((LOUDNESS_LUFS - loudness_lufs(heard.spoken(chosen.phrase))) / 20)
    x *= np.float32(min(gain, _PEAK / max(float(np.abs(x).max(initial=0)), 1e-6)))
    fade = np.linspace(0, 1, max(2, round(_EDGE_S * heard.rate)), dtype=np.float32)[: len(x) // 2]
    x[: len(fade)] *= fade
    x[len(x) - len(fade) :] *= fade[::-1]
    return Segment(chosen.clip, start, stop, x, heard.rate)


def loudness_lufs(spoken: Samples) -> float:
    """Loudness of speech without pauses, (n,) at MODEL_RATE: ITU-R BS.1770, gated by speech not by level."""
    weighted = Filter(*k_weighting(MODEL_RATE)).process(spoken)
    return _OFFSET_LUFS + 10 * float(np.log10(np.mean(np.square(weighted)) + 1e-10))
