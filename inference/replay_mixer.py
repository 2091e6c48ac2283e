"""Plays several takes in step and goes from one to another without a click.

Runs in the player's process (inference/replay_player.py), ahead of the device. Every jump (loop edge,
seek, pause) lies between a fade out and a fade in; takes are cross-faded at the same sample.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

JUMP_FADE_S = 0.005
CROSS_FADE_S = 0.012
"""Takes are alike in time, so a short linear cross-fade between them is not heard as a dip."""

_LONGEST = 4096


class Source(Protocol):
    """Something to play, by sample number."""

    def __len__(self) -> int:
        """Samples in all."""

    def read(self, start: int, stop: int) -> Samples:
        """Returns samples [start, stop): (stop - start,) float32."""


class ArraySource:
    """Samples in memory."""

    def __init__(self, samples: Samples) -> None:
        self._samples = np.ascontiguousarray(samples, np.float32)

    def __len__(self) -> int:
        return len(self._samples)

    def read(self, start: int, stop: int) -> Samples:
        """See `Source`."""
        return self._samples[start:stop]


class Mixer:
    """The takes, which of them is heard, and where in them playback is.

    All sources have one length and rate. Starts paused, at the beginning, with the whole as its loop.
    Used by one thread; `fill` does bounded work.

    >>> mixer = Mixer([ArraySource(own), ArraySource(other)], rate=24_000)
    >>> mixer.play()
    >>> mixer.select(1)
    >>> mixer.fill(out)                 # out: (n,) float32
    """

    def __init__(self, sources: Sequence[Source], rate: int) -> None:
        self._sources = list(sources)
        self._length = min(len(source) for source in sources)
        self._fade = max(1, min(round(JUMP_FADE_S * rate), self._length // 4))
        self._cross = max(1, round(CROSS_FADE_S * rate))
        self._weights = np.zeros(len(sources), np.float32)
        self._weights[0] = 1.0
        self._from = self._weights.copy()
        self._to = self._weights.copy()
        self._crossed = self._cross
        self.position = 0
        self.start, self.stop = 0, self._length
        self.repeats = True
        self.playing = False
        self._gain = 0.0
        self._jump: int | None = None

    def select(self, index: int) -> None:
        """Goes over to a take, at the same moment of it."""
        self._from = self._weights.copy()
        self._to = np.zeros_like(self._weights)
        self._to[index] = 1.0
        self._crossed = 0

    def set_loop(self, start: int, stop: int, repeats: bool = True) -> None:
        """Plays [start, stop) from now on, once or again and again; from its start when outside."""
        self.start = min(max(0, start), max(0, self._length - 4 * self._fade))
        self.stop = min(max(self.start + 4 * self._fade, stop), self._length)
        self.repeats = repeats
        if not self.start <= self.position < self.stop - self._fade:
            self.seek(self.start)

    def seek(self, position: int) -> None:
        """Goes on elsewhere in the loop."""
        self._jump = min(max(self.start, position), max(self.start, self.stop - 1))
        if self._gain == 0.0:
            self._land()

    def play(self) -> None:
        """Plays; from the start when the end was reached."""
        if self.position >= self.stop - self._fade:
            self.seek(self.start)
        self.playing = True

    def pause(self) -> None:
        """Falls silent within `JUMP_FADE_S`."""
        self.playing = False

    def fill(self, out: Samples) -> None:
        """Writes the next samples to `out`: (n,), silence while paused."""
        done = 0
        while done < len(out):
            if self._gain == 0.0 and not self._rising:
                self._turn()
            if self._gain == 0.0 and not self._rising:
                out[done:] = 0.0
                return
            count = min(len(out) - done, _LONGEST, self._until_turn())
            self._write(out[done : done + count])
            done += count
            if self._gain == 0.0 or self.position >= self._limit:
                self._turn()

    @property
    def _rising(self) -> bool:
        """Whether the gain goes up: playing, with no jump before it and not yet at the loop's end."""
        return self.playing and self._jump is None and self.position < self.stop - self._fade

    @property
    def _limit(self) -> int:
        """Where playback has to turn; before a jump it may run past the loop's end while it fades."""
        return self.stop if self._jump is None else self._length

    def _until_turn(self) -> int:
        """Samples until the gain's direction may change."""
        if self._rising:
            return self.stop - self._fade - self.position
        return max(1, min(math.ceil(self._gain * self._fade - 1e-6), self._limit - self.position))

    def _write(self, out: Samples) -> None:
        """Writes samples on which the gain goes one way."""
        count = len(out)
        step = (1.0 if self._rising else -1.0) / self._fade
        gains = np.clip(self._gain + step * np.arange(1, count + 1), 0.0, 1.0)
        self._gain = float(gains[-1]) if gains[-1] > 1e-9 else 0.0
        weights = self._ramps(count)
        out[:] = 0.0
        for source, weight in zip(self._sources, weights, strict=True):
            if weight.any():
                out += weight * source.read(self.position, self.position + count)
        out *= gains.astype(np.float32)
        self.position += count

    def _ramps(self, count: int) -> Samples:
        """Returns the takes' weights for the next samples: (takes, count)."""
        at = np.minimum(self._crossed + np.arange(1, count + 1), self._cross) / self._cross
        ramps = self._from[:, None] + (self._to - self._from)[:, None] * at
        self._crossed = min(self._crossed + count, self._cross)
        self._weights = ramps[:, -1].astype(np.float32)
        return ramps.astype(np.float32)

    def _turn(self) -> None:
        """Jumps, begins again or stops, in silence."""
        if self._jump is not None:
            self._land()
        elif self.position >= self.stop - self._fade:
            self._gain = 0.0
            self.playing = self.playing and self.repeats
            self.position = self.start if self.repeats else self.stop

    def _land(self) -> None:
        assert self._jump is not None
        self.position, self._jump = self._jump, None
        self._gain = 0.0
