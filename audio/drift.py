"""Keeps the delay between two clocks where it should be, by the resampling ratio alone."""

from __future__ import annotations

import math

LIMIT = 0.005
"""Largest correction of the ratio: 8.6 cents, for the seconds after a disturbance."""

_NATURAL_HZ = 0.02
_DAMPING = 1.0
_SMOOTHING_S = 0.3
_LONGEST_STEP_S = 0.1


class DriftController:
    """A slow PI loop from delay error to `Resampler.ratio_adjust`.

    The loop is critically damped at 0.02 Hz behind a 0.3 s low-pass. Clocks 300 ppm apart cost at most
    1 ms of delay for some seconds, after which the integral part carries the difference and the error
    is zero; jitter of the measurement moves the pitch by less than a cent.

    >>> drift = DriftController()
    >>> resampler.ratio_adjust = drift.update(error_s=delay - target, elapsed_s=0.01)
    """

    def __init__(self) -> None:
        omega = 2 * math.pi * _NATURAL_HZ
        self._proportional = 2 * _DAMPING * omega
        self._integral = omega * omega
        self._learned = 0.0
        self.reset()

    @property
    def learned_ppm(self) -> float:
        """Difference of the clocks learned so far: how many more output samples the ratio has to make."""
        return 1e6 * self._learned

    def reset(self) -> None:
        """Forgets the error, as after a cut or a filled gap, but not the difference of the clocks."""
        self._error: float | None = None

    def update(self, error_s: float, elapsed_s: float) -> float:
        """Returns the share of output samples to add (negative: to leave out).

        `error_s`: delay less its target, in seconds: positive asks for fewer samples. `elapsed_s`: time
        since the update before.
        """
        elapsed_s = min(_LONGEST_STEP_S, max(0.0, elapsed_s))
        if not math.isfinite(error_s):
            error_s = 0.0
        if self._error is None:
            self._error = error_s
        self._error += (error_s - self._error) * -math.expm1(-elapsed_s / _SMOOTHING_S)
        learned = self._learned - self._integral * self._error * elapsed_s
        wanted = learned - self._proportional * self._error
        limited = min(LIMIT, max(-LIMIT, wanted))
        if limited == wanted:  # while limited, the integral waits
            self._learned = learned
        return limited
