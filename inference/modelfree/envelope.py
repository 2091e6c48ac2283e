"""Vocal-tract envelope of speech by linear prediction, and the same envelope stretched in frequency."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dposv

from audio.iir import all_pole, newest_first
from inference.converter import HOP, MODEL_RATE

Array = NDArray[np.float64]

ORDER = 28
"""Prediction order: the sample rate in kHz plus four, the usual rule for speech."""

PRE_EMPHASIS = 0.9
"""Zero of the filter that whitens speech before analysis; undone after synthesis."""

WINDOW = 720
"""Analysis window in samples (30 ms); it ends with the newest sample and peaks 10 ms before."""

_FFT = 1536
_GRID = 512
_BANDWIDTH_HZ = 40.0
_NOISE = 2e-5
_SILENCE = 1e-12
_TOEPLITZ = np.abs(np.arange(ORDER)[:, None] - np.arange(ORDER))


class EnvelopeAnalyser:
    """Autocorrelation of the newest speech, smoothed over the harmonics of its F0."""

    def __init__(self) -> None:
        rise, fall = WINDOW - HOP, HOP
        self._window = np.concatenate(
            [
                0.5 - 0.5 * np.cos(np.pi * (np.arange(rise) + 0.5) / rise),
                0.5 + 0.5 * np.cos(np.pi * (np.arange(fall) + 0.5) / fall),
            ]
        )
        self._lags = np.arange(ORDER + 1) / MODEL_RATE
        self._bandwidth = np.exp(-0.5 * (2 * np.pi * _BANDWIDTH_HZ * self._lags) ** 2)
        self._bandwidth[0] += _NOISE

    def autocorrelation(self, speech: Array, f0_hz: float) -> Array:
        """Autocorrelation at lags 0 to ORDER, (ORDER + 1,), of `speech`: (WINDOW,), pre-emphasised.

        The lag window is the transform of a smoothing of the power spectrum as wide as F0, so that the
        envelope does not follow single harmonics (Tohkura's lag window with the width of CheapTrick).
        """
        spectrum = np.fft.rfft(speech * self._window, _FFT)
        power = spectrum.real**2 + spectrum.imag**2
        correlation = np.fft.irfft(power)[: ORDER + 1] * self._bandwidth
        if f0_hz > 0:
            correlation *= np.sinc(f0_hz * self._lags)
        correlation[0] += _SILENCE
        return correlation


def predictor(correlation: Array) -> tuple[Array, float]:
    """Minimum-phase inverse filter A(z), (ORDER + 1,) with first coefficient 1, and its error power.

    `correlation`: lags 0 to ORDER. Where it is no autocorrelation, the filter passes everything.
    """
    inverse = np.zeros(ORDER + 1)
    inverse[0] = 1.0
    _, solution, failed = dposv(correlation[_TOEPLITZ], -correlation[1:])
    if failed == 0:
        inverse[1:] = solution
    return inverse, max(float(inverse @ correlation), 0.0)


class FormantWarp:
    """Stretches all-pole envelopes in frequency and keeps their power."""

    def __init__(self) -> None:
        angle = np.pi * np.arange(_GRID + 1) / _GRID
        weight = np.full(_GRID + 1, 2.0)
        weight[[0, -1]] = 1.0
        self._to_correlation = np.cos(np.outer(np.arange(ORDER + 1), angle)) * weight / (2 * _GRID)
        self._de_emphasis = weight / np.abs(1 - PRE_EMPHASIS * np.exp(-1j * angle)) ** 2
        self._set_ratio(1.0)

    def correlation(self, inverse: Array, ratio: float) -> Array:
        """Autocorrelation (ORDER + 1,) of the impulse response of 1 / A(z), stretched by `ratio`.

        `inverse`: (ORDER + 1,) coefficients of A(z). Resonances at f move to `ratio` * f; above the
        band that the source has, its last value is held. The power after de-emphasis stays.
        """
        if ratio != self._ratio:
            self._set_ratio(ratio)
        response = np.fft.rfft(inverse, 2 * _GRID)
        power = 1.0 / (response.real**2 + response.imag**2)
        below = power[self._below]
        warped = below + self._fraction * (power[self._above] - below)
        balance = float(power @ self._de_emphasis) / float(warped @ self._de_emphasis)
        correlation = self._to_correlation @ warped
        correlation *= balance
        correlation[0] *= 1.0 + 1e-7
        return correlation

    def _set_ratio(self, ratio: float) -> None:
        place = np.minimum(np.arange(_GRID + 1) / ratio, _GRID)
        self._below = place.astype(np.intp)
        self._above = np.minimum(self._below + 1, _GRID)
        self._fraction = place - self._below
        self._ratio = ratio


class AllPole:
    """Runs 1 / A(z) with coefficients that may change at any sample.

    The state is the last ORDER outputs (direct form), so that filtering by A and then by 1 / A gives
    the input back whatever happens to the coefficients.
    """

    def __init__(self) -> None:
        self._newest_first = np.zeros(ORDER)

    def reset(self) -> None:
        """Forgets the past outputs."""
        self._newest_first[:] = 0.0

    def filter(self, excitation: Array, inverse: Array, gain: float) -> Array:
        """Returns `gain` * excitation filtered by 1 / A(z); `excitation` has at least ORDER samples."""
        output = all_pole(gain * excitation, inverse, self._newest_first)
        newest_first(output, self._newest_first)
        return output
