"""Windows, mel bands and sample counts of the fixed transforms. Without torch, for the live path too."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MEL_FRAME = 600
"""Whisper's 25 ms window at 24 kHz: its bins are Whisper's 40 Hz bins, so no resampling is needed."""

MEL_BINS = 201
"""Bins up to Whisper's 8 kHz."""

MEL_FLOOR = -6.5
"""Fixed floor of log10 mel power, in place of Whisper's per-clip maximum minus 8."""

MEL_SCALE = 400.0 / 600.0
"""Makes the longer window's spectra as large as Whisper's 400-sample ones."""

ENERGY_FRAME = 480
"""Hann window of the energy, centred on the instant the pitch frame describes."""

ENERGY_END = 240
"""Samples between the energy window's end and the frame's."""

POWER_FLOOR = 1e-6
"""Added to a power spectrum before the pitch tracker takes its logarithm."""

ENERGY_FLOOR = 1e-10
"""Added to the energy before its logarithm."""

Floats = NDArray[np.float64]


def hann(size: int) -> Floats:
    """Periodic Hann window, (size,) float64."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)


def mel_bands(mels: int, bins: int, bin_hz: float) -> Floats:
    """(bins, mels) float64 triangles on Slaney's mel scale with unit area, as Whisper uses them."""
    step = np.log(6.4) / 27.0
    top = 15.0 + np.log(8000.0 / 1000.0) / step
    mel = np.linspace(0.0, top, mels + 2)
    edges = np.where(mel < 15.0, mel * 200.0 / 3.0, 1000.0 * np.exp(step * (mel - 15.0)))
    hz = np.arange(bins)[:, None] * bin_hz
    rise = (hz - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - hz) / (edges[2:] - edges[1:-1])
    return np.maximum(0.0, np.minimum(rise, fall)) * 2.0 / (edges[2:] - edges[:-2])


def energy_weights() -> Floats:
    """(ENERGY_FRAME,) float64 that sum to 1."""
    window = hann(ENERGY_FRAME)
    return window / window.sum()


def pitch_bins(frame: int, max_hz: float, rate: int) -> int:
    """Bins of a `frame`-sample spectrum below `max_hz`."""
    return int(max_hz * frame / rate)


def basis_centres(count: int) -> Floats:
    """(count,) octaves (log2 Hz) on which the decoder is told F0."""
    return np.linspace(5.6, 10.0, count)


def position_rows(periods: int, dim: int) -> Floats:
    """(periods, dim) Whisper's sinusoids with frequencies rounded to multiples of 2 pi / periods.

    The rounding makes them periodic, so that the encoder can run for ever.
    """
    half = dim // 2
    frequency = np.exp(-np.log(10_000.0) * np.arange(half) / (half - 1))
    unit = 2 * np.pi / periods
    angle = np.arange(periods)[:, None] * np.round(frequency / unit) * unit
    return np.concatenate([np.sin(angle), np.cos(angle)], 1)


BASIS_WIDTH = 0.3
"""Octaves: standard deviation of the bumps around `basis_centres`."""

LOWEST_HZ = 40.0
"""F0 below it is told to the decoder as this."""

GAIN_RANGE, RESIDUAL_RANGE = (-16.0, 4.0), (-16.0, 3.0)
"""Natural logarithms to which the decoder's gains are limited: of its sources, of the free residual."""
