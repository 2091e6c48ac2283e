"""A voice in place of networks: says its source through a short filter, so that what comes out is known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.rvc.facts import RvcFacts
from inference.rvc.synthesis import Array, Synthesis

CHANNELS = 3


def facts(rate: int = 40_000, has_pitch: bool = True) -> RvcFacts:
    """Of a voice with three content channels."""
    return RvcFacts("stand-in", "v2", rate, rate // 100, CHANNELS, has_pitch, 1, 2, 24, "0" * 64)


class StandIn:
    """Content, index and networks in one.

    `asked` collects what the index was asked for; `frames` is what the prior saw last; `broken` gives NaN.
    """

    def __init__(self, about: RvcFacts) -> None:
        self.facts = about
        self.asked: list[int] = []
        self.broken = False
        self.frames = 0

    def features(self, audio: Array, version: str) -> Array:
        """The level of each 25 ms in the first channel, its number in the second."""
        starts = np.arange((len(audio) - 400) // 320 + 1) * 320
        level = np.array([np.sqrt(np.mean(audio[s : s + 400] ** 2)) for s in starts])
        return np.stack([level, np.arange(len(starts)), 0 * level], axis=1).astype(np.float32)

    def blend(self, features: Array, rate: float) -> Array:
        """Moves the third channel to 1."""
        self.asked.append(len(features))
        return features + np.array([0.0, 0.0, rate], np.float32)

    def prior(self, phone: Array, coarse: NDArray[np.int64]) -> tuple[Array, Array]:
        """The level as mean, hardly any spread."""
        self.frames = len(phone)
        mean = np.stack([phone[:, 0], coarse.astype(np.float32)])
        return mean, np.full_like(mean, -30.0)

    def flow(self, latent: Array, speaker: int) -> Array:
        """Nothing."""
        return latent

    def decode(self, latent: Array, source: Array | None, speaker: int) -> Array:
        """The source averaged over 3 samples, three times as loud; noise without one."""
        if self.broken:
            return np.full(latent.shape[1] * self.facts.hop, np.nan, np.float32)
        if source is None:
            source = np.random.default_rng(1).normal(0, 0.05, latent.shape[1] * self.facts.hop)
        return np.convolve(3 * source, np.ones(3) / 3, "same").astype(np.float32)


def synthesis(rate: int = 40_000, has_pitch: bool = True, index: bool = False) -> Synthesis:
    """The stand-in as everything a voice needs."""
    voice = StandIn(facts(rate, has_pitch))
    return Synthesis(voice, voice, voice if index else None)
