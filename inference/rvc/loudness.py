"""The speaker's dynamics for a voice that has none of its own: loud stays loud, and silence silent.

An RVC voice hears features that say little of the level, and hums where nobody speaks.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

OWN_SHARE = 0.75
"""How much of the speaker's dynamics (in dB) takes the place of the voice's own."""

_WINDOW_FRAMES = 4
"""Levels are those of 40 ms, every 10 ms."""

_FLOOR = 1e-3
_MOST_GAIN = 4.0
_SILENT = 10 ** (-66 / 20)
_HOLD_FRAMES = 11
"""Frames below -66 dBFS until the voice is faded out: shorter pauses belong to speech."""

FADE_FRAMES = 5
"""Frames a fade takes. Who has them applies a gain that many frames early, so that no onset is lost."""


def levels(x: Samples, frame: int) -> Samples:
    """RMS of x: (T * frame,) over the 40 ms that end with each frame: (T,)."""
    powers = np.mean(np.square(x.reshape(-1, frame), dtype=np.float64), axis=1)
    padded = np.concatenate((np.zeros(_WINDOW_FRAMES - 1), powers))
    total = np.convolve(padded, np.ones(_WINDOW_FRAMES), "valid")
    return np.sqrt(total / _WINDOW_FRAMES).astype(np.float32)


def follow_dynamics(voice: Samples, own: Samples, share: float = OWN_SHARE) -> Samples:
    """Returns voice: (T * frame,) with the dynamics of `own`: (T,), the speaker's levels frame by frame.

    y = x (own / level of x) ^ share, by at most 12 dB up; gains go linearly from frame to frame.
    """
    frames = len(own)
    frame = len(voice) // frames
    ratio = np.maximum(own, _FLOOR) / np.maximum(levels(voice, frame), _FLOOR)
    return voice * ramp(np.minimum(ratio**share, _MOST_GAIN), frame)


def ramp(gains: Samples, frame: int) -> Samples:
    """Gains (T,) as samples (T * frame,): each is reached at the end of its frame."""
    ends = np.arange(1, len(gains) + 1) * frame
    return np.interp(np.arange(1, ends[-1] + 1), ends, gains).astype(np.float32)


class SilenceGate:
    """Gains that are 0 where the speaker has been silent for 110 ms, with fades of 50 ms.

    >>> gate = SilenceGate()
    >>> gains = gate.follow(levels)             # (T,) RMS per frame -> (T,) gains 0 to 1
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forgets the past, and is shut."""
        self._silent = _HOLD_FRAMES
        self._gain = 0.0

    def follow(self, own: Samples) -> Samples:
        """The gains of the next frames."""
        gains = np.zeros_like(own)
        for index, level in enumerate(own):
            self._silent = 0 if level > _SILENT else self._silent + 1
            wanted = 1.0 if self._silent <= _HOLD_FRAMES else 0.0
            step = 1.0 / FADE_FRAMES
            self._gain += min(max(wanted - self._gain, -step), step)
            gains[index] = self._gain
        return gains
