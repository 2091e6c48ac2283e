"""From recordings of a person to a voice: checks, speaker embedding, pitch range. Needs no torch.

>>> found = enroll([read_mono("me.wav")])        # clips of (samples, rate)
>>> voice = make_voice(found, "me", "Me", source="recorded by myself", licence="private")
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audio.resample import resample_offline
from inference.converter import HOP, MODEL_RATE
from inference.f0 import F0Tracker
from inference.speech import ENCODER_RATE, PARTIAL, padding, partial_starts, trim_silence
from voices.voice import Voice, VoiceKind

Samples = NDArray[np.float32]

MIN_SPEECH_S = 3.0
"""Less speech than this gives an embedding that says little about the speaker."""

MAX_SPEECH_S = 90.0
"""More speech than this does not move the embedding; the rest is left unheard."""

_FAIR_SPEECH_S = 8.0
_MAX_BAD = 0.01
_FULL_SCALE = 0.999
_CLIPPED_ERROR = 0.03
_CLIPPED_WARNING = 0.002
_LOUDNESS = 10 ** (-30 / 20)
_SURE_VOICING = 0.6
_RANGE_PERCENT = (5, 95)
_HALVES_ALIKE = 0.70
"""Of 25 single speakers all stayed above it, of 10 random pairs 6 fell below."""

_MAX_PITCH_S = 30.0


class EnrolmentError(ValueError):
    """Recordings that no voice can be made from; the message is one sentence for the user."""


@dataclass(frozen=True)
class Enrolment:
    """What the recordings say about the speaker.

    `embedding`: 256 floats, unit length. `f0_median_hz` and the range that holds 90 % of the voiced
    frames, all 0 when nothing is voiced. `speech_s`: seconds of speech heard. `advice`: sentences
    about recordings that are usable but could be better.
    """

    embedding: tuple[float, ...]
    f0_median_hz: float
    f0_low_hz: float
    f0_high_hz: float
    speech_s: float
    advice: tuple[str, ...] = ()


def enroll(clips: Sequence[tuple[Samples, int]]) -> Enrolment:
    """Listens to one speaker's clips, each (samples (n,), rate in Hz). Raises EnrolmentError."""
    if not clips:
        raise EnrolmentError("There is no recording to learn the voice from; give at least one sound file.")
    spoken = [_speech(samples, rate) for samples, rate in clips]
    seconds = sum(len(x) for x in spoken) / MODEL_RATE
    if seconds < MIN_SPEECH_S:
        raise EnrolmentError(
            f"There are only {seconds:.1f} s of speech; "
            f"record at least {MIN_SPEECH_S:.0f} s, better 10 to 60 s."
        )
    heard = np.concatenate(spoken)[: round(MAX_SPEECH_S * MODEL_RATE)]
    partials = embed_stretches(resample_offline(heard, MODEL_RATE, ENCODER_RATE))
    mean = partials.mean(axis=0)
    embedding = mean / np.linalg.norm(mean)
    low, median, high = _pitch_range(heard[: round(_MAX_PITCH_S * MODEL_RATE)])
    return Enrolment(
        embedding=tuple(float(value) for value in embedding),
        f0_median_hz=median,
        f0_low_hz=low,
        f0_high_hz=high,
        speech_s=len(heard) / MODEL_RATE,
        advice=_advice(clips, seconds, _halves_alike(partials), median),
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
        licence=licence,
        source=source,
    )


def _speech(samples: Samples, rate: int) -> Samples:
    """The spoken part of one clip at MODEL_RATE, without offset. Raises EnrolmentError."""
    x = np.asarray(samples, np.float32)
    if x.ndim != 1:
        raise EnrolmentError("A recording must have one channel here; mix it to mono first.")
    finite = np.isfinite(x)
    if x.size and finite.mean() < 1 - _MAX_BAD:
        raise EnrolmentError(
            "The recording holds invalid samples; export it again from the program it came from."
        )
    x = np.where(finite, x, np.float32(0)).clip(-8, 8)
    if x.size == 0 or np.ptp(x) < 1e-4:
        raise EnrolmentError("The recording is silent; check that the right microphone was on.")
    if clipped_share(x) > _CLIPPED_ERROR:
        raise EnrolmentError("The recording is badly overdriven; lower the input level and record again.")
    x = resample_offline(x - x.mean(dtype=np.float64).astype(np.float32), rate, MODEL_RATE)
    return trim_silence(x.astype(np.float32), MODEL_RATE)


def clipped_share(x: Samples) -> float:
    """Share of samples that sit on the clip's own ceiling for three samples or more, if that is loud."""
    top = float(np.abs(x).max(initial=0))
    if top < 0.25:
        return 0.0
    flat = np.abs(x) >= _FULL_SCALE * top
    runs = flat[2:] & flat[1:-1] & flat[:-2]
    return float(runs.mean()) if runs.size else 0.0


def embed_stretches(x: Samples) -> Samples:
    """Returns embeddings of the stretches of x (n,) at ENCODER_RATE: (stretches, 256), unit length."""
    loudness = float(np.sqrt(np.mean(np.square(x, dtype=np.float64))))
    x = x * np.float32(max(1.0, _LOUDNESS / max(loudness, 1e-9)))
    starts = partial_starts(len(x))
    padded = np.pad(x, padding(len(x), starts)).astype(np.float32)
    stretches = np.stack([padded[start : start + PARTIAL] for start in starts])
    return _encoder().run(None, {"partials": stretches})[0]


@lru_cache(maxsize=1)
def _encoder() -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    model = resources.files("assets").joinpath("models", "speaker.onnx").read_bytes()
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _pitch_range(x: Samples) -> tuple[float, float, float]:
    """Low, median and high F0 in Hz of the surely voiced frames, 0 where there are none."""
    tracker = F0Tracker()
    steps = [tracker.step(x[i : i + HOP]) for i in range(0, len(x) - HOP + 1, HOP)]
    voiced = np.array([f0 for f0, voicing in steps if f0 > 0 and voicing > _SURE_VOICING])
    if voiced.size == 0:
        return 0.0, 0.0, 0.0
    low, high = np.percentile(voiced, _RANGE_PERCENT)
    return float(low), float(np.median(voiced)), float(high)


def _halves_alike(embeddings: Samples) -> float:
    """How alike the halves are that the first principal axis parts: cosine, 1 for fewer than 4."""
    if len(embeddings) < 4:
        return 1.0
    axis = np.linalg.svd(embeddings - embeddings.mean(axis=0), full_matrices=False)[2][0]
    side = embeddings @ axis
    upper = side > np.median(side)
    first, second = embeddings[upper].mean(axis=0), embeddings[~upper].mean(axis=0)
    return float(first @ second / (np.linalg.norm(first) * np.linalg.norm(second)))


def _advice(
    clips: Sequence[tuple[Samples, int]], seconds: float, alike: float, f0_median_hz: float
) -> tuple[str, ...]:
    found = []
    if seconds < _FAIR_SPEECH_S:
        found.append(f"Only {seconds:.0f} s of speech: 10 to 60 s make the voice closer.")
    if max(clipped_share(np.nan_to_num(x)) for x, _ in clips) > _CLIPPED_WARNING:
        found.append("The recording is overdriven in places; a lower input level would sound cleaner.")
    if alike < _HALVES_ALIKE:
        found.append("The recording does not sound like one person throughout; use a single speaker.")
    if f0_median_hz == 0:
        found.append("No voiced speech was found, so the voice will keep the pitch of whoever speaks.")
    return tuple(found)
