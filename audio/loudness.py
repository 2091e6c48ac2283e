"""Loudness as ears weigh it, and a slow gain that makes one signal as loud as another."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from audio.iir import Filter
from audio.smooth import GainRamp

Block = NDArray[np.float32]
Array = NDArray[np.float64]

_MEMORY = 0.9
"""Share of the measured power that stays from block to block: 100 ms with blocks of 10 ms."""

_APPROACH = 0.03
"""Share of the difference (in dB) made up per block: 0.3 s with blocks of 10 ms."""

_RANGE_DB = 12.0
_ACTIVE = 1e-6
"""Weighted power (-60 dBFS) of the reference below which the gain stays as it is."""

_FLOOR = 1e-9
_LONGEST_DELAY = 256


def k_weighting(rate: float) -> tuple[Array, Array]:
    """(b, a) of the K-weighting of ITU-R BS.1770 at `rate` Hz, (5,) each, a[0] = 1.

    The standard gives coefficients for 48 kHz only; these are the analogue prototypes behind them
    (shelf of 4 dB at 1682 Hz, high-pass at 38 Hz) through the bilinear transform.
    """
    k = math.tan(math.pi * 1681.974450955533 / rate)
    q, high = 0.7071752369554196, 10 ** (3.999843853973347 / 20)
    middle = high**0.4996667741545416
    b_shelf = np.array([high + middle * k / q + k * k, 2 * (k * k - high), high - middle * k / q + k * k])
    a_shelf = np.array([1 + k / q + k * k, 2 * (k * k - 1), 1 - k / q + k * k])
    k = math.tan(math.pi * 38.13547087602444 / rate)
    q = 0.5003270373238773
    a_pass = np.array([1 + k / q + k * k, 2 * (k * k - 1), 1 - k / q + k * k])
    b = np.convolve(b_shelf / a_shelf[0], [1.0, -2.0, 1.0])
    return b, np.convolve(a_shelf, a_pass) / (a_shelf[0] * a_pass[0])


class LoudnessMatch:
    """Makes a voice as loud as the speaker it was made from, by a slow gain of at most 12 dB.

    Both are K-weighted and compared at the same moment of speech: the reference waits for `delay`
    blocks. The gain moves while somebody speaks and stays in pauses, so that noise is not raised.

    >>> match = LoudnessMatch(24_000)
    >>> match.process(voice, reference=own, delay=2, on=True)       # `voice` in place
    """

    def __init__(self, rate: int) -> None:
        """`rate` in Hz."""
        weighting = k_weighting(rate)
        self._voice, self._reference = Filter(*weighting), Filter(*weighting)
        self._ramp = GainRamp()
        self._powers = np.zeros(_LONGEST_DELAY + 1)
        self.reset()

    @property
    def gain_db(self) -> float:
        """The gain just now, dB."""
        return self._gain_db

    def reset(self) -> None:
        """Forgets both; the gain is 0 dB."""
        self._voice.reset()
        self._reference.reset()
        self._ramp.reset(1.0)
        self._powers[:] = 0.0
        self._wanted = self._actual = _FLOOR
        self._gain_db = 0.0

    def process(self, voice: Block, reference: Block, delay: int, on: bool) -> Block:
        """Scales `voice`: (n,) float32 in place and returns it.

        `reference`: (n,) of the speaker just now, `delay` blocks (at most 256) before it is heard in
        `voice`. Off costs nothing; the gain goes back to 0 dB within the block.
        """
        if on:
            self._follow(voice, reference, min(delay, _LONGEST_DELAY))
        elif self._gain_db != 0.0:
            self.reset_gain()
        return self._ramp.process(voice, 10.0 ** (self._gain_db / 20.0))

    def reset_gain(self) -> None:
        """Lets the gain begin at 0 dB again; the next block ramps to it."""
        self._gain_db = 0.0
        self._wanted = self._actual = _FLOOR

    def _follow(self, voice: Block, reference: Block, delay: int) -> None:
        self._powers[1:] = self._powers[:-1]
        self._powers[0] = _power(self._reference.process(reference))
        self._wanted += (1 - _MEMORY) * (self._powers[delay] + _FLOOR - self._wanted)
        self._actual += (1 - _MEMORY) * (_power(self._voice.process(voice)) + _FLOOR - self._actual)
        if self._powers[delay] > _ACTIVE:
            difference = 10.0 * math.log10(self._wanted / self._actual) - self._gain_db
            moved = self._gain_db + _APPROACH * difference
            self._gain_db = min(max(moved, -_RANGE_DB), _RANGE_DB)


def _power(x: Array) -> float:
    """Mean square of x: (n,), at most that of full scale, so that a burst is soon forgotten."""
    return min(float(x @ x) / len(x), 1.0)
