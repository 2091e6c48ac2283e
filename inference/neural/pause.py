"""Tells when nobody speaks, so that what was said before a pause is not forgotten over it."""

from __future__ import annotations

import math

from inference.networks.timing import HOP
from inference.neural.runtime import Array

_QUIET_DB = -50.0
"""26 dB below speech, which `LevelRider` brings to -24 dBFS."""

_VOICED = 0.5

_PATIENCE = 20
"""Hops of quiet before a pause: more than any consonant and most stops between words last."""


class Pause:
    """Whether nobody has spoken for a while: quiet, without voice, for longer than speech ever is.

    The content encoder's attention looks back 2.6 s. While `on`, nothing in its memory gives way to silence;
    only what is empty is filled. A single hop that is loud or voiced ends the pause at once.
    """

    def __init__(self) -> None:
        self._quiet = 0

    @property
    def on(self) -> bool:
        """Whether the hop heard last belongs to a pause."""
        return self._quiet > _PATIENCE

    def hear(self, hop: Array, voicing: float) -> None:
        """Takes (HOP,) at the networks' level and how voiced the pitch network finds it, 0 to 1."""
        decibel = 10.0 * math.log10(float(hop @ hop) / HOP + 1e-12)
        self._quiet = self._quiet + 1 if decibel < _QUIET_DB and voicing < _VOICED else 0
