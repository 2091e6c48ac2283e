"""Small voices for tests: 256 random numbers, two clips of a tenth of a second, a picture of one point."""

from __future__ import annotations

import struct
import zlib

import numpy as np

from voices.archive import Clip, Consent, VoiceArchive
from voices.tuning import Tuning
from voices.voice import Voice, VoiceKind

CONSENT = Consent("Ada Nowak", "2026-11-22", "recorded at home", "I agree.")


def a_voice(name: str = "Ada", seed: int = 0) -> Voice:
    """A neural voice with an embedding of its own."""
    vector = np.random.default_rng(seed).normal(size=256)
    return Voice(
        id="ada",
        name=name,
        description="A voice for tests.",
        kind=VoiceKind.NEURAL,
        embedding=tuple(round(float(value), 7) for value in vector / np.linalg.norm(vector)),
        f0_median_hz=180.0,
        licence="private",
        source="made up",
        tuning=Tuning(pitch_semitones=-2.0, match_pitch=False),
        f0_low_hz=120.0,
        f0_high_hz=260.0,
    )


def a_clip(seed: int = 0, rate: int = 8_000) -> Clip:
    """A tenth of a second of noise."""
    samples = 0.1 * np.random.default_rng(seed).standard_normal(rate // 10).astype(np.float32)
    return Clip.from_samples(samples, rate, f"clip {seed}")


def a_picture(width: int = 1, height: int = 1) -> bytes:
    """A grey PNG."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"\0" * (width + 1) * height)
    end = chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + end


def an_archive(name: str = "Ada", seed: int = 0) -> VoiceArchive:
    """All of a voice."""
    return VoiceArchive(a_voice(name, seed), CONSENT, (a_clip(seed), a_clip(seed + 1)), a_picture())
