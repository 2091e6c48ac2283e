"""What runs the networks: the seam between the converter and ONNX Runtime, Core ML or torch."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


class Failures:
    """How often a runtime of this process failed and ONNX Runtime went on in its place."""

    def __init__(self) -> None:
        self.count = 0


FAILURES = Failures()
"""The engine's telemetry tells it."""


class Stream(Protocol):
    """The networks' memory of one stretch of audio. `listen`, then `speak`, once per hop.

    All arrays are float32; those returned belong to the caller until the next call.
    """

    def listen(self, audio: Array) -> Array:
        """Takes the hop (1, 240) in and returns its prosody (1, 1, 3): F0 in Hz, voicing, energy."""

    def speak(self, prosody: Array, source: Array, style: Array, warp: Array) -> Array:
        """Says the hop last heard: audio (1, 240).

        prosody (1, 1, 3) with F0 as it shall be, source (1, 2, 240) pulses and noise, style from
        `Runtime.style`, warp (241, 241) as `frequency_warp` makes it.
        """


class Runtime(Protocol):
    """Networks that are ready to run, shared by all converters of the process."""

    @property
    def name(self) -> str:
        """What runs, for people: 'ONNX Runtime'."""

    @property
    def base(self) -> str:
        """Checksum of the networks, whatever runs them: a voice's refinement is for one set alone."""

    @property
    def latency(self) -> int:
        """Samples at `MODEL_RATE` by which the output trails the input beyond the hop."""

    @property
    def failures(self) -> int:
        """How often this runtime failed and another one had to go on; 0 where there is none."""

    def style(self, speaker: Array, quality: Array) -> Array:
        """speaker (1, 256) of unit length, quality (1, 2) -> style (1, S), once per voice."""

    def stream(self) -> Stream:
        """A start without past."""
