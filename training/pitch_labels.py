"""F0 of recorded speech by two unrelated methods, on one frame grid.

Frame i describes the 10 ms from sample 240 i on (24 kHz): its centre is sample 240 i + 120, and a clip
of n samples has n // 240 frames. The estimate is SwiftF0's (a convolutional network; PyPI swift-f0,
MIT); YIN (de Cheveigne and Kawahara 2002), a difference function of the waveform, checks it.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from inference.networks.speaker import resample_to_16k

HOP = 240
"""Samples of one frame at 24 kHz: 100 frames a second."""

RATE = 24_000
F0_MIN, F0_MAX = 50.0, 700.0

_WINDOW = 768
_LAGS = int(RATE / F0_MIN) + 2
_TYPICAL_LAG = RATE // 150
_FIRST_LAG = int(RATE / F0_MAX)
_DIP = 0.15
_VOICED_DIP = 0.30
_SILENCE = 1e-3
_TOLERANCE = 0.20

Track = NDArray[np.float32]


def label_f0(x: NDArray[np.float32]) -> tuple[Track, NDArray[np.bool_]]:
    """F0 in Hz (0 = unvoiced) and whether it can be trusted, per frame of x (n,) at 24 kHz.

    Trusted frames are those where both methods say unvoiced, or both say voiced within 20 %.
    """
    network, waveform = swift_f0(x), yin_f0(x)
    both = (network > 0) & (waveform > 0)
    ratio = np.where(both, waveform, 1) / np.where(both, network, 1)
    near = (ratio < 1 + _TOLERANCE) & (ratio > 1 / (1 + _TOLERANCE))
    neither = (network == 0) & (waveform == 0)
    return network, (both & near) | neither


def swift_f0(x: NDArray[np.float32]) -> Track:
    """SwiftF0's track of x (n,) at 24 kHz, moved from its 16 ms grid to ours: (n // 240,) Hz."""
    frames = len(x) // HOP
    if frames == 0:
        return np.zeros(0, np.float32)
    found = _detector().detect(resample_to_16k(torch.from_numpy(x)[None])[0].numpy(), 16_000, F0_MIN, F0_MAX)
    place = (np.arange(frames) * HOP + HOP / 2) / RATE / 0.016
    low = np.clip(place.astype(int), 0, len(found.pitch_hz) - 1)
    high = np.minimum(low + 1, len(found.pitch_hz) - 1)
    weight = place - low
    pitch = np.log2(np.maximum(found.pitch_hz, 1.0))
    # Across a voicing boundary or a jump the nearer neighbour alone is right.
    smooth = (np.abs(pitch[high] - pitch[low]) < 0.2) & (found.confidence[low] >= 0.5)
    weight_pitch = np.where(smooth & (found.confidence[high] >= 0.5), weight, weight >= 0.5)
    confidence = found.confidence[low] * (1 - weight) + found.confidence[high] * weight
    hertz = 2 ** (pitch[low] * (1 - weight_pitch) + pitch[high] * weight_pitch)
    return np.where(confidence >= 0.5, hertz, 0).astype(np.float32)


def yin_f0(x: NDArray[np.float32]) -> Track:
    """YIN's track of x (n,) at 24 kHz: (n // 240,) Hz, 0 where no dip of the difference is deep."""
    frames = len(x) // HOP
    if frames == 0:
        return np.zeros(0, np.float32)
    segment = _WINDOW + _LAGS
    before = (_WINDOW + _TYPICAL_LAG) // 2 - HOP // 2
    padded = np.pad(x, (before, segment))
    windows = np.lib.stride_tricks.sliding_window_view(padded, segment)[: frames * HOP : HOP]
    parts = [_yin_block(windows[start : start + 1000]) for start in range(0, frames, 1000)]
    return np.concatenate(parts)


def _yin_block(windows: NDArray[np.float32]) -> Track:
    d = _difference(windows)
    lags = np.arange(_LAGS)
    mean = np.cumsum(d, axis=1) / np.maximum(lags, 1)
    d = np.where(lags == 0, 1.0, d / (mean + 1e-12))
    inner = d[:, 1:-1]
    dip = (inner < _DIP) & (inner <= d[:, :-2]) & (inner < d[:, 2:]) & (lags[1:-1] >= _FIRST_LAG)
    deepest = _FIRST_LAG + np.argmin(d[:, _FIRST_LAG:-1], axis=1)
    best = np.where(dip.any(axis=1), dip.argmax(axis=1) + 1, deepest)
    row = np.arange(len(d))
    left, here, right = d[row, best - 1], d[row, best], d[row, best + 1]
    curve = left - 2 * here + right
    offset = np.where(curve > 1e-9, 0.5 * (left - right) / np.where(curve > 1e-9, curve, 1), 0)
    loud = np.abs(windows).max(axis=1) > _SILENCE
    hertz = RATE / (best + np.clip(offset, -0.5, 0.5))
    return np.where((here < _VOICED_DIP) & loud, hertz, 0).astype(np.float32)


def _difference(windows: NDArray[np.float32]) -> NDArray[np.float64]:
    """Squared difference of each window's start and itself `lag` later: (frames, lags)."""
    size = 2048
    start = np.fft.rfft(windows[:, :_WINDOW], size)
    whole = np.fft.rfft(windows, size)
    correlation = np.fft.irfft(np.conj(start) * whole, size)[:, :_LAGS]
    energy = np.pad(np.cumsum(np.square(windows, dtype=np.float64), axis=1), ((0, 0), (1, 0)))
    moving = energy[:, _WINDOW : _WINDOW + _LAGS] - energy[:, :_LAGS]
    return np.maximum(moving[:, :1] + moving - 2 * correlation, 0)


@cache
def _detector() -> Any:
    import swift_f0

    return swift_f0.SwiftF0(threads=1, spin=False)
