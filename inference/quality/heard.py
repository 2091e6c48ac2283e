"""A recording as enrolment hears it: cleaned, at one rate, cut into phrases, with pitch and embeddings."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from audio.resample import resample_offline
from inference.converter import MODEL_RATE
from inference.f0 import track
from inference.quality.acoustics import clipped_share
from inference.speaker import embed_stretches
from inference.speech import ENCODER_RATE, voice_activity

Samples = NDArray[np.float32]

PITCH_S = 20.0
"""Speech whose pitch is tracked."""

LONGEST_S = 300.0
"""What comes later in a recording is left unheard: more speech does not move the embedding."""

BADLY_CLIPPED = 0.03
_RATES = (8_000, 384_000)
_MAX_BAD = 0.01
_SURE_VOICING = 0.6
_PHRASE_S = 3.0
"""Shorter phrases are taken together: the encoder hears 1.6 s at a time."""

_LONGEST_PHRASE_S = 12.0


class UnusableError(ValueError):
    """A recording that holds nothing to judge; the message is one sentence for the user."""


@dataclass(frozen=True)
class Phrase:
    """Speech from `start` to `stop` (samples at MODEL_RATE), pauses within included."""

    start: int
    stop: int


class Heard:
    """One recording, analysed when asked. Raises UnusableError.

    `samples`: (n,) float32 at MODEL_RATE without offset; `speech`: (n,) marks speech; `original` and
    `rate` are the recording as it came, cleaned and at most `LONGEST_S` long.
    """

    def __init__(self, samples: Samples, rate: int) -> None:
        self.original, self.rate = _clean(samples, rate), rate
        self.clipped = clipped_share(self.original)
        if self.clipped > BADLY_CLIPPED:
            raise UnusableError("The recording is badly overdriven; lower the input level and record again.")
        self.original = self.original - self.original.mean(dtype=np.float64).astype(np.float32)
        self.samples = resample_offline(self.original, rate, MODEL_RATE)
        self.speech = voice_activity(self.samples, MODEL_RATE)

    @property
    def seconds(self) -> float:
        """Length of the recording."""
        return len(self.samples) / MODEL_RATE

    @property
    def speech_s(self) -> float:
        """Seconds of speech."""
        return float(self.speech.sum()) / MODEL_RATE

    @cached_property
    def phrases(self) -> tuple[Phrase, ...]:
        """The speech in groups of words of about 3 to 12 s, in order."""
        return _phrases(self.speech)

    @cached_property
    def stretches(self) -> tuple[Samples, ...]:
        """Per phrase the embeddings of its overlapping stretches: (k, 256) each, unit length."""
        return tuple(
            embed_stretches(resample_offline(self.spoken(phrase), MODEL_RATE, ENCODER_RATE))
            for phrase in self.phrases
        )

    @cached_property
    def voiced_hz(self) -> NDArray[np.float64]:
        """F0 in Hz of the surely voiced hops (10 ms) of the first 20 s of speech: (k,)."""
        spoken = self.samples[self.speech][: round(PITCH_S * MODEL_RATE)]
        f0_hz, voicing = track(spoken)
        return f0_hz[(f0_hz > 0) & (voicing > _SURE_VOICING)]

    def spoken(self, phrase: Phrase) -> Samples:
        """A phrase without its pauses: (m,) at MODEL_RATE."""
        part = slice(phrase.start, phrase.stop)
        return self.samples[part][self.speech[part]]


def _clean(samples: Samples, rate: int) -> Samples:
    """The recording with what cannot be right taken out. Raises UnusableError."""
    x = np.asarray(samples, np.float32)
    if x.ndim != 1:
        raise UnusableError("A recording must have one channel here; mix it to mono first.")
    if not _RATES[0] <= rate <= _RATES[1]:
        raise UnusableError(f"A recording at {rate} Hz cannot be used; record at 44100 or 48000 Hz.")
    x = x[: round(LONGEST_S * rate)]
    finite = np.isfinite(x)
    if x.size and finite.mean() < 1 - _MAX_BAD:
        raise UnusableError(
            "The recording holds invalid samples; export it again from the program it came from."
        )
    x = np.where(finite, x, np.float32(0)).clip(-8, 8)
    if x.size == 0 or np.ptp(x) < 1e-4:
        raise UnusableError("The recording is silent; check that the right microphone was on.")
    return x


def _phrases(speech: NDArray[np.bool_]) -> tuple[Phrase, ...]:
    edges = np.flatnonzero(np.diff(np.concatenate(([0], speech.view(np.int8), [0]))))
    found: list[Phrase] = []
    least, most = round(_PHRASE_S * MODEL_RATE), round(_LONGEST_PHRASE_S * MODEL_RATE)
    for run_start, run_stop in edges.reshape(-1, 2).tolist():
        pieces = max(1, -(-(run_stop - run_start) // most))
        cuts = np.linspace(run_start, run_stop, pieces + 1).astype(int).tolist()
        for start, stop in pairwise(cuts):
            short = found and int(speech[found[-1].start : found[-1].stop].sum()) < least
            if short and stop - found[-1].start <= most:
                found[-1] = Phrase(found[-1].start, stop)
            else:
                found.append(Phrase(start, stop))
    return tuple(found)
