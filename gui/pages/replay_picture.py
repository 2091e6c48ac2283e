"""Waveform, spectrogram and pitch of several takes laid over each other. Numpy only, no Qt.

Each take adds light (dark theme: screen) or ink (light theme: multiply) of its own colour, so that what
two takes share looks different from what only one has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gui.lanes import (
    CEILING_DB,
    FLOOR_DB,
    N_FFT,
    Floats,
    Pixels,
    mel_taps,
    pitch_row,
    rgb,
    wave_rows,
)
from inference.converter import HOP
from inference.likeness import Reading, read
from inference.replay import Take, render
from voices.tuning import Tuning
from voices.voice import Voice

MEL_ROWS = 128
_LINE_PX = 1.3
_WAVE_LIGHT = 0.75


@dataclass(frozen=True)
class Picture:
    """What is drawn of a take, per hop: `mel` (MEL_ROWS, hops) 0-255, lowest and highest sample, F0 in Hz."""

    mel: NDArray[np.uint8]
    low: Floats
    high: Floats
    f0_hz: Floats


@dataclass(frozen=True)
class Layer:
    """A picture in its colour, #rrggbb; `strength` 0 to 1 is how much it stands out."""

    picture: Picture
    colour: str
    strength: float = 1.0


def render_shown(source: Floats, voice: Voice | None, tuning: Tuning) -> tuple[Take, Picture, Reading]:
    """Renders a take and what is shown of it; made for a process beside the window."""
    take = render(source, voice, tuning)
    target = voice.embedding if voice else ()
    return take, picture_of(take), read(source, take.samples, target)


def picture_of(take: Take) -> Picture:
    """Returns what is drawn of a take."""
    x = take.samples
    hops = x.reshape(-1, HOP)
    return Picture(_mel(x), hops.min(axis=1), hops.max(axis=1), take.f0_hz)


def _mel(x: Floats) -> NDArray[np.uint8]:
    """Mel levels of x (n,), highest row first: (MEL_ROWS, n // HOP)."""
    bins, weights = mel_taps(MEL_ROWS)
    window = np.hanning(N_FFT).astype(np.float32)
    window *= 2.0 / window.sum()
    start = N_FFT // 2 - HOP // 2
    padded = np.pad(x, (start, N_FFT))
    frames = np.lib.stride_tricks.sliding_window_view(padded, N_FFT)[: len(x) : HOP]
    spectrum = np.fft.rfft(frames * window, axis=1)
    power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
    db = 10 * np.log10(np.einsum("nkh,kh->hn", power[:, bins], weights) + 1e-12)
    return np.clip((db - FLOOR_DB) * (255 / (CEILING_DB - FLOOR_DB)), 0, 255).astype(np.uint8)


def spectrum_pixels(layers: Sequence[Layer], width: int, height: int, ground: str, dark: bool) -> Pixels:
    """Returns (height, width) 0xffRRGGBB of the spectrograms over each other."""
    rows = np.arange(height) * MEL_ROWS // height
    return _blend(
        [
            (
                layer.picture.mel[rows][:, _columns(layer, width)] * np.float32(layer.strength / 255),
                layer.colour,
            )
            for layer in layers
        ],
        (height, width),
        ground,
        dark,
    )


def wave_pixels(layers: Sequence[Layer], width: int, height: int, ground: str, dark: bool) -> Pixels:
    """Returns (height, width) of the waveforms over each other, on the scope's compressed scale."""
    rows = np.arange(height, dtype=np.float32)[:, None]
    covers = []
    for layer in layers:
        at = _columns(layer, width)
        top, bottom = (wave_rows(y[at], height) for y in (layer.picture.high, layer.picture.low))
        cover = (rows >= top - 0.5) & (rows <= bottom + 0.5)
        covers.append((cover * np.float32(_WAVE_LIGHT * layer.strength), layer.colour))
    return _blend(covers, (height, width), ground, dark)


def pitch_pixels(layers: Sequence[Layer], width: int, height: int, ground: str, dark: bool) -> Pixels:
    """Returns (height, width) of the pitch traces over each other."""
    rows = np.arange(height, dtype=np.float32)[:, None]
    covers = []
    for layer in layers:
        hz = layer.picture.f0_hz
        at = pitch_row(np.where(hz > 0, hz, np.nan).astype(np.float32), height)
        here, later = at[_columns(layer, width)], at[np.minimum(_columns(layer, width) + 1, len(at) - 1)]
        joined = np.where(np.abs(later - here) < height / 6, later, here)
        distance = np.abs(rows - (here + joined) / 2) - np.abs(joined - here) / 2
        line = np.fmin(np.fmax(_LINE_PX + 0.5 - distance, 0), 1).astype(np.float32)
        covers.append((line * np.float32(layer.strength), layer.colour))
    return _blend(covers, (height, width), ground, dark)


def _columns(layer: Layer, width: int) -> NDArray[np.intp]:
    """The hop of each pixel column."""
    return np.arange(width) * len(layer.picture.low) // width


def _blend(covers: Sequence[tuple[Floats, str]], shape: tuple[int, int], ground: str, dark: bool) -> Pixels:
    """Lays (cover 0-1, colour) over the ground: light adds up on dark, ink on light."""
    pixels = np.full(shape, 0xFF000000, np.uint32)
    for channel, shift in enumerate((16, 8, 0)):
        base = rgb(ground)[channel]
        plane = np.full(shape, 255 - base if dark else base, np.float32)
        for cover, colour in covers:
            tint = rgb(colour)[channel] / np.float32(255)
            plane *= 1 - cover * (tint if dark else 1 - tint)
        pixels |= (255 - plane if dark else plane).astype(np.uint32) << np.uint32(shift)
    return pixels
