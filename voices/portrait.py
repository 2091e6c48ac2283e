"""A picture for a voice that has none: a rosette of plumes drawn from the voice's own numbers.

>>> png = draw_portrait(voice)              # the same voice gives the same bytes

High voices have many narrow plumes and low ones few and broad; how they are twisted, how deep they are
cut and how their layers lie comes from the speaker embedding, or from the recipe of a preset. The colour
is the voice's. Nothing is drawn outside the disc, so it fits light and dark windows.
"""

from __future__ import annotations

import colorsys
import struct
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from voices.voice import Voice

SIZE = 256
"""Points a side."""

_FINE = 2
_SHADES = 40
_EDGES = 16
_LAYERS = 4
_TRAITS = 10
_LOW_HZ, _HIGH_HZ = 85.0, 300.0
_PRESET_HZ = 160.0
_GOLDEN = 0.6180339887

Plane = NDArray[np.float32]


def draw_portrait(voice: Voice) -> bytes:
    """The picture as a PNG file of 256 x 256 points with a palette."""
    light = _rosette(voice)
    radius = np.hypot(*_plane(SIZE, 1))
    edge = np.clip((1.0 - radius) * SIZE / 2, 0.0, 1.0)
    shade = np.rint(light * (_SHADES - 1)).astype(np.uint8)
    rim = (_SHADES + np.rint(edge * _EDGES)).astype(np.uint8)
    return _png(np.where(edge < 1.0, rim, shade), _palette(voice.colour))


def colour_of(embedding: Sequence[float]) -> str:
    """A colour (#rrggbb) for a speaker embedding: like voices have like hues."""
    x, y = _projected(embedding, _TRAITS + 2)[-2:]
    hue = float(np.arctan2(y, x)) / (2 * np.pi) % 1
    rgb = colorsys.hls_to_rgb(hue, 0.62, 0.52)
    return "#" + "".join(f"{round(255 * part):02x}" for part in rgb)


def _projected(embedding: Sequence[float], count: int) -> NDArray[np.float64]:
    """The embedding along `count` fixed directions."""
    axes = np.random.default_rng(7).normal(size=(count, len(embedding)))
    axes -= axes.mean(axis=1, keepdims=True)
    return axes @ np.asarray(embedding)


def _rosette(voice: Voice) -> Plane:
    """Brightness 0 to 1: (SIZE, SIZE), each point the mean of finer ones."""
    x, y = _plane(SIZE, _FINE)
    radius, angle = np.hypot(x, y), np.arctan2(x, -y)
    traits = _traits(voice)
    count = _plumes(voice)
    light = 0.10 + 0.14 * np.square(radius)
    twist = 1.5 * (traits[0] - 0.5)
    for layer in range(_LAYERS):
        reach = 0.93 - 0.19 * layer - 0.05 * traits[1 + layer]
        turned = angle + twist * radius + np.pi / count * (layer % 2) + 0.5 * traits[5] * layer
        edge = reach * _outline(turned, count, voice, traits)
        inside = np.clip((edge - radius) * 80 + 0.5, 0.0, 1.0)
        vein = 1.0 - 0.30 * np.exp(-np.square(np.sin(turned * count / 2) * radius * 16))
        shading = (0.24 + 0.15 * layer + 0.32 * np.square(radius / np.maximum(edge, 0.05))) * vein
        light += inside * (np.clip(shading, 0.0, 1.0) - light)
    light += np.clip((0.115 - radius) * 80 + 0.5, 0.0, 1.0) * (0.97 - light)
    veiled = _veiled(light.astype(np.float32), radius, angle, voice)
    return veiled.reshape(SIZE, _FINE, SIZE, _FINE).mean(axis=(1, 3))


def _outline(angle: Plane, count: int, voice: Voice, traits: Plane) -> Plane:
    """How far the plumes of a layer reach in each direction, 0 to 1."""
    wave = np.abs(np.cos(angle * count / 2))
    if voice.recipe.fixed_pitch_hz:
        wave = np.where(wave > 0.45, 1.0, 0.0).astype(np.float32)
    depth = 0.28 + 0.30 * traits[6]
    outline = 1.0 - depth * (1.0 - wave ** (0.35 + 1.3 * traits[7]))
    if voice.recipe.roughness:
        jagged = np.abs((angle * count * 3 / np.pi) % 2 - 1)
        outline -= 0.22 * voice.recipe.roughness * jagged
    return outline


def _veiled(light: Plane, radius: Plane, angle: Plane, voice: Voice) -> Plane:
    """Breath: the more of it a voice has, the more its plumes dissolve into dots towards the rim."""
    if not voice.recipe.whisper:
        return light
    ring = np.floor(radius * 17)
    dots = np.cos(np.pi * (radius * 34 - 1)) * np.cos(angle * np.maximum(6 * ring, 6) / 2)
    gone = np.clip((radius - 0.25) * 1.6, 0.0, 1.0) * voice.recipe.whisper
    return light + (np.where(np.abs(dots) > 0.25 + 0.45 * gone, light, 0.14) - light) * (gone > 0)


def _plumes(voice: Voice) -> int:
    """5 for the lowest voices to 14 for the highest."""
    pitch = voice.f0_median_hz or _PRESET_HZ * 2 ** (voice.recipe.pitch_semitones / 12)
    place = np.log(pitch / _LOW_HZ) / np.log(_HIGH_HZ / _LOW_HZ)
    return 5 + round(9 * float(np.clip(place, 0.0, 1.0)))


def _traits(voice: Voice) -> Plane:
    """Numbers from 0 to 1 that say how this voice differs from others."""
    if voice.embedding:
        found = _projected(voice.embedding, _TRAITS) / 0.8
    else:
        recipe = voice.recipe
        numbers = (recipe.formant_semitones, recipe.pitch_semitones, recipe.fixed_pitch_hz / 100)
        steps = np.arange(1, _TRAITS + 1) * _GOLDEN
        found = np.sin(2 * np.pi * steps + np.dot(numbers, (0.31, 0.17, 0.7)) * (1 + steps)) * 1.2
    return (0.5 + 0.5 * np.tanh(found)).astype(np.float32)


def _plane(size: int, fine: int) -> tuple[Plane, Plane]:
    """Coordinates of the points, -1 to 1 over the picture."""
    line = (2 * np.arange(size * fine, dtype=np.float32) + 1) / (size * fine) - 1
    x, y = np.meshgrid(line, line)
    return x.astype(np.float32), y.astype(np.float32)


def _palette(colour: str) -> NDArray[np.uint8]:
    """Colours (shades and edges, RGBA): dark to pale through the voice's own, then the rim's opacities."""
    own = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)], float)
    stops = np.array([own * 0.16 + 8, own * 0.62, own, own * 0.45 + 255 * 0.55, own * 0.12 + 255 * 0.88])
    place = np.linspace(0, len(stops) - 1, _SHADES)
    shades = np.stack([np.interp(place, np.arange(len(stops)), channel) for channel in stops.T], axis=1)
    rim = np.repeat(shades[round(0.24 * _SHADES)][None], _EDGES + 1, axis=0)
    opacity = np.concatenate([np.full(_SHADES, 255.0), np.linspace(0, 255, _EDGES + 1)])
    return np.rint(np.column_stack([np.concatenate([shades, rim]), opacity])).astype(np.uint8)


def _png(pixels: NDArray[np.uint8], palette: NDArray[np.uint8]) -> bytes:
    """PNG (RFC 2083) of pixels (height, width) that index the palette (colours, RGBA)."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = pixels.shape
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    lines = np.pad(pixels, ((0, 0), (1, 0)))  # filter type 0 before each line
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (
            chunk(b"IHDR", header),
            chunk(b"PLTE", palette[:, :3].tobytes()),
            chunk(b"tRNS", palette[:, 3].tobytes()),
            chunk(b"IDAT", zlib.compress(lines.tobytes(), 9)),
            chunk(b"IEND", b""),
        )
    )
