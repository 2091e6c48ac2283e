"""Two devices in virtual time, for as long as wanted: the product's session, rings, clock models, resamplers.

sim = TwoClocks(monkeypatch, ppm_in=200, ppm_out=-200)
sim.run(60.0)
sim.lag()
"""

from __future__ import annotations

import numpy as np
import pytest

from tests.engine.simulation import Simulation
from tests.tools.two_clocks_lag import LOOP_S, hum, lag_ms

RATE_IN, RATE_OUT = 48_000, 44_100
BLOCK_IN, BLOCK_OUT = 480, 441
JITTER_S = 0.001


class TwoClocks(Simulation):
    """48000 Hz in, 44100 Hz out, each off by its own ppm, callbacks up to 1 ms late; memory stays."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, ppm_in: float, ppm_out: float) -> None:
        super().__init__(
            monkeypatch,
            block=BLOCK_IN,
            block_out=BLOCK_OUT,
            rate=RATE_IN,
            rate_out=RATE_OUT,
            ppm_in=ppm_in,
            ppm_out=ppm_out,
            jitter_s=JITTER_S,
            duplex=False,
            seconds=1.0,
        )
        self.played = hum(LOOP_S, RATE_IN)
        self.heard = np.zeros(round(LOOP_S * RATE_OUT) // BLOCK_OUT * BLOCK_OUT, np.float32)

    def _make_call(self, name: str) -> None:
        frames, call = self._blocks[name], self._call[name]
        if name == "input":
            at = self._in_at % len(self.played)
            call(self.played[at : at + frames, None], frames, None, self.flags)
            return
        at = self._out_at % len(self.heard)
        call(self.heard[at : at + frames, None], frames, None, self.flags)

    def lag(self) -> float:
        """Delay from input to output just now, ms, as true clocks tell it."""
        at_s = (self._out_at - BLOCK_OUT) / self._true_out
        return lag_ms(self.played, self.heard, at_s, self._true_in, self._true_out)

    @property
    def dropped(self) -> int:
        """Samples lost on either side since sound began."""
        inlet = int(self.stream("input")["dropped"])
        return inlet + self.session._outlet.dropped + self.session._dropped_in
