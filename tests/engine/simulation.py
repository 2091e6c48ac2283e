"""A whole session in virtual time: the product's callbacks, rings, chain and pacing; only clocks are made up.

sim = Simulation(monkeypatch, block=240)
sim.run(5.0)
sim.lag_ms(4.0)                 # what a caller would measure
sim.stream("output")["underruns"]
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import correlate, firwin, lfilter

from audio import streams
from audio.streams import Tap, duplex_callback, input_callback, output_callback
from inference.converter import Block, PitchFrame
from inference.engine import session as session_module
from inference.engine.internal import StreamInfo
from inference.engine.messages import EngineParams, Mode
from inference.engine.session import Session
from inference.engine.shared import SharedBlock
from voices.tuning import Tuning

_FINE = SimpleNamespace(input_overflow=False, output_underflow=False)
_BEGINNING_S = 100.0


class Costly:
    """A converter that takes virtual time and changes nothing."""

    latency_samples = 0
    pitch = PitchFrame(100.0, 100.0, 1.0)

    def __init__(self, spend: Callable[[], None]) -> None:
        self._spend = spend

    def process(self, block: Block, controls: Tuning) -> Block:
        self._spend()
        return block.copy()

    def reset(self) -> None:
        pass

    def warm_up(self) -> None:
        pass


class Simulation:
    """Input and output streams, and the worker between them.

    `block`, `block_out` in frames; `ppm_in`, `ppm_out` are what the device clocks are off by; callbacks
    come up to `jitter_s` late; each hop takes `cost_s` (change it at any time). One stream when both
    sides are equal and `duplex`. The input gives `piece` blocks at once (change it at any time).
    """

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        *,
        block: int = 240,
        block_out: int | None = None,
        rate: int = 48_000,
        rate_out: int | None = None,
        ppm_in: float = 0.0,
        ppm_out: float = 0.0,
        jitter_s: float = 0.0,
        cost_s: float = 0.002,
        compute_s: float | None = None,
        duplex: bool = True,
        mode: Mode = Mode.CONVERTED,
        seconds: float = 30.0,
        piece: int = 1,
    ) -> None:
        self.now = _BEGINNING_S
        clock = SimpleNamespace(perf_counter=lambda: self.now)
        monkeypatch.setattr(streams, "time", clock)
        monkeypatch.setattr(session_module, "time", clock)
        self.shared = SharedBlock(SimpleNamespace(buf=bytearray(SharedBlock.size()), name="simulated"))
        self.rate, self.rate_out = rate, rate_out or rate
        self.cost_s, self.jitter_s, self.piece = cost_s, jitter_s, piece
        self.params = EngineParams(mode=mode, gate_db=-120.0)
        self.stopped: set[str] = set()
        self._true_in, self._true_out = rate * (1 + 1e-6 * ppm_in), self.rate_out * (1 + 1e-6 * ppm_out)
        self._random = np.random.default_rng(5)
        white = self._random.uniform(-0.5, 0.5, round(seconds * rate) + 10_000)
        self.played = lfilter(firwin(127, 3000, fs=rate), 1.0, white).astype(np.float32)
        self.heard = np.zeros(round((seconds + 1) * self.rate_out * 1.01), np.float32)
        self._in_at = self._out_at = self._given = 0
        self._events: list[tuple[float, int, str]] = []
        self._stall_s = 0.0
        self.flags = _FINE
        self._make_callbacks(block, block_out or block, duplex)
        info = StreamInfo(rate, self.rate_out, 0, duplex, 0.0, 0.0)
        self.session = Session(
            self.shared, info, Costly(self._spend), cost_s if compute_s is None else compute_s
        )

    def _make_callbacks(self, block: int, block_out: int, duplex: bool) -> None:
        inp = Tap(self.shared.input_ring, self.shared["input_stream"], self.shared["armed"])
        out = Tap(self.shared.output_ring, self.shared["output_stream"], self.shared["armed"])
        self._blocks = {"duplex": block, "input": block, "output": block_out}
        if duplex:
            self._call: dict[str, Callable[..., None]] = {"duplex": duplex_callback(inp, out, lambda: None)}
        else:
            self._call = {"input": input_callback(inp, lambda: None), "output": output_callback(out)}
        self._due = dict.fromkeys(self._call, _BEGINNING_S)
        for name in self._call:
            self._schedule(name)

    def _schedule(self, name: str) -> None:
        late = self._random.uniform(0.0, self.jitter_s) if self.jitter_s else 0.0
        true_rate = self._true_out if name == "output" else self._true_in
        period = self._blocks[name] / true_rate
        if name == "input":
            self._given += 1
            late += -self._given % self.piece * period
        heapq.heappush(self._events, (self._due[name] + late, len(name), name))
        self._due[name] += period

    def run(self, seconds: float) -> None:
        """Lets virtual time pass; the worker runs whenever it has a hop."""
        end = self.now + seconds
        while self._events[0][0] <= end:
            self._next_callback()
            while self.now < end and self.session.step(self.params):
                pass
        self.now = max(self.now, end)

    def sleep(self, seconds: float) -> None:
        """Everything stands still for a while; the clock goes on, and so does the world."""
        self.now += seconds
        self._events = [(at + seconds, order, name) for at, order, name in self._events]
        self._due = {name: at + seconds for name, at in self._due.items()}
        self._in_at += round(seconds * self._true_in)
        self._out_at += round(seconds * self._true_out)

    def stall(self, seconds: float) -> None:
        """Makes the next hop take this long."""
        self._stall_s = seconds

    def _spend(self) -> None:
        """The converter computes; callbacks do not wait for it."""
        end = self.now + self.cost_s + self._stall_s
        self._stall_s = 0.0
        while self._events[0][0] <= end:
            self._next_callback()
        self.now = end

    def _next_callback(self) -> None:
        at, _, name = heapq.heappop(self._events)
        self.now = max(self.now, at)
        if name not in self.stopped:
            self._make_call(name)
        # A device that does not call goes on in time all the same.
        if name != "output":
            self._in_at += self._blocks[name]
        if name != "input":
            self._out_at += self._blocks[name]
        self._schedule(name)

    def _make_call(self, name: str) -> None:
        frames, call = self._blocks[name], self._call[name]
        outdata = np.zeros((frames, 1), np.float32)
        indata = self.played[self._in_at : self._in_at + frames, None]
        if name == "duplex":
            call(indata, outdata, frames, None, self.flags)
        elif name == "input":
            call(indata, frames, None, self.flags)
        else:
            call(outdata, frames, None, self.flags)
        if name != "input":
            self.heard[self._out_at : self._out_at + frames] = outdata[:, 0]

    def stream(self, name: str) -> NDArray[Any]:
        """The counters of a stream."""
        return self.shared[f"{name}_stream"][0]

    @property
    def underruns(self) -> int:
        """Callbacks that found too little after sound had begun."""
        return int(self.stream("output")["underruns"])

    def lag_ms(self, at_s: float, window_s: float = 0.25, reach_s: float = 0.3) -> float:
        """Delay near `at_s`, at most `reach_s`, as true clocks tell it, by correlation of the signals."""
        first = round(at_s * self.rate_out)
        y = self.heard[first : first + round(window_s * self.rate_out)].astype(float)
        reach = round(reach_s * self.rate)
        start = round(at_s * self.rate) - reach
        x = self.played[start : start + reach + round((window_s + 0.05) * self.rate)].astype(float)
        if self.rate != self.rate_out:
            raise ValueError("equal nominal rates only")
        c = correlate(x, y, mode="valid", method="fft")
        best = int(np.argmax(c))
        assert np.abs(c).max() > 0.8 * np.sqrt((y @ y) * (x[best : best + len(y)] @ x[best : best + len(y)]))
        middle = 0.5 * window_s * self.rate
        heard_at = (first + middle) / self._true_out
        spoken_at = (start + best + middle) / self._true_in
        return 1e3 * (heard_at - spoken_at)

    def told_ms(self) -> float:
        """Total latency as the telemetry has it."""
        record = self.shared["telemetry"][0]
        parts = ("device_in", "ring_in", "hop", "lookahead", "compute_p99", "margin", "device_out")
        return float(sum(record[name] for name in parts))
