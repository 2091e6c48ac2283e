"""Noise suppression: the WebRTC suppressor of the library pywebrtc-audio, in blocks of any length."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pywebrtc_audio import NoiseSuppressor

Block = NDArray[np.float32]

FRAME = 160
"""Samples the suppressor works on at once."""

_OVERLAP = 96
"""By how many samples its analysis window overlaps, which is its delay."""

_NOMINAL_RATE = 16_000
"""The suppressor believes to be at 16 kHz, where it has no band-splitting filters. At 24 kHz it so takes
6.7 ms for a frame, 12 kHz for its only band, and the delay of a filter bank is saved."""

_STRONGEST = 3
_FILLING = 2
"""Blocks for which a suppressor just switched on runs unheard, beyond its delay."""


class Denoiser:
    """Attenuates steady noise between and below speech, by `strength` of what the suppressor would.

    At strength 0 the block is returned untouched, at once and at no cost. Switching on runs the
    suppressor until it has filled and then cross-fades in one block to the delayed signal; switching off
    cross-fades back. Blocks have one length, of which `latency_samples` depends.

    >>> denoiser = Denoiser(240)
    >>> denoiser.process(block, strength=0.8)       # in place
    """

    def __init__(self, block: int) -> None:
        """`block`: samples per call."""
        # Frames that are still incomplete when a block ends wait for the next one.
        self._delay = FRAME - int(np.gcd(FRAME, block)) + _OVERLAP
        self._suppressor = NoiseSuppressor(_NOMINAL_RATE, 1, _STRONGEST)
        self._rise = np.arange(1, block + 1, dtype=np.float32) / np.float32(block)
        self._history = np.zeros(self._delay + block, np.float32)
        self._waiting = np.zeros(block + FRAME, np.float32)
        self._clean = np.zeros(block + 2 * FRAME, np.float32)
        self.reset()

    @property
    def latency_samples(self) -> int:
        """Delay of what was returned last, in samples: 0 while switched off."""
        return self._delay if self._heard else 0

    def reset(self) -> None:
        """Forgets the past; a first block with a strength is suppressed from its first sample on."""
        self._running = self._heard = False
        self._begun = False
        self._strength = 0.0

    def process(self, block: Block, strength: float) -> Block:
        """Denoises `block` in place and returns it, `latency_samples` late; `strength` 0 to 1."""
        begun, self._begun = self._begun, True
        if strength <= 0.0 and not self._running:
            return block
        if not self._running:
            self._start(strength, heard=not begun)
        mixed = self._mix(block, strength)
        if not self._heard:
            self._filling -= 1
            if self._filling >= 0:
                return block
            self._heard = True
            block += self._rise * (mixed - block)
        elif strength <= 0.0:
            self._running = self._heard = False
            block[:] = mixed + self._rise * (block - mixed)
        else:
            block[:] = mixed
        return block

    def _start(self, strength: float, heard: bool) -> None:
        self._suppressor.reset()
        self._history[:] = self._clean[:] = 0.0
        self._waited, self._ready = 0, self._delay - _OVERLAP
        self._running, self._heard = True, heard
        self._strength = strength
        self._filling = _FILLING

    def _mix(self, block: Block, strength: float) -> Block:
        """The delayed block, `strength` of the way to the suppressed one."""
        count = len(block)
        self._history[:-count] = self._history[count:]
        self._history[-count:] = block
        delayed = self._history[:count]
        way = self._strength + (max(strength, 0.0) - self._strength) * self._rise
        self._strength = max(strength, 0.0)
        return delayed + way * (self._suppress(block) - delayed)

    def _suppress(self, block: Block) -> Block:
        """Whole frames through the suppressor; returns as many samples as came."""
        count = len(block)
        np.clip(block, -1.0, 1.0, out=self._waiting[self._waited : self._waited + count])
        self._waited += count
        whole = self._waited // FRAME * FRAME
        if whole:
            self._clean[self._ready : self._ready + whole] = self._suppressor.process(self._waiting[:whole])
            self._waiting[: self._waited - whole] = self._waiting[whole : self._waited]
            self._waited -= whole
            self._ready += whole
        out = self._clean[:count].copy()
        self._clean[:-count] = self._clean[count:]
        self._ready -= count
        return out
