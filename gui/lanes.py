"""Pixel columns of the scope's lanes: waveform, mel spectrogram, pitch. Numpy only, no Qt.

A lane turns columns [first, last) of the history into an (height, n) uint32 picture, 0xffRRGGBB. Column
k covers samples [k * step, (k + 1) * step).
"""

from __future__ import annotations

from functools import cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gui.history import SignalHistory
from inference.converter import MODEL_RATE

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint32]
N_FFT = 1024
FLOOR_DB, CEILING_DB = -92.0, -22.0
MEL_LOW_HZ, MEL_HIGH_HZ = 50.0, 11_000.0
PITCH_LOW_HZ, PITCH_HIGH_HZ = 48.0, 900.0
PITCH_MARKS_HZ = (55.0, 110.0, 220.0, 440.0, 880.0)
WAVE_MARKS_DB = (-6.0, -24.0)
CLIP = 0.999
WAVE_EXPONENT = 0.6
"""Waveforms are drawn with compressed amplitude, so that speech at call level fills the lane."""


def rgb(colour: str) -> Floats:
    """Returns (3,) float32 0-255 for #rrggbb."""
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)], np.float32)


def packed(colours: Floats) -> Pixels:
    """Returns (...) uint32 0xffRRGGBB for (..., 3) 0-255."""
    c = colours.astype(np.uint32)
    return np.asarray(0xFF000000 | c[..., 0] << 16 | c[..., 1] << 8 | c[..., 2], np.uint32)


def colour_map(stops: tuple[str, ...], size: int = 256) -> Floats:
    """Returns (size, 3) colours, evenly spaced between the stops."""
    table = np.stack([rgb(s) for s in stops])
    at = np.linspace(0, len(stops) - 1, size)
    return np.stack([np.interp(at, np.arange(len(stops)), table[:, c]) for c in range(3)], 1).astype(
        np.float32
    )


def mel(hz: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Returns mel of Hz (O'Shaughnessy 1987)."""
    return np.asarray(2595.0 * np.log10(1.0 + np.asarray(hz) / 700.0))


def mel_rows(height: int) -> NDArray[np.float64]:
    """Returns the centre in Hz of each pixel row, highest first."""
    points = np.linspace(mel(MEL_HIGH_HZ), mel(MEL_LOW_HZ), height)
    return np.asarray(700.0 * (10.0 ** (points / 2595.0) - 1.0))


@cache
def mel_matrix(height: int) -> NDArray[np.float32]:
    """Returns (N_FFT / 2 + 1, height) triangular weights: each column sums to 1."""
    bin_hz = MODEL_RATE / N_FFT
    centres = mel_rows(height)[:, None]
    width = np.maximum(np.abs(np.gradient(centres[:, 0]))[:, None], bin_hz)
    weights = np.maximum(0.0, 1.0 - np.abs(np.arange(N_FFT // 2 + 1) * bin_hz - centres) / width)
    return np.ascontiguousarray((weights / weights.sum(1, keepdims=True)).astype(np.float32).T)


@cache
def mel_taps(height: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Returns `mel_matrix` without its zeros: (taps, height) bins and their weights.

    A hundred times fewer products than with the matrix, and none of BLAS's threads, which burn a second
    core waiting for each other where the machine is busy.
    """
    matrix = mel_matrix(height)
    first = (matrix > 0).argmax(0)
    taps = int(((matrix > 0).sum(0)).max())
    bins = np.minimum(first + np.arange(taps)[:, None], matrix.shape[0] - 1)
    inside = first + np.arange(taps)[:, None] < matrix.shape[0]
    return bins, np.where(inside, np.take_along_axis(matrix, bins, 0), 0).astype(np.float32)


def pitch_row(hz: Floats, height: int) -> Floats:
    """Returns the pixel row (may lie outside) of a pitch on the logarithmic axis; NaN stays NaN."""
    octaves = np.log2(PITCH_HIGH_HZ / PITCH_LOW_HZ)
    return ((1.0 - np.log2(hz / PITCH_LOW_HZ) / octaves) * (height - 1)).astype(np.float32)


def wave_rows(amplitude: Floats, height: int) -> Floats:
    """Returns the pixel row of amplitudes -1..1 on the compressed axis."""
    curved = np.sign(amplitude) * np.abs(np.clip(amplitude, -1, 1)) ** WAVE_EXPONENT
    return ((1.0 - curved) * (height - 1) / 2).astype(np.float32)


def background(height: int, sunken: str, grid: str, rows: Floats) -> Floats:
    """Returns an (height, 3) column of the lane's ground with grid lines at `rows`."""
    column = np.tile(rgb(sunken), (height, 1)).astype(np.float32)
    inside = np.unique(np.round(rows[(rows >= 0) & (rows <= height - 1)]).astype(int))
    column[inside] = rgb(grid)
    return column


class Lane(Protocol):
    """Draws columns; `look_ahead` is how many samples after its column it needs."""

    look_ahead: int

    def columns(self, history: SignalHistory, first: int, last: int, step: int) -> Pixels:
        """Returns (height, last - first)."""


class WaveLane:
    """Peak envelope, with the RMS body brighter inside it and clipped columns in the danger colour."""

    look_ahead = 0

    def __init__(self, channel: int, height: int, colour: str, danger: str, sunken: str, grid: str) -> None:
        self._channel, self._height = channel, height
        marks = np.array([s * 10 ** (d / 20) for d in WAVE_MARKS_DB for s in (1, -1)] + [0.0], np.float32)
        self._ground = packed(background(height, sunken, grid, wave_rows(marks, height)))[:, None]
        body = rgb(colour)
        self._body, self._clip = packed(body), packed(rgb(danger))
        self._edge = packed(body * 0.62 + rgb(sunken) * 0.38)
        self._rows = np.arange(height, dtype=np.float32)[:, None]

    def columns(self, history: SignalHistory, first: int, last: int, step: int) -> Pixels:
        """See `Lane`."""
        x = history.signal(self._channel, first * step, last * step).reshape(-1, step)
        high, low = x.max(1), x.min(1)
        rms = np.minimum(np.sqrt(np.einsum("nk,nk->n", x, x) / step), np.maximum(high, -low))
        top, bottom, body_top, body_bottom = wave_rows(np.stack([high, low, rms, -rms]), self._height)
        peak = (self._rows >= top - 0.5) & (self._rows <= bottom + 0.5)
        body = peak & (self._rows >= body_top - 0.5) & (self._rows <= body_bottom + 0.5)
        edge = np.where(np.maximum(high, -low) >= CLIP, self._clip, self._edge)
        body_colour = np.where(np.maximum(high, -low) >= CLIP, self._clip, self._body)
        return np.where(body, body_colour, np.where(peak, edge, self._ground))


class SpectrogramLane:
    """Mel spectrogram, Hann window of 43 ms, from `FLOOR_DB` to `CEILING_DB` against a full-scale sine."""

    look_ahead = N_FFT // 2

    def __init__(self, channel: int, height: int, stops: tuple[str, ...]) -> None:
        self._channel = channel
        self._height = height
        self._bins, self._weights = mel_taps(height)
        self._table = packed(colour_map(stops))
        self._window = np.hanning(N_FFT).astype(np.float32)
        self._window *= 2.0 / self._window.sum()

    def columns(self, history: SignalHistory, first: int, last: int, step: int) -> Pixels:
        """See `Lane`."""
        start = first * step + step // 2 - N_FFT // 2
        x = history.signal(self._channel, start, start + (last - first - 1) * step + N_FFT)
        if not x.any():
            return np.broadcast_to(self._table[0], (self._height, last - first))
        frames = np.lib.stride_tricks.sliding_window_view(x, N_FFT)[::step] * self._window
        spectrum = np.fft.rfft(frames, axis=1)
        power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
        power = np.einsum("nkh,kh->nh", power[:, self._bins], self._weights)
        db = 10.0 * np.log10(power + 1e-12)
        index = np.clip((db - FLOOR_DB) * (255.0 / (CEILING_DB - FLOOR_DB)), 0, 255).astype(np.uint8)
        return self._table[index].T


class PitchLane:
    """Both pitch traces over a grid of half octaves; the output's lies on top."""

    look_ahead = N_FFT // 2

    def __init__(self, height: int, colours: tuple[str, str], sunken: str, grid: str) -> None:
        self._height = height
        octaves = np.arange(-1, 9) / 2.0
        rows = pitch_row((55.0 * 2.0**octaves).astype(np.float32), height)
        self._ground = background(height, sunken, grid, rows)
        self._plain = packed(self._ground)[:, None]
        self._colours = [rgb(c) for c in colours]
        self._rows = np.arange(height, dtype=np.float32)[:, None]

    def columns(self, history: SignalHistory, first: int, last: int, step: int) -> Pixels:
        """See `Lane`."""
        edges = np.arange(first, last + 1, dtype=np.int64) * step
        rows = [pitch_row(history.f0(channel, edges), self._height) for channel in (0, 1)]
        if np.isnan(rows).all():
            return np.broadcast_to(self._plain, (self._height, last - first))
        picture = np.repeat(self._ground[:, None, :], last - first, 1)
        for row, colour in zip(rows, self._colours, strict=True):
            picture += (colour - picture) * self._cover(row[:-1], row[1:])[..., None]
        return packed(picture)

    def _cover(self, a: Floats, b: Floats) -> Floats:
        """Returns how much (0-1) each pixel is covered by a line of 2.2 px from row a to row b."""
        middle, half = (a + b) / 2, np.abs(a - b) / 2
        distance = np.abs(self._rows - middle) - half
        return np.fmin(np.fmax(1.6 - distance, 0.0), 1.0)
