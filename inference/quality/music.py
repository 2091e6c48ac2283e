"""Music in a recording: notes that hold still, and beats that come on time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from audio.resample import resample_offline
from inference.converter import MODEL_RATE

Samples = NDArray[np.float32]
Array = NDArray[np.float64]

_RATE = 11_025
_FFT = 1024
_HOP = 256
_BLOCK = 100
"""Frames whose bars are counted together: 2.3 s."""

_NEIGHBOURS = 21
_BAR_DB = 6.0
_BARS = 5
_HUM = 0.75
"""A bar that stands through this share of the whole clip is mains hum or a fan, no note."""


def tonality(x: Samples) -> float:
    """How much of x is made of notes that hold their frequency: 0 none, above 1.2 clearly music.

    Continuous frequency activation after Seyerlehner, Pohle, Schedl & Widmer, "Automatic music detection
    in television productions" (DAFx 2007): the spectrogram's peaks over frequency are counted per bin over
    2.3 s, and the strongest bars are summed. Speech glides, notes stay. `x`: (n,) at MODEL_RATE.
    """
    blocks = _blocks(_peaks(x))
    return float(np.percentile([_bar_sum(block) for block in blocks], 75)) if blocks else 0.0


def pulse(x: Samples) -> float:
    """How regular the onsets are, 0 to 1: autocorrelation of the spectral flux at 60 to 240 beats a minute.

    The mean over 6 s stretches; after Scheirer & Slaney, "Construction and evaluation of a robust
    multifeature speech/music discriminator" (ICASSP 1997). `x`: (n,) at MODEL_RATE.
    """
    levels = np.log1p(1e3 * _magnitudes(x))
    if len(levels) < 3:
        return 0.0
    flux = np.maximum(np.diff(levels, axis=0), 0).sum(axis=1)
    size = round(6.0 * _RATE / _HOP)
    starts = range(0, max(1, len(flux) - size // 2), size // 2)
    return float(np.mean([_periodicity(flux[start : start + size]) for start in starts]))


def _magnitudes(x: Samples) -> Array:
    y = resample_offline(x, MODEL_RATE, _RATE)
    if len(y) < _FFT:
        return np.zeros((0, _FFT // 2 + 1))
    frames = np.lib.stride_tricks.sliding_window_view(y, _FFT)[::_HOP]
    return np.abs(np.fft.rfft(frames * np.hanning(_FFT).astype(np.float32), axis=1))


def _peaks(x: Samples) -> NDArray[np.bool_]:
    """Where a bin stands out of its neighbours over frequency: (frames, bins)."""
    level = 20 * np.log10(_magnitudes(x) + 1e-6)
    if not len(level):
        return np.zeros((0, 0), bool)
    sums = np.cumsum(np.pad(level, ((0, 0), (_NEIGHBOURS // 2 + 1, _NEIGHBOURS // 2)), mode="edge"), axis=1)
    mean = (sums[:, _NEIGHBOURS:] - sums[:, :-_NEIGHBOURS]) / _NEIGHBOURS
    loud = level > np.percentile(level.max(axis=1), 95) - 60.0
    return (level - mean > _BAR_DB) & loud


def _blocks(peaks: NDArray[np.bool_]) -> list[Array]:
    """Share of frames in which each bin is a peak, per block; hum is left out. Bins up to 5.5 kHz."""
    if len(peaks) < _BLOCK:
        return []
    hum = peaks.mean(axis=0) > _HUM if len(peaks) > 4 * _BLOCK else np.zeros(peaks.shape[1], bool)
    near = np.convolve(hum, np.ones(3), mode="same") > 0
    kept = np.where(near, False, peaks)
    return [kept[i : i + _BLOCK].mean(axis=0) for i in range(0, len(kept) - _BLOCK + 1, _BLOCK // 2)]


def _bar_sum(activation: Array) -> float:
    """The heights of the highest bars above the valleys beside them, summed."""
    inner = activation[1:-1]
    tops = np.flatnonzero((inner > activation[:-2]) & (inner >= activation[2:])) + 1
    edges = np.r_[0, tops, len(activation) - 1]
    heights = [
        activation[top] - max(activation[left : top + 1].min(), activation[top : right + 1].min())
        for left, top, right in zip(edges, tops, edges[2:], strict=False)
    ]
    return float(np.sort(heights)[-_BARS:].sum()) if heights else 0.0


def _periodicity(flux: Array) -> float:
    """Highest autocorrelation at lags of 0.25 to 1 s that its double also has, 0 to 1."""
    centred = flux - flux.mean()
    energy = float(centred @ centred)
    longest = round(_RATE / _HOP)
    if energy <= 0 or len(centred) < 3 * longest:
        return 0.0
    correlation = np.correlate(centred, centred, mode="full")[len(centred) - 1 :] / energy
    correlation *= len(centred) / np.maximum(1, len(centred) - np.arange(len(centred)))
    lags = np.arange(longest // 4, longest)
    return float(max(0.0, np.minimum(correlation[lags], correlation[2 * lags]).max()))
