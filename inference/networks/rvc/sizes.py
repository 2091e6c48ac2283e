"""Sizes of an RVC voice, without torch: what its checkpoint's config says and its weights confirm."""

from __future__ import annotations

import math
from dataclasses import dataclass

FRAME_RATE = 100
"""Frames of 10 ms per second, of every RVC voice."""

PITCH_BINS = 256
"""Entries of the pitch embedding; bin 0 is never used."""


@dataclass(frozen=True)
class RvcSizes:
    """What fixes every shape of the networks.

    `content`, `latent`, `hidden`, `filter`, `conditioning` are channels; `kernel` is the feed-forward's.
    `rates` and `kernels` are the decoder's upsampling stages, `block_kernels` and `block_dilations` its
    residual blocks'. `pitch` says whether the voice takes F0.
    """

    content: int
    latent: int
    hidden: int
    filter: int
    heads: int
    layers: int
    kernel: int
    block_kernels: tuple[int, ...]
    block_dilations: tuple[tuple[int, ...], ...]
    rates: tuple[int, ...]
    kernels: tuple[int, ...]
    initial: int
    speakers: int
    conditioning: int
    sample_rate: int
    pitch: bool

    @property
    def hop(self) -> int:
        """Samples per frame at `sample_rate`."""
        return math.prod(self.rates)
