"""Joins pieces of sound that were made one after the other: synchronised overlap and add."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

_FAINT = 1e-9
"""Mean square of a tail too faint to be aligned with anything."""


class Sola:
    """Cross-fades each piece with the tail of the one before, where the two fit best.

    A piece is `block + fade + search` samples long; `block` of them go out. The place is the maximum of
    the normalised correlation (cf. Roucos and Wilgus, "High quality time-scale modification for speech",
    1985); without a tail, or with a faint one, it is the middle of the search, so that what goes out trails
    the end of the piece by `fade + search / 2` samples.

    >>> sola = Sola(fade=1600, search=400)
    >>> y = sola.join(piece)                    # (block + 2000,) -> (block,)
    """

    def __init__(self, fade: int, search: int) -> None:
        """`fade` and `search` in samples."""
        self._fade, self._search = fade, search
        self._rise = (np.sin(0.5 * np.pi * (np.arange(fade) + 0.5) / fade) ** 2).astype(np.float32)
        self._tail: Samples | None = None

    def reset(self) -> None:
        """Forgets the tail: the next piece fades in from silence."""
        self._tail = None

    def join(self, piece: Samples) -> Samples:
        """Returns the next (block,) samples from `piece`: (block + fade + search,) float32."""
        block = len(piece) - self._fade - self._search
        tail = np.zeros(self._fade, np.float32) if self._tail is None else self._tail
        start = self._place(piece, tail)
        y = piece[start : start + block].copy()
        y[: self._fade] *= self._rise
        y[: self._fade] += tail * self._rise[::-1]
        self._tail = piece[start + block : start + block + self._fade].copy()
        return y

    def _place(self, piece: Samples, tail: Samples) -> int:
        if float(tail @ tail) < _FAINT * self._fade:
            return self._search // 2
        head = piece[: self._fade + self._search]
        energy = np.concatenate(([0.0], np.cumsum(np.square(head, dtype=np.float64))))
        energy = energy[self._fade :] - energy[: len(energy) - self._fade]
        likeness = np.correlate(head, tail, "valid") / np.sqrt(energy + _FAINT * self._fade)
        return int(np.argmax(likeness))
