"""Takes of one stretch of speech in several voices, made alike in time and loudness to be compared.

Loudness is that of ITU-R BS.1770-4: K-weighted, gated.

>>> take = render(heard, find_voice("deep"), Tuning())      # heard: (n,) float32 at MODEL_RATE
>>> take.samples.shape == heard.shape                        # latency removed
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audio.files import read_mono
from audio.iir import Filter
from audio.loudness import k_weighting
from audio.resample import resample_offline
from inference.convert import convert_array
from inference.converter import HOP, MODEL_RATE
from inference.f0 import track
from inference.speech import trim_silence
from voices.tuning import Tuning
from voices.voice import Voice

Samples = NDArray[np.float32]

REPLAY_S = 15.0
"""Seconds that a replay holds."""

LOUDNESS_LUFS = -26.0
"""What every take is brought to: 3 dB below broadcast (EBU R 128), so that the peaks of speech fit."""

MIN_SPEECH_S = 0.6
"""Less speech than this says nothing about a voice."""

_HIGHEST_PEAK = 0.98
_MOST_GAIN_DB = 40.0
_BLOCK_S, _ABSOLUTE_GATE_LUFS, _RELATIVE_GATE_LU = 0.4, -70.0, 10.0
_PASSES = 2
"""The meter's absolute gate lets other blocks through at another gain."""

_PITCH_DELAY_HOPS = 1
"""The tracker describes the sound 15 ms before the end of a hop: 1 hop before its middle."""


class ReplayError(ValueError):
    """A stretch of sound that cannot be replayed; the message is one sentence for the user."""


@dataclass(frozen=True)
class Take:
    """One voice's version. `samples`: (n,) float32 at MODEL_RATE; `f0_hz`: (n // HOP,), 0 = unvoiced.

    `gain_db` is what the loudness match added.
    """

    samples: Samples
    f0_hz: Samples
    gain_db: float


def last_speech(x: Samples) -> Samples:
    """Returns at most `REPLAY_S` of x (n,) at MODEL_RATE, in whole hops, cleaned.

    Raises ReplayError where there is too little speech.
    """
    x = x[-round(REPLAY_S * MODEL_RATE) :]
    x = np.where(np.isfinite(x), x, np.float32(0))[: len(x) // HOP * HOP].clip(-1, 1)
    if len(trim_silence(x, MODEL_RATE)) < MIN_SPEECH_S * MODEL_RATE:
        raise ReplayError("Nobody spoke in the last seconds; say a sentence or two, then capture again.")
    return x


def read_speech(path: str) -> Samples:
    """Returns the first `REPLAY_S` of speech of a sound file: (n,) at MODEL_RATE, in whole hops.

    Raises AudioFileError, or ReplayError where there is too little speech.
    """
    samples, rate = read_mono(path)
    x = resample_offline(samples, rate, MODEL_RATE).astype(np.float32)
    loud = np.flatnonzero(np.abs(x) > 0.05 * np.abs(x).max(initial=0))
    start = max(0, int(loud[0]) - MODEL_RATE // 5) if loud.size else 0
    try:
        return last_speech(x[start : start + round(REPLAY_S * MODEL_RATE)])
    except ReplayError as error:
        raise ReplayError("There is no speech at the beginning of this file; choose another one.") from error


def render(source: Samples, voice: Voice | None, tuning: Tuning) -> Take:
    """Returns `source`: (n,) at MODEL_RATE as `voice` says it (None: as it is), matched in loudness.

    Takes seconds for a neural voice. Raises UnsupportedVoiceError.
    """
    spoken = source if voice is None else convert_array(source, MODEL_RATE, voice, tuning)
    matched, gain_db = match_loudness(spoken)
    return Take(matched, track_pitch(matched), gain_db)


def match_loudness(x: Samples) -> tuple[Samples, float]:
    """Returns x (n,) at MODEL_RATE at `LOUDNESS_LUFS`, and the gain in dB; peaks stay below full scale."""
    gain_db = 0.0
    for _ in range(_PASSES):
        present = loudness_lufs(x * np.float32(10 ** (gain_db / 20)))
        gain_db = min(gain_db + LOUDNESS_LUFS - present, _MOST_GAIN_DB)
    peak = float(np.abs(x).max(initial=0))
    if peak > 0:
        gain_db = min(gain_db, 20 * math.log10(_HIGHEST_PEAK / peak))
    return (x * np.float32(10 ** (gain_db / 20))).astype(np.float32), gain_db


def loudness_lufs(x: Samples) -> float:
    """Returns the integrated loudness of x (n,) at MODEL_RATE (ITU-R BS.1770-4); -inf for silence."""
    block, step = round(_BLOCK_S * MODEL_RATE), round(_BLOCK_S * MODEL_RATE / 4)
    weighted = Filter(*k_weighting(MODEL_RATE)).process(np.pad(x, (0, max(0, block - len(x)))))
    powers = np.add.reduceat(np.square(weighted), np.arange(0, len(weighted), step))[: len(weighted) // step]
    powers = np.convolve(powers, np.ones(4), "valid") / block
    loud = powers[_lufs(powers) > _ABSOLUTE_GATE_LUFS]
    if not loud.size:
        return -math.inf
    return float(_lufs(loud[_lufs(loud) > _lufs(loud.mean()) - _RELATIVE_GATE_LU].mean()))


def _lufs(power: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(-0.691 + 10 * np.log10(np.maximum(power, 1e-12)))


def track_pitch(x: Samples) -> Samples:
    """Returns F0 in Hz of x (n,) at MODEL_RATE, one value per hop in step with it, 0 = unvoiced."""
    f0_hz, _ = track(np.pad(x, (0, _PITCH_DELAY_HOPS * HOP)))
    return f0_hz[_PITCH_DELAY_HOPS:].astype(np.float32)
