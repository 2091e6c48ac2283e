"""Speech with what the networks make of it in float32: what every runtime is held against."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from inference.converter import HOP, MODEL_RATE
from inference.networks.excitation import pulse_train
from inference.neural.converter import CLEAN_QUALITY, frequency_warp
from inference.neural.runtime import Array, Runtime
from inference.sample import bundled_speech
from voices.builtin_neural import builtin_neural_voices

HOPS = 300
"""3 s."""


@dataclass(frozen=True)
class Fixture:
    """Per hop, float32: `audio` (n, 240) heard; `melody` (n, 2) F0 in Hz and voicing found in it; `prosody`
    (n, 3) and `source` (n, 2, 240) to speak with; `spoken` (n, 240). Once: `style` (S,)."""

    audio: Array
    melody: Array
    prosody: Array
    source: Array
    spoken: Array
    style: Array

    def save(self, path: Path) -> None:
        """Writes an `.npz` file."""
        np.savez_compressed(path, **{f.name: getattr(self, f.name) for f in fields(self)})

    @staticmethod
    def load(path: Path) -> Fixture:
        """Reads what `save` wrote; raises OSError, ValueError or KeyError."""
        with np.load(path, allow_pickle=False) as arrays:
            return Fixture(**{f.name: arrays[f.name].astype(np.float32) for f in fields(Fixture)})


def make_fixture(reference: Runtime, speech: Array | None = None) -> Fixture:
    """Lets `reference` speak whole hops of `speech` (n,) at 24 kHz, 3 s of the bundled sample by default."""
    speech = bundled_speech(MODEL_RATE)[: HOPS * HOP] if speech is None else speech
    style = fixture_style(reference)
    hops = list(spoken_hops(reference, speech, style))
    names = ("audio", "melody", "prosody", "source", "spoken")
    return Fixture(style=style, **{name: np.stack([getattr(hop, name) for hop in hops]) for name in names})


def fixture_style(reference: Runtime) -> Array:
    """The style of the first built-in neural voice."""
    speaker = np.array(builtin_neural_voices()[0].embedding, np.float32)[None]
    return reference.style(speaker / np.linalg.norm(speaker), np.array([CLEAN_QUALITY], np.float32))


def spoken_hops(reference: Runtime, speech: Array, style: Array) -> Iterator[Fixture]:
    """What `reference` makes of `speech` (n,), hop by hop: fixtures of one hop, without its dimension."""
    stream, warp, noise = reference.stream(), frequency_warp(0.0), np.random.default_rng(1)
    last, phase = np.zeros((1, 1)), np.zeros((1, 1))
    for audio in speech[: len(speech) // HOP * HOP].reshape(-1, HOP).astype(np.float32):
        prosody = stream.listen(audio[None])
        melody = prosody[0, 0, :2].copy()
        hz = float(melody[0]) if melody[1] > 0.5 else 0.0
        prosody[0, 0, 0] = hz
        pulses, phase = pulse_train(np.array([[hz]]), last, phase, np)
        last = np.array([[hz]])
        noises = noise.standard_normal((1, HOP), np.float32)
        source = np.stack([pulses.astype(np.float32), noises], axis=1)
        told = prosody[0, 0].copy()
        spoken = stream.speak(prosody, source, style, warp)[0].copy()
        yield Fixture(audio, melody, told, source[0], spoken, style)


def snr_db(reference: Array, other: Array) -> float:
    """Decibels by which `reference` is stronger than its difference to `other`; 120 if there is none."""
    error = float(np.square(other - reference, dtype=np.float64).sum())
    power = float(np.square(reference, dtype=np.float64).sum())
    return min(120.0, 10.0 * float(np.log10((power + 1e-30) / (error + 1e-30))))
