"""When a sample of a stream meets the hardware: a delay-locked loop over its callbacks."""

from __future__ import annotations

import math

_WIDE_HZ = 0.5
_NARROW_HZ = 0.05
"""Bandwidth of the loop: wide at first, then as 1 / time down to the narrow one."""

_TRUSTED = 4.0
_LEAST_SPREAD_S = 0.2e-3
"""An error counts up to 4 times the usual one (at least 0.2 ms): a late callback is no news of the clock."""

_JUMP_S = 0.05
_JUMP_LASTS_S = 0.3
"""An error beyond 50 ms that lasts for 0.3 s of host time is a new beginning."""


class ClockModel:
    """Maps a stream's sample position to host time and back, seconds.

    A second-order loop after F. Adriaensen, "Using a DLL to filter time" (2005), with its bandwidth in
    time, not in callbacks, so that callbacks may vary in size, and with the errors limited, so that one
    late callback moves the model by a fraction of a millisecond at most.

    >>> clock = ClockModel(48_000, block=240)
    >>> clock.update(position=240, time_s=1.0051)   # in each callback, or later from a log
    >>> clock.time_at(480)
    """

    def __init__(self, rate: int, block: int) -> None:
        """`rate` in Hz, nominal; `block` in samples is the usual step between updates."""
        self._rate = rate
        self._block = max(1, block)
        self.reset()

    def reset(self) -> None:
        """Forgets everything; the next update sets time and nominal rate."""
        self.updates = 0
        self._position = 0
        self._time = 0.0
        self._period = 1.0 / self._rate
        self._age_s = 0.0
        self._spread_s = 2e-3
        self._odd_since: float | None = None

    @property
    def rate_ppm(self) -> float:
        """How much faster than nominal the stream runs against the host clock, parts per million."""
        return 1e6 * (1.0 / (self._period * self._rate) - 1.0)

    def time_at(self, position: float) -> float:
        """Returns the host time of a sample position, past or future; nominal from 0 before any update."""
        return self._time + (position - self._position) * self._period

    def position_at(self, time_s: float) -> float:
        """Returns the sample position at a host time, fractional."""
        return self._position + (time_s - self._time) / self._period

    def update(self, position: int, time_s: float) -> None:
        """Notes that the stream stood at `position` when the host clock read `time_s`.

        Positions must not decrease; one that does is a new stream and resets the model.
        """
        frames = position - self._position
        if self.updates == 0 or frames < 0:
            self._begin(position, time_s)
            return
        expected = self.time_at(position)
        error = time_s - expected
        if self._is_jump(error, time_s):
            self._begin(position, time_s)
            return
        limit = _TRUSTED * self._spread_s
        error = min(limit, max(-limit, error))
        elapsed = frames / self._rate
        self._age_s += elapsed
        bandwidth = max(_NARROW_HZ, _WIDE_HZ / max(1.0, self._age_s))
        omega = min(0.5, 2 * math.pi * bandwidth * elapsed)
        self._time = expected + math.sqrt(2) * omega * error
        if frames:
            self._period += omega * omega * error / frames
        self._spread_s = max(_LEAST_SPREAD_S, self._spread_s + 0.5 * omega * (abs(error) - self._spread_s))
        self._position = position
        self.updates += 1

    def _begin(self, position: int, time_s: float) -> None:
        self.reset()
        self._position, self._time, self.updates = position, time_s, 1

    def _is_jump(self, error: float, time_s: float) -> bool:
        """Tells whether the stream has left the model for good."""
        if abs(error) < max(_JUMP_S, 2 * self._block / self._rate):
            self._odd_since = None
            return False
        if self._odd_since is None:
            self._odd_since = time_s
        return time_s - self._odd_since > _JUMP_LASTS_S
