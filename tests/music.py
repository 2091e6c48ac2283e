"""Music from numbers, for want of any: chords, melodies, plucked strings, drums and all of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RATE = 24_000
SCALE = (0, 2, 4, 5, 7, 9, 11, 12, 14, 16)
PROGRESSION = ((0, 4, 7), (9, 12, 16), (5, 9, 12), (7, 11, 14))

Signal = NDArray[np.float32]
Generator = np.random.Generator


def _note(hz: float, seconds: float, rng: Generator, pluck: bool = False) -> NDArray[np.float64]:
    t = np.arange(round(seconds * RATE)) / RATE
    falls = rng.uniform(0.6, 1.4)
    x = sum(
        np.sin(2 * np.pi * k * hz * t + rng.uniform(0, 6)) / k**falls for k in range(1, 9) if k * hz < 9000
    )
    attack = np.minimum(1, t / 0.01) * np.minimum(1, (seconds - t) / 0.02)
    return x * attack * (np.exp(-3.0 * t) if pluck else 1.0)


def _hz(step: int, octave: float = 220.0) -> float:
    return octave * 2 ** (step / 12)


def chords(seconds: float, seed: int) -> Signal:
    """Held triads that change every half second to two seconds."""
    rng = np.random.default_rng(seed)
    bar, base = rng.uniform(0.5, 2.0), rng.uniform(110, 260)
    count = int(seconds / bar) + 1
    parts = [
        sum(_note(_hz(s, base), bar, rng) for s in PROGRESSION[i % len(PROGRESSION)]) for i in range(count)
    ]
    return _finish(np.concatenate(parts), seconds)


def melody(seconds: float, seed: int, pluck: bool = False) -> Signal:
    """One note after the other, an eighth to two thirds of a second each."""
    rng = np.random.default_rng(seed)
    beat, base = rng.uniform(0.12, 0.35), rng.uniform(180, 420)
    parts: list[NDArray[np.float64]] = []
    while sum(map(len, parts)) < seconds * RATE:
        parts.append(_note(_hz(int(rng.choice(SCALE)), base), beat * rng.integers(1, 3), rng, pluck))
    return _finish(np.concatenate(parts), seconds)


def plucked(seconds: float, seed: int) -> Signal:
    """A melody on a plucked string."""
    return melody(seconds, seed, pluck=True)


def drums(seconds: float, seed: int) -> Signal:
    """Kick, snare and hi-hat in common time."""
    rng = np.random.default_rng(seed)
    beat = 60 / rng.uniform(80, 150)
    x = np.zeros(round(seconds * RATE))
    t = np.arange(round(0.25 * RATE)) / RATE
    kick = np.sin(2 * np.pi * (50 * t + 60 * (1 - np.exp(-30 * t)) / 30)) * np.exp(-18 * t)
    for i in range(int(2 * seconds / beat)):
        noise = rng.standard_normal(len(t))
        hit = 0.2 * np.diff(noise, prepend=0) * np.exp(-60 * t)
        if i % 4 == 0:
            hit = hit + 1.5 * kick
        elif i % 4 == 2:
            hit = hit + 0.6 * noise * np.exp(-25 * t)
        at = round(i * beat / 2 * RATE)
        room = x[at : at + len(t)]
        room += hit[: len(room)]
    return _finish(x, seconds)


def band(seconds: float, seed: int) -> Signal:
    """Chords, a melody and drums together."""
    return _finish(
        chords(seconds, seed) + melody(seconds, seed + 1) + 1.5 * drums(seconds, seed + 2), seconds
    )


KINDS = {"chords": chords, "melody": melody, "plucked": plucked, "drums": drums, "band": band}


def _finish(x: NDArray[np.float64], seconds: float) -> Signal:
    x = np.asarray(x, np.float64)[: round(seconds * RATE)]
    return (0.1 * x / np.sqrt(np.mean(x**2))).astype(np.float32)
