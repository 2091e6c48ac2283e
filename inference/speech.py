"""How a recording is cut before a speaker encoder hears it: silences out, the rest in stretches."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from audio.resample import resample_offline

ENCODER_RATE = 16_000
"""Sample rate of the speaker encoder, Hz."""

WINDOW = 400
STEP = 160
PARTIAL = STEP * 159 + WINDOW
"""Samples the encoder hears at a time: 160 spectral frames, 1.6 s."""

_FRAME_S = 0.03
_KEEP_FRAMES = 4
_RANGE_DB = 36.0
_FLOOR_DB = -60.0
_VAD_MODE = 2
_VAD_PEAK = 0.3
"""WebRTC's detector expects speech of ordinary level; recordings are scaled to it."""


def speech_mask(x: NDArray[np.float32], rate: int) -> NDArray[np.bool_]:
    """Marks the samples of x (n,) that belong to speech or to pauses shorter than 0.25 s.

    A 30 ms frame counts when its level is within 36 dB of the loud frames (95th percentile) and above
    -60 dBFS; each run of such frames is widened by 0.12 s on both sides.
    """
    size = max(1, round(_FRAME_S * rate))
    count = len(x) // size
    if count == 0:
        return np.zeros(len(x), bool)
    power = np.square(x[: count * size].reshape(count, size), dtype=np.float32).mean(axis=1)
    level = 10 * np.log10(power + 1e-12)
    active = level > max(_FLOOR_DB, float(np.percentile(level, 95)) - _RANGE_DB)
    reached = np.convolve(active, np.ones(2 * _KEEP_FRAMES + 1))
    widened = reached[_KEEP_FRAMES : _KEEP_FRAMES + count] > 0
    mask = np.repeat(widened, size)
    return np.pad(mask, (0, len(x) - len(mask)), mode="edge")


def trim_silence(x: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
    """x without its silences, as `speech_mask` finds them: (m,), m <= n; empty where nobody speaks."""
    return x[speech_mask(x, rate)]


def voice_activity(x: NDArray[np.float32], rate: int) -> NDArray[np.bool_]:
    """Marks the samples of x (n,) that are speech by WebRTC's detector, pauses up to 0.25 s with it.

    It looks at the spectrum, so noise beside speech is not taken for it: with noise 20 dB below the speech
    it marks 18 % of the pauses where `speech_mask` marks all (tests/tools/calibrate_quality.py).
    """
    import webrtcvad

    y = resample_offline(x, rate, ENCODER_RATE)
    size = round(_FRAME_S * ENCODER_RATE)
    count = len(y) // size
    if count == 0:
        return np.zeros(len(x), bool)
    frames = y[: count * size].reshape(count, size)
    loud = float(np.percentile(np.abs(frames).max(axis=1), 95))
    pcm = np.clip(frames * (_VAD_PEAK / max(loud, 1e-6)), -1, 1) * 32767
    detector = webrtcvad.Vad(_VAD_MODE)
    active = np.array([detector.is_speech(row.tobytes(), ENCODER_RATE) for row in pcm.astype("<i2")])
    steady = np.convolve(active, np.ones(5))[2 : 2 + count] > 2
    widened = np.convolve(steady, np.ones(2 * _KEEP_FRAMES + 1))[_KEEP_FRAMES : _KEEP_FRAMES + count] > 0
    at = np.minimum(np.arange(len(x)) * ENCODER_RATE // (rate * size), count - 1)
    return widened[at]


def partial_starts(n: int, per_second: float = 1.3, coverage: float = 0.75) -> list[int]:
    """Where the overlapping stretches of an utterance of n samples begin, at `ENCODER_RATE`.

    Counted from half a window before its first sample, as the encoder was trained (Wan et al. 2018;
    Resemblyzer cuts the same way): at least one, and the last only when speech fills `coverage` of it.
    """
    step = round(ENCODER_RATE / per_second / STEP)
    frames = -(-(n + 1) // STEP)
    starts = [STEP * i for i in range(0, max(1, frames - 160 + step + 1), step)]
    if len(starts) > 1 and (n - starts[-1]) / (160 * STEP) < coverage:
        starts.pop()
    return starts


def padding(n: int, starts: list[int]) -> tuple[int, int]:
    """Zeros to put before and after an utterance of n samples so that every stretch is whole."""
    before = WINDOW // 2
    return before, max(0, starts[-1] + PARTIAL - before - n)
