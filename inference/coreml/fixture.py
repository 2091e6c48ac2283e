"""Speech with what the networks make of it in float32: what every runtime is held against."""

from __future__ import annotations

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
    audio = speech[: len(speech) // HOP * HOP].reshape(-1, HOP).astype(np.float32)
    voice = builtin_neural_voices()[0]
    speaker = np.array(voice.embedding, np.float32)[None]
    speaker /= np.linalg.norm(speaker)
    style = reference.style(speaker, np.array([CLEAN_QUALITY], np.float32))
    stream, warp = reference.stream(), frequency_warp(0.0)
    noise = np.random.default_rng(1)
    last, phase = np.zeros((1, 1)), np.zeros((1, 1))
    found, told, sources, spoken = [], [], [], []
    for hop in audio:
        prosody = stream.listen(hop[None])
        found.append(prosody[0, 0, :2].copy())
        hz = float(prosody[0, 0, 0]) if prosody[0, 0, 1] > 0.5 else 0.0
        prosody[0, 0, 0] = hz
        pulses, phase = pulse_train(np.array([[hz]]), last, phase, np)
        last = np.array([[hz]])
        noises = noise.standard_normal((1, HOP), np.float32)
        source = np.stack([pulses.astype(np.float32), noises], axis=1)
        told.append(prosody[0, 0].copy())
        sources.append(source[0])
        spoken.append(stream.speak(prosody, source, style, warp)[0].copy())
    rows = {"melody": found, "prosody": told, "source": sources, "spoken": spoken}
    return Fixture(audio=audio, style=style, **{name: np.stack(each) for name, each in rows.items()})


def snr_db(reference: Array, other: Array) -> float:
    """Decibels by which `reference` is stronger than its difference to `other`; 120 if there is none."""
    error = float(np.square(other - reference, dtype=np.float64).sum())
    power = float(np.square(reference, dtype=np.float64).sum())
    return min(120.0, 10.0 * float(np.log10((power + 1e-30) / (error + 1e-30))))
