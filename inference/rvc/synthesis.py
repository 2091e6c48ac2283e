"""From speech and a melody to an RVC voice's sound: what the live stream and whole files share.

Letters in shapes: T frames of 10 ms, C content channels, L latent channels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from audio.resample import resample_offline
from inference.rvc.excitation import coarse_pitch
from inference.rvc.facts import RvcFacts
from inference.rvc.model import PRIOR_SPREAD

Array = NDArray[np.float32]

CONTENT_RATE = 16_000
CONTENT_FRAME = CONTENT_RATE // 100
LEAST_FRAMES = 4
"""The content encoder hears 25 ms at once."""

_INDEX_SHARE = 0.75
"""How far features go to the voice's own where the timbre slider is at 100 %."""

_ASKED_AT_ONCE = 64
"""Features for which neighbours are found at once: each takes most of a megabyte meanwhile."""

_PROTECT = 0.33
"""Share of the index that counts in unvoiced frames, so that consonants stay the speaker's."""


class Content(Protocol):
    """What turns speech into content features."""

    def features(self, audio: Array, version: str) -> Array:
        """audio (n,) at 16 kHz -> (floor((n - 400) / 320) + 1, C) as voices of `version` want them."""


class Blender(Protocol):
    """What moves features towards those of the voice."""

    def blend(self, features: Array, rate: float) -> Array:
        """features (n, C) -> (n, C), a share `rate` of the way to their nearest neighbours."""


class Model(Protocol):
    """The networks of a voice: `inference.rvc.model.RvcModel`."""

    @property
    def facts(self) -> RvcFacts:
        """What is known of the voice."""

    def prior(self, phone: Array, coarse: NDArray[np.int64]) -> tuple[Array, Array]:
        """phone (T, C), coarse (T,) -> mean and log-scale (L, T)."""

    def flow(self, latent: Array, speaker: int) -> Array:
        """(L, T) -> (L, T)."""

    def decode(self, latent: Array, source: Array | None, speaker: int) -> Array:
        """latent (L, T), source (T * hop,) -> audio (T * hop,)."""


@dataclass(frozen=True)
class Timbre:
    """Sliders that the networks see. `formant`: factor on the resonances; `share`: of the index, 0 to 1."""

    formant: float = 1.0
    share: float = _INDEX_SHARE

    @staticmethod
    def of(formant_semitones: float, timbre: float) -> Timbre:
        """The factors that the sliders of a `Tuning` mean."""
        return Timbre(2.0 ** (formant_semitones / 12), min(_INDEX_SHARE * timbre, 1.0))


@dataclass(frozen=True)
class Synthesis:
    """A voice with everything it needs to speak. One thread at a time."""

    model: Model
    content: Content
    retrieval: Blender | None = None
    speaker: int = 0

    @property
    def facts(self) -> RvcFacts:
        """What is known of the voice."""
        return self.model.facts

    def phone(self, audio: Array, f0: Array, share: float, since: int = 0) -> Array:
        """Content of audio (T * 160,) at 16 kHz: (T, C); f0 (T,) says which frames are voiced.

        Frames before `since` stay as they were heard: the index is the dearer the more it is asked.
        """
        found = self.content.features(audio, self.facts.version)
        heard = np.concatenate((found, found[-1:]))
        if self.retrieval is None or share == 0:
            return _widened(heard, len(f0))
        moved = heard.copy()
        for begin in range(since // 2, len(heard), _ASKED_AT_ONCE):
            asked = slice(begin, begin + _ASKED_AT_ONCE)
            moved[asked] = self.retrieval.blend(heard[asked], share)
        phone = _widened(moved, len(f0))
        if self.facts.has_pitch:
            unvoiced = f0 == 0
            own = _widened(heard, len(f0))[unvoiced]
            phone[unvoiced] = own + np.float32(_PROTECT) * (phone[unvoiced] - own)
        return phone

    def latent(self, phone: Array, f0: Array, noise: Array, window: int, formant: float = 1.0) -> Array:
        """The decoder's input for the last `window` frames: (L, window).

        phone (T, C); f0 (T,) Hz as it shall be heard; noise (L, T) standard normal. The prior sees all T
        frames, the flow those it can reach from the window.
        """
        mean, log_scale = self.model.prior(phone, coarse_pitch(f0 / formant))
        reach = min(mean.shape[1], window + self.facts.flow_context)
        spread = np.exp(log_scale[:, -reach:]) * np.float32(PRIOR_SPREAD)
        sample = mean[:, -reach:] + spread * noise[:, -reach:]
        return self.model.flow(sample, self.speaker)[:, -window:]

    def sound(self, latent: Array, source: Array, formant: float = 1.0) -> Array:
        """latent (L, T), source (T * hop,) -> audio (T * hop,) at the voice's rate.

        For another `formant` the voice says it slower by that factor, and is played faster: what has its
        pitch put right by that is higher in its resonances.
        """
        frames, hop = latent.shape[1], self.facts.hop
        driven = source if self.facts.has_pitch else None
        if formant == 1.0:
            return self.model.decode(latent, driven, self.speaker)
        slow = math.ceil(frames * formant)
        if driven is not None:
            driven = _stretched(driven[None], slow * hop)[0]
        audio = self.model.decode(_stretched(latent, slow), driven, self.speaker)
        return np.resize(resample_offline(audio, slow, frames), frames * hop)


def _widened(features: Array, frames: int) -> Array:
    """20 ms features (n, C) as 10 ms frames (frames, C)."""
    return np.repeat(features, 2, axis=0)[:frames]


def _stretched(x: Array, count: int) -> Array:
    """x (channels, n) -> (channels, count), linearly interpolated."""
    place = (np.arange(count) + 0.5) * x.shape[1] / count - 0.5
    place = np.clip(place, 0.0, x.shape[1] - 1.0)
    low = np.minimum(place.astype(np.int64), max(0, x.shape[1] - 2))
    weight = (place - low).astype(np.float32)
    high = np.minimum(low + 1, x.shape[1] - 1)
    return x[:, low] * (1 - weight) + x[:, high] * weight
