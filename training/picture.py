"""Spectrogram pictures without a plotting library."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_FFT = 1024
_HEIGHT = 128
_MAX_WIDTH = 600
_RANGE_DB = 70.0
_SHADES = 40
_PAPER = _SHADES
"""Palette index of white."""

_STOPS = np.array([[0, 0, 4], [40, 11, 84], [120, 28, 109], [188, 55, 84], [237, 105, 37], [252, 255, 164]])
"""Dark violet over red to pale yellow: even in lightness, so that levels can be compared."""


def write_spectrograms(path: Path, rows: list[NDArray[np.float32]], rate: int) -> None:
    """Writes one PNG with the spectrogram of each row (n,) under the other, 0 to rate / 2, 70 dB."""
    images = [_shades(x, rate) for x in rows]
    width = max(image.shape[1] for image in images)
    parts: list[NDArray[np.uint8]] = []
    for image in images:
        parts.append(np.pad(image, ((0, 0), (0, width - image.shape[1])), constant_values=_PAPER))
        parts.append(np.full((4, width), _PAPER, np.uint8))
    _write_png(path, np.concatenate(parts[:-1]), _palette())


def _shades(x: NDArray[np.float32], rate: int) -> NDArray[np.uint8]:
    """Levels of x over frequency (top is high) and time, 0 to _SHADES - 1: (128, frames)."""
    hop = max(rate // 100, len(x) // _MAX_WIDTH)
    padded = np.pad(x, _FFT)
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FFT)[:: max(1, hop)][:_MAX_WIDTH]
    power = np.square(np.abs(np.fft.rfft(frames * np.hanning(_FFT), axis=1)))[:, :-1]
    bands = power.reshape(len(power), _HEIGHT, -1).mean(axis=2)
    level = 10 * np.log10(bands + 1e-10)
    shade = np.clip((level - level.max()) / _RANGE_DB + 1, 0, 1).T[::-1]
    return np.rint(shade * (_SHADES - 1)).astype(np.uint8)


def _palette() -> NDArray[np.uint8]:
    place = np.linspace(0, len(_STOPS) - 1, _SHADES)
    colours = [np.interp(place, np.arange(len(_STOPS)), channel) for channel in _STOPS.T]
    return np.concatenate([np.stack(colours, axis=1), [[255, 255, 255]]]).astype(np.uint8)


def _write_png(path: Path, pixels: NDArray[np.uint8], palette: NDArray[np.uint8]) -> None:
    """PNG (RFC 2083) of pixels (height, width) that index the palette (colours, 3)."""
    height, width = pixels.shape
    lines = np.pad(pixels, ((0, 0), (1, 0)))  # filter type 0 before each line

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"PLTE", palette.tobytes())
    body += chunk(b"IDAT", zlib.compress(lines.tobytes(), 9)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
