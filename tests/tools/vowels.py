"""Synthetic vowels: pulses through resonances, with known pitch and formants."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from inference.converter import MODEL_RATE


def vowel(
    f0_hz: float | NDArray[np.float64],
    seconds: float,
    formants_hz: tuple[float, ...] = (700.0, 1200.0, 2600.0, 3600.0),
    bandwidth_hz: float = 90.0,
) -> NDArray[np.float32]:
    """A vowel of this F0 (one value, or one per sample), peak 0.5, at `MODEL_RATE`: (n,) float32.

    The source is the sum of the harmonics below 5 kHz, 6 dB weaker per octave like radiated pulses,
    so that nothing aliases and F0 is exact.
    """
    n = int(seconds * MODEL_RATE)
    contour = np.broadcast_to(np.asarray(f0_hz, np.float64), (n,))
    phase = 2 * np.pi * np.cumsum(contour) / MODEL_RATE
    voice = np.zeros(n)
    for harmonic in range(1, int(5000 / contour.min()) + 1):
        voice += np.where(harmonic * contour < 5000, np.cos(harmonic * phase), 0.0) / harmonic
    for formant in formants_hz:
        radius = np.exp(-np.pi * bandwidth_hz / MODEL_RATE)
        angle = 2 * np.pi * formant / MODEL_RATE
        voice = signal.lfilter([1.0], [1.0, -2 * radius * np.cos(angle), radius**2], voice)
    return (0.5 * voice / np.abs(voice).max()).astype(np.float32)
