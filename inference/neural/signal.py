"""The fixed transforms around the networks, hop by hop, by FFT.

The same numbers as `inference.networks.spectral`, whose matrix products are for training and for
runtimes without FFT; here they would cost as much as a network. All float32 at 24 kHz.
"""

from __future__ import annotations

import math

import numpy as np

from inference.networks.config import DecoderConfig, PitchConfig
from inference.networks.timing import FRAME, FRAME_HOP, HOP, RATE
from inference.networks.transforms import (
    BASIS_WIDTH,
    ENERGY_END,
    ENERGY_FLOOR,
    ENERGY_FRAME,
    GAIN_RANGE,
    LOWEST_HZ,
    MEL_BINS,
    MEL_FLOOR,
    MEL_FRAME,
    MEL_SCALE,
    POWER_FLOOR,
    RESIDUAL_RANGE,
    basis_centres,
    energy_weights,
    hann,
    mel_bands,
    pitch_bins,
)
from inference.neural.runtime import Array

MEL_MEMORY = 4
"""Mel frames a content token is computed from: its own two and the two before."""

_BINS = FRAME // 2 + 1
_GAINS = (0, 2, 5)
_LOWEST, _HIGHEST = np.array([GAIN_RANGE, GAIN_RANGE, RESIDUAL_RANGE], np.float32).T[:, :, None]
"""Of the decoder's parts these are logarithms: gains of pulses, of noise, of the free residual."""

_OVERLAP = FRAME - FRAME_HOP


class Ear:
    """What the networks hear: log spectrum for the pitch, energy, mel frames, of the audio so far."""

    def __init__(self, pitch: PitchConfig, mels: int) -> None:
        self._audio = np.zeros(pitch.frame, np.float32)
        self._window = hann(pitch.frame).astype(np.float32)
        self._bins = pitch_bins(pitch.frame, pitch.max_hz, RATE)
        self._mel_window = (MEL_SCALE * hann(MEL_FRAME)).astype(np.float32)
        self._bands = mel_bands(mels, MEL_BINS, RATE / MEL_FRAME).astype(np.float32)
        self._weights = energy_weights().astype(np.float32)
        self.mel = np.zeros((1, MEL_MEMORY, mels), np.float32)

    def hear(self, hop: Array) -> None:
        """Takes (HOP,) in; `mel` (1, MEL_MEMORY, mels), earliest first, gets its frame."""
        self._audio[:-HOP] = self._audio[HOP:]
        self._audio[-HOP:] = hop
        spectrum = np.fft.rfft(self._audio[-MEL_FRAME:] * self._mel_window)[:MEL_BINS]
        bands = np.maximum(_power(spectrum) @ self._bands, 10.0**MEL_FLOOR)
        self.mel[0, :-1] = self.mel[0, 1:]
        self.mel[0, -1] = (np.log10(bands) + 4.0) / 4.0

    def log_spectrum(self) -> Array:
        """(1, 1, bins) of the latest pitch frame."""
        power = _power(np.fft.rfft(self._audio * self._window)[: self._bins])
        return (0.5 * np.log(power + np.float32(POWER_FLOOR)))[None, None]

    def energy(self) -> float:
        """log10 of the mean square at the instant the pitch frame describes."""
        heard = self._audio[-ENERGY_END - ENERGY_FRAME : -ENERGY_END]
        return math.log10(float(np.dot(heard * heard, self._weights)) + ENERGY_FLOOR)


def _power(spectrum: np.ndarray) -> Array:
    return np.square(spectrum.real) + np.square(spectrum.imag)


class Brief:
    """The decoder's `frames` (1, 1, inputs) of one hop: units, freshness, prosody."""

    def __init__(self, config: DecoderConfig) -> None:
        self._units = config.units
        self._centres = basis_centres(config.pitch_basis)
        self.frames = np.zeros((1, 1, config.units + 3 + config.pitch_basis), np.float32)

    def write(self, units: Array | None, prosody: Array) -> None:
        """units (1, 1, units) if they are new in this hop; prosody (1, 1, 3) as `PitchTracker` gives it."""
        frame, at = self.frames[0, 0], self._units
        if units is not None:
            frame[:at] = units[0, 0]
        hz, voicing, energy = prosody[0, 0].tolist()
        frame[at : at + 3] = units is not None, voicing, 0.5 * (energy + 4.0)
        distance = (math.log2(max(hz, LOWEST_HZ)) - self._centres) / BASIS_WIDTH
        frame[at + 3 :] = np.exp(-0.5 * distance * distance) if hz > 0 else 0.0


class Mouth:
    """Filters the source by what the decoder says and overlap-adds."""

    def __init__(self) -> None:
        self._window = hann(FRAME).astype(np.float32)
        self._inverse = (hann(FRAME) / 1.5).astype(np.float32)
        self._source = np.zeros((2, _OVERLAP + HOP), np.float32)
        self._frames = np.zeros((2, 2, FRAME), np.float32)
        self._filter = np.zeros((2, _BINS), np.complex64)
        self._sum = np.zeros(_OVERLAP + HOP, np.float32)
        self._warp: Array | None = None
        self._low: np.ndarray | None = None
        self._share: Array = np.zeros(0, np.float32)

    def speak(self, parts: Array, source: Array, warp: Array) -> Array:
        """parts (1, 2, 6 * bins) of the decoder, source (1, 2, HOP), warp (bins, bins) -> (1, HOP).

        See `Decoder.speak`; a warp is recognised by the array's identity.
        """
        parts = self._warped(parts.reshape(2, -1, _BINS), warp)
        spoken = np.fft.irfft(self._filtered(parts, self._analysed(source[0])), FRAME) * self._inverse
        total = self._sum
        for frame, audio in enumerate(spoken):
            total[frame * FRAME_HOP : frame * FRAME_HOP + FRAME] += audio
        done = total[:HOP].copy()
        total[:_OVERLAP] = total[HOP:]
        total[_OVERLAP:] = 0.0
        return done[None]

    def _analysed(self, source: Array) -> np.ndarray:
        """Spectra of both frames of both sources: (2 sources, 2 frames, bins)."""
        past = self._source
        past[:, :_OVERLAP] = past[:, HOP:]
        past[:, _OVERLAP:] = source
        for frame in range(2):
            start = frame * FRAME_HOP
            np.multiply(past[:, start : start + FRAME], self._window, out=self._frames[:, frame])
        return np.fft.rfft(self._frames)

    def _filtered(self, parts: Array, spectra: np.ndarray) -> np.ndarray:
        """The gains of `Decoder.filter`, parts (2, 6, bins), on the spectra: (2, bins)."""
        logs = parts[:, _GAINS]
        np.maximum(logs, _LOWEST, out=logs)
        np.minimum(logs, _HIGHEST, out=logs)
        gain, breath, level = np.exp(logs, out=logs).transpose(1, 0, 2)
        turn, out = parts[:, 1], self._filter
        np.multiply(gain, np.cos(turn), out=out.real)
        np.multiply(gain, np.sin(turn), out=out.imag)
        out *= spectra[0]
        out += breath * spectra[1]
        out.real += level * parts[:, 3]
        out.imag += level * parts[:, 4]
        return out

    def _warped(self, parts: Array, warp: Array) -> Array:
        """parts (2, 6, bins) times the warp, which draws each bin from two neighbours."""
        if warp is not self._warp:
            self._warp, bins = warp, np.arange(_BINS)
            low = np.minimum((warp != 0).argmax(0), _BINS - 2)
            self._share = warp[low + 1, bins]
            self._low = None if np.array_equal(low[:-1], bins[:-1]) and not self._share[:-1].any() else low
        if self._low is None:
            return parts
        below, above = np.take(parts, self._low, axis=2), np.take(parts, self._low + 1, axis=2)
        return below + (above - below) * self._share
