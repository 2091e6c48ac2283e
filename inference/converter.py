"""What every converter is: a causal, stateful block-to-block map at the model rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from inference.median import RunningMedian
from voices.tuning import Tuning

MODEL_RATE = 24_000
"""Sample rate of every converter, Hz."""

HOP = 240
"""Samples a converter takes and gives per step: 10 ms at `MODEL_RATE`."""

Block = NDArray[np.float32]


@dataclass(frozen=True)
class PitchFrame:
    """Pitch of one hop: F0 in Hz (0 = unvoiced) of the input and of the output, voicing probability 0-1."""

    input_hz: float = 0.0
    output_hz: float = 0.0
    voicing: float = 0.0


class Converter(Protocol):
    """One voice being spoken.

    Called from one thread only. `process` keeps to bounded work and memory and raises nothing: it
    turns non-finite input into silence.

    >>> converter.warm_up()
    >>> y = converter.process(x, Tuning(pitch_semitones=3))   # (240,) float32 -> (240,) float32
    >>> converter.pitch.input_hz
    """

    @property
    def latency_samples(self) -> int:
        """Algorithmic latency beyond the hop itself, samples at `MODEL_RATE`."""

    @property
    def pitch(self) -> PitchFrame:
        """Pitch of the hop processed last."""

    def process(self, block: Block, controls: Tuning) -> Block:
        """Returns the next `HOP` output samples for the next `HOP` input samples, both in [-1, 1].

        The array belongs to the converter and is valid until the next call.
        """

    def reset(self) -> None:
        """Forgets the past: the same input gives the same bits again."""

    def warm_up(self) -> None:
        """Does whatever makes the first `process` as fast as the others, then resets."""


@runtime_checkable
class PitchMatcher(Protocol):
    """What a converter has besides that goes by the range of whoever speaks."""

    @property
    def speaker(self) -> RunningMedian:
        """What is known of the speaker's range; it may be told what to expect."""


@runtime_checkable
class BlockConverter(Protocol):
    """What a converter tells besides that computes blocks of several hops beside the engine's loop."""

    @property
    def block_samples(self) -> int:
        """How much of `latency_samples` is waiting for a block to fill."""

    @property
    def compute_samples(self) -> int:
        """How much of `latency_samples` is time given to the computer."""

    @property
    def late_hops(self) -> int:
        """Hops of silence since the last reset because a block was not ready, or failed."""

    @property
    def load(self) -> float:
        """Time that a block takes over its length, of late."""
