"""A look-ahead peak limiter, the last thing before the output."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from audio.levels import db_to_gain, gain_to_db, make_finite

Block = NDArray[np.float32]

_LONGEST = 4096
"""Samples worked on at once, so that the decay below stays far inside the range of float64."""

_NEGLIGIBLE = 1e-5
"""Gain reduction that counts as none: 0.0001 dB."""


class Limiter:
    """Keeps every sample within the ceiling and turns NaN and infinity into silence.

    A bit-exact delay of `latency_samples` while nothing exceeds the ceiling. Gain reduction is held
    over the look-ahead, decays exponentially and is averaged over the look-ahead: a peak is met by a
    ramp that is complete when the peak comes out. It acts on samples; peaks between them may be higher.

    >>> limiter = Limiter(24_000)
    >>> block = limiter.process(block)      # in place
    """

    def __init__(
        self, rate: int, ceiling_db: float = -1.0, look_ahead_ms: float = 1.0, release_ms: float = 80.0
    ) -> None:
        """`rate` in Hz; `ceiling_db` in dB full scale; `release_ms` is the time constant of recovery."""
        # float32 rounded down: the promise is about the samples that come out.
        self.ceiling = float(np.nextafter(np.float32(db_to_gain(ceiling_db)), np.float32(0.0)))
        self._look_ahead = max(1, round(rate * look_ahead_ms / 1000.0))
        decay = math.exp(-1000.0 / (rate * release_ms))
        self._decay = decay ** np.arange(1, _LONGEST + 1, dtype=np.float64)
        self.reset()

    @property
    def latency_samples(self) -> int:
        """Delay from input to output in samples."""
        return self._look_ahead

    @property
    def gain_db(self) -> float:
        """Gain at the end of the last block, 0 when nothing is being limited."""
        return gain_to_db(1.0 - self._reduction)

    def reset(self) -> None:
        """Forgets the past: the same input gives the same bits again."""
        self._tail = np.zeros(self._look_ahead, np.float32)
        self._wanted = np.zeros(self._look_ahead)
        self._held = np.zeros(self._look_ahead)
        self._reduction = 0.0
        self._idle = True

    def process(self, block: Block) -> Block:
        """Limits `block`: (n,) float32 in place and returns it, `latency_samples` late."""
        make_finite(block)
        for start in range(0, len(block), _LONGEST):
            self._process_part(block[start : start + _LONGEST])
        return block

    def _process_part(self, block: Block) -> None:
        joined = np.concatenate((self._tail, block))
        count = len(block)
        loud = float(block.max()) > self.ceiling or -float(block.min()) > self.ceiling
        self._tail = joined[count:].copy()
        block[:] = joined[:count]
        if self._idle and not loud:
            return
        reduction = self._reductions(joined[self._look_ahead :])
        block *= 1.0 - reduction
        np.clip(block, -self.ceiling, self.ceiling, out=block)
        self._reduction = float(reduction[-1])
        self._idle = not loud and not self._wanted.any() and not self._held.any()
        if self._idle:
            self._reduction = 0.0

    def _reductions(self, ahead: Block) -> NDArray[np.float64]:
        """Returns 1 - gain for the samples that come out now, from those that went in: (n,)."""
        reach = self._look_ahead
        count = len(ahead)
        excess = np.maximum(np.abs(ahead.astype(np.float64)), self.ceiling)
        wanted = np.concatenate((self._wanted, 1.0 - self.ceiling / excess))
        self._wanted = wanted[count:]
        peak = _running_maximum(wanted, reach + 1)
        # h[n] = max(peak[n], decay h[n-1]), as a running maximum of what has been divided by decay^n.
        decay = self._decay[:count]
        released = np.maximum(np.maximum.accumulate(peak / decay), self._held[-1]) * decay
        released[released < _NEGLIGIBLE] = 0.0
        held = np.concatenate((self._held, released))
        self._held = held[count:]
        total = np.cumsum(held)
        total[reach:] -= np.concatenate(([0.0], total[: count - 1]))
        return np.asarray(np.clip(total[reach:] / (reach + 1), 0.0, 1.0))


def _running_maximum(x: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Returns the largest of each `width` neighbours: (n,) -> (n - width + 1,), by doubling."""
    reached = 1
    while reached < width:
        shift = min(reached, width - reached)
        x = np.maximum(x[:-shift], x[shift:])
        reached += shift
    return x
