"""The last seconds of both signals and both pitch traces, by absolute sample number."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from inference.converter import HOP, MODEL_RATE
from inference.engine.telemetry import Scope

Floats = NDArray[np.float32]
SECONDS = 8


class Channel(NamedTuple):
    """One signal and its pitch, as rings over absolute positions."""

    signal: Floats
    f0: Floats


class SignalHistory:
    """Keeps `SECONDS` of what the engine's scope delivered; written and read by the window's thread.

    >>> history.append(client.scope(cursor))
    >>> history.signal(0, history.end - 240, history.end)     # the newest hop of the input
    """

    def __init__(self) -> None:
        self._size = SECONDS * MODEL_RATE
        self._hops = self._size // HOP
        self._channels = tuple(
            Channel(np.zeros(self._size, np.float32), np.zeros(self._hops, np.float32)) for _ in range(2)
        )
        self.end = 0
        self._f0_end = 0

    def append(self, scope: Scope) -> None:
        """Adds what is new. Hops of pitch stay with their samples when reads were skipped."""
        n = min(scope.input.size, scope.output.size)
        if n == 0:
            return
        m = min(scope.input_f0.size, scope.output_f0.size)
        at = np.arange(self.end, self.end + n) % self._size
        for channel, x in zip(self._channels, (scope.input, scope.output), strict=True):
            channel.signal[at] = np.nan_to_num(x[:n], nan=0.0, posinf=1.0, neginf=-1.0)
        self.end += n
        hop_end = self.end // HOP
        if abs(self._f0_end + m - hop_end) > 1:
            self._f0_end = hop_end - m
        at = np.arange(self._f0_end, self._f0_end + m) % self._hops
        for channel, f0 in zip(self._channels, (scope.input_f0, scope.output_f0), strict=True):
            channel.f0[at] = np.nan_to_num(f0[:m], nan=0.0, posinf=0.0, neginf=0.0)
        self._f0_end += m

    def clear(self) -> None:
        """Forgets the signal; time goes on."""
        for channel in self._channels:
            channel.signal[:] = 0.0
            channel.f0[:] = 0.0

    def signal(self, channel: int, start: int, stop: int) -> Floats:
        """Returns samples [start, stop); zeros where they lie before the beginning or in the future."""
        positions = np.arange(start, stop)
        x = self._channels[channel].signal[positions % self._size]
        return np.where(
            (positions >= max(0, self.end - self._size)) & (positions < self.end), x, np.float32(0)
        )

    def f0(self, channel: int, positions: NDArray[np.int64]) -> Floats:
        """Returns F0 in Hz at sample positions, log-interpolated inside voiced stretches, NaN outside."""
        ring = self._channels[channel].f0
        hop, rest = np.divmod(positions, HOP)
        known = (hop >= max(0, self._f0_end - self._hops)) & (hop + 1 < self._f0_end)
        a, b = ring[hop % self._hops], ring[(hop + 1) % self._hops]
        voiced = known & (a > 0) & (b > 0)
        log_a, log_b = np.log2(np.where(voiced, a, 1)), np.log2(np.where(voiced, b, 1))
        value = np.exp2(log_a + (log_b - log_a) * (rest / HOP))
        return np.where(voiced, value, np.nan).astype(np.float32)
