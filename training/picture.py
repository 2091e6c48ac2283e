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
_STOPS = np.array([[0, 0, 4], [40, 11, 84], [120, 28, 109], [188, 55, 84], [237, 105, 37], [252, 255, 164]])
"""Dark violet over red to pale yellow: even in lightness, so that levels can be compared."""


def write_spectrograms(path: Path, rows: list[NDArray[np.float32]], rate: int) -> None:
    """Writes one PNG with the spectrogram of each row (n,) under the other, 0 to rate / 2, 70 dB."""
    images = [_image(x, rate) for x in rows]
    width = max(image.shape[1] for image in images)
    gap = np.full((4, width, 3), 255, np.uint8)
    parts: list[NDArray[np.uint8]] = []
    for image in images:
        padded = np.pad(image, ((0, 0), (0, width - image.shape[1]), (0, 0)), constant_values=255)
        parts += [padded, gap]
    _write_png(path, np.concatenate(parts[:-1]))


def _image(x: NDArray[np.float32], rate: int) -> NDArray[np.uint8]:
    hop = max(rate // 100, len(x) // _MAX_WIDTH)
    padded = np.pad(x, _FFT)
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FFT)[:: max(1, hop)][:_MAX_WIDTH]
    power = np.square(np.abs(np.fft.rfft(frames * np.hanning(_FFT), axis=1)))[:, :-1]
    bands = power.reshape(len(power), _HEIGHT, -1).mean(axis=2)
    level = 10 * np.log10(bands + 1e-10)
    shade = np.clip((level - level.max()) / _RANGE_DB + 1, 0, 1).T[::-1]
    place = shade * (len(_STOPS) - 1)
    low = np.minimum(place.astype(int), len(_STOPS) - 2)
    weight = (place - low)[..., None]
    return (_STOPS[low] * (1 - weight) + _STOPS[low + 1] * weight).astype(np.uint8)


def _write_png(path: Path, pixels: NDArray[np.uint8]) -> None:
    """PNG (RFC 2083) of pixels (height, width, 3)."""
    height, width, _ = pixels.shape
    lines = np.pad(pixels.reshape(height, -1), ((0, 0), (1, 0)))  # filter type 0 before each line

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines.tobytes(), 9)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
