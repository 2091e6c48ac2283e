"""The last seconds of both signals and both pitch traces, by absolute sample number."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.converter import HOP, MODEL_RATE
from inference.engine.telemetry import Scope

Floats = NDArray[np.float32]
SECONDS = 8
MAX_JUMP_OCTAVES = 0.35
"""A pitch that moves further within one hop has not glided: the trace is broken there."""


class Ring:
    """Values by absolute position. Each is written twice, so that any window is one contiguous view."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._twice = np.zeros(2 * size, np.float32)

    def write(self, start: int, values: Floats) -> None:
        """Writes at most `size` values from position `start` on."""
        at = start % self._size
        first = min(values.size, self._size - at)
        for offset in (0, self._size):
            self._twice[offset + at : offset + at + first] = values[:first]
            self._twice[offset : offset + values.size - first] = values[first:]

    def view(self, start: int, stop: int) -> Floats:
        """Returns positions [start, stop), at most `size` of them, until the next write."""
        at = start % self._size
        return self._twice[at : at + stop - start]

    def clear(self) -> None:
        """Forgets all."""
        self._twice[:] = 0


class SignalHistory:
    """Keeps `SECONDS` of what the engine's scope delivered; written and read by the window's thread.

    >>> history.append(client.scope(cursor))
    >>> history.signal(0, history.end - 240, history.end)     # the newest hop of the input
    """

    def __init__(self) -> None:
        self._size = SECONDS * MODEL_RATE
        self._hops = self._size // HOP
        self._signals = (Ring(self._size), Ring(self._size))
        self._f0s = (Ring(self._hops), Ring(self._hops))
        self.end = 0
        self._f0_end = 0

    def append(self, scope: Scope) -> None:
        """Adds what is new. Hops of pitch stay with their samples when reads were skipped."""
        n = min(scope.input.size, scope.output.size, self._size)
        m = min(scope.input_f0.size, scope.output_f0.size, self._hops)
        if n == 0:
            return
        for ring, x in zip(self._signals, (scope.input, scope.output), strict=True):
            ring.write(self.end, _finite(x[-n:]))
        self.end += n
        if abs(self._f0_end + m - self.end // HOP) > 1:
            self._f0_end = self.end // HOP - m
        for ring, f0 in zip(self._f0s, (scope.input_f0, scope.output_f0), strict=True):
            ring.write(self._f0_end, _finite(f0[-m:] if m else f0[:0]))
        self._f0_end += m

    def clear(self) -> None:
        """Forgets the signal; time goes on."""
        for ring in (*self._signals, *self._f0s):
            ring.clear()

    def signal(self, channel: int, start: int, stop: int) -> Floats:
        """Returns samples [start, stop), at most `SECONDS`; zeros before the beginning and in the future."""
        x = self._signals[channel].view(start, stop)
        oldest = max(0, self.end - self._size)
        if start >= oldest and stop <= self.end:
            return x
        x = x.copy()
        x[: max(0, oldest - start)] = 0
        x[max(0, self.end - start) :] = 0
        return x

    def f0(self, channel: int, positions: NDArray[np.int64]) -> Floats:
        """Returns F0 in Hz at ascending positions: log-interpolated inside voiced stretches, NaN outside."""
        first, last = int(positions[0]) // HOP, int(positions[-1]) // HOP
        ring = self._f0s[channel].view(first, last + 2)
        if not ring.any():
            return np.full(positions.size, np.nan, np.float32)
        hop, rest = np.divmod(positions, HOP)
        a, b = ring[hop - first], ring[hop - first + 1]
        known = (hop >= max(0, self._f0_end - self._hops)) & (hop + 1 < self._f0_end)
        voiced = known & (a > 0) & (b > 0)
        log_a, log_b = np.log2(np.where(voiced, a, 1)), np.log2(np.where(voiced, b, 1))
        voiced &= np.abs(log_b - log_a) < MAX_JUMP_OCTAVES
        value = np.exp2(log_a + (log_b - log_a) * (rest / HOP))
        return np.where(voiced, value, np.nan).astype(np.float32)


def _finite(x: Floats) -> Floats:
    """Returns x with zeros for what is not a number; the sum tells cheaply whether there is any."""
    return x if np.isfinite(x.sum()) else np.where(np.isfinite(x), x, np.float32(0))
