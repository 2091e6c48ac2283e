"""How near converted speech comes to its target, and how well its words survived: two honest hints.

Likeness is the cosine of speaker embeddings (the shipped encoder, assets/models/speaker.onnx), laid
between two measured marks: what strangers reach (0 %) and what the speaker's own recordings reach
(100 %), over stretches as short as the meter's. It is the encoder that the networks were conditioned on,
so it flatters them a little; docs/evaluation.md has the judgement of a second, independent one.

Clarity is how closely the changes of the output's band levels follow those of the input (correlation of
differences over 40 ms in 24 mel bands, after Taal et al., "An Algorithm for Intelligibility Prediction",
2011, but against the speaker's own voice). Its marks were set against Whisper's word errors.

`python -m tests.tools.calibrate_likeness` measures every constant here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache

import numpy as np
from numpy.typing import NDArray

from audio.resample import resample_offline
from inference.converter import HOP, MODEL_RATE
from inference.speech import ENCODER_RATE, trim_silence

Samples = NDArray[np.float32]
Levels = NDArray[np.float64]

WINDOW_S = 3.0
"""Seconds of sound that one reading looks at."""

MIN_SPEECH_S = 1.2
"""Less speech than this in the window gives no reading."""

STRANGER_COSINE, SAME_COSINE = 0.59, 0.88
"""Mean cosine of `WINDOW_S` of natural speech with an enrolled voice: another's, and the speaker's own.

Measured on 386 and 54 windows of speakers that no network was trained on; nine in ten strangers lie between
0.47 and 0.71, nine in ten windows of the speaker between 0.77 and 0.94.
"""

CLEAR, FAIR = 0.7, 0.5
"""Marks between the words of `Clarity`.

Of 161 recordings (converted, noisy, reverberant, with gaps) Whisper got 7 % of the words wrong where this
says clear (80 of them), 32 % where fair (27) and 59 % where unclear (54).
"""

_BANDS, _LOW_HZ, _HIGH_HZ = 24, 100.0, 8000.0
_FFT = 512
_RANGE = 5.0
_ACTIVE = 3.0
_SILENCE = 1e-4
_REACH = 4
_DIFFERENCE = 4
"""Hops over which a change is taken: 40 ms, the pace of consonants."""

_LAGS = range(0, 16)
"""Hops by which the output may follow the input."""


class Clarity(StrEnum):
    """How well the words can be understood, as far as the output shows it."""

    CLEAR = "clear"
    FAIR = "fair"
    UNCLEAR = "unclear"


@dataclass(frozen=True)
class Reading:
    """`likeness`: 0 stranger to 1 the speaker (None: no target or too little speech), within 0 to 1.

    `clarity` is None where too little was said. `speech_s`: seconds of speech in the window.
    """

    likeness: float | None = None
    clarity: Clarity | None = None
    speech_s: float = 0.0


def read(heard: Samples, spoken: Samples, target: tuple[float, ...]) -> Reading:
    """Returns the reading of input and output, (n,) each at MODEL_RATE on one clock, `WINDOW_S` or longer.

    `target` is a voice's embedding, empty where it has none. The output may be up to 150 ms late.
    """
    speech = trim_silence(spoken, MODEL_RATE)
    seconds = len(speech) / MODEL_RATE
    if seconds < MIN_SPEECH_S:
        return Reading(speech_s=seconds)
    size = round(WINDOW_S * MODEL_RATE)
    count = max(1, round(len(speech) / size))  # the marks hold for this length
    found = [cosine(piece, target) for piece in np.array_split(speech, count)] if target else []
    alike = likeness(float(np.mean(found))) if found else None
    return Reading(alike, clarity(heard, spoken), seconds)


def cosine(speech: Samples, target: tuple[float, ...]) -> float:
    """Returns the cosine of speech (n,) at MODEL_RATE, silences cut out, with an embedding of unit length."""
    from inference.enrolment import embed_stretches  # loads scipy, which the window starts without

    partials = embed_stretches(resample_offline(speech, MODEL_RATE, ENCODER_RATE))
    mean = partials.mean(axis=0)
    return float(mean @ np.asarray(target, np.float32) / max(float(np.linalg.norm(mean)), 1e-9))


def likeness(cosine_to_target: float) -> float:
    """Returns 0 for what a stranger reaches on average, 1 for the speaker; held to 0 to 1."""
    share = (cosine_to_target - STRANGER_COSINE) / (SAME_COSINE - STRANGER_COSINE)
    return min(max(share, 0.0), 1.0)


def clarity(heard: Samples, spoken: Samples) -> Clarity | None:
    """Returns the word for how well `spoken` follows `heard`; None where there is nothing to compare."""
    score = follow(heard, spoken)
    if score is None:
        return None
    return Clarity.CLEAR if score >= CLEAR else Clarity.FAIR if score >= FAIR else Clarity.UNCLEAR


def follow(heard: Samples, spoken: Samples) -> float | None:
    """Returns the mean correlation of band-level changes at the best lag, -1 to 1; None without speech."""
    if float(np.abs(heard).max(initial=0)) < _SILENCE:
        return None
    a, b = _levels(heard), _levels(spoken)
    loudness = a.mean(axis=1)
    active = loudness > np.percentile(loudness, 95) - _ACTIVE
    active = np.convolve(active, np.ones(2 * _REACH + 1), "same") > 0
    changes_a, changes_b = (x[_DIFFERENCE:] - x[:-_DIFFERENCE] for x in (a, b))
    rows = np.flatnonzero(active[_DIFFERENCE:])
    rows = rows[rows + _LAGS[-1] < len(changes_b)]
    if len(rows) < MIN_SPEECH_S * MODEL_RATE / HOP / 2:
        return None
    return max(_correlation(changes_a[rows], changes_b[rows + lag]) for lag in _LAGS)


def _correlation(a: Levels, b: Levels) -> float:
    """Mean over the bands of the correlation of a and b: (frames, bands)."""
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    spread = np.sqrt((a * a).sum(axis=0) * (b * b).sum(axis=0))
    return float(((a * b).sum(axis=0) / np.maximum(spread, 1e-9)).mean())


def _levels(x: Samples) -> Levels:
    """Band levels of x (n,) per hop, log10 of power, at most `_RANGE` below the loudest: (frames, bands)."""
    half = _FFT // 2
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(x, (half, half)), _FFT)[::HOP]
    spectrum = np.fft.rfft(frames * np.hanning(_FFT).astype(np.float32), axis=1)
    power = (spectrum.real**2 + spectrum.imag**2) @ _bank()
    return np.log10(np.maximum(power, max(float(power.max()) * 10**-_RANGE, 1e-12)))


@cache
def _bank() -> Levels:
    """Triangular mel bands: (_FFT / 2 + 1, _BANDS)."""
    hz = np.arange(_FFT // 2 + 1) * MODEL_RATE / _FFT
    low, high = (2595 * np.log10(1 + edge / 700) for edge in (_LOW_HZ, _HIGH_HZ))
    edges = 700 * (10 ** (np.linspace(low, high, _BANDS + 2) / 2595) - 1)
    rise = (hz[:, None] - edges[:-2]) / np.diff(edges)[:-1]
    fall = (edges[2:] - hz[:, None]) / np.diff(edges)[1:]
    return np.maximum(0.0, np.minimum(rise, fall))
