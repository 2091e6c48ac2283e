"""One opening of the streams as the worker lives it: takes hops, has them converted, delivers them."""

from __future__ import annotations

import time

import numpy as np

from inference.chain import Chain
from inference.converter import HOP, MODEL_RATE, Block, Converter, PitchFrame
from inference.engine.internal import StreamInfo
from inference.engine.messages import EngineParams
from inference.engine.monitor import Hop, MonitorPath
from inference.engine.outlet import Moment, Outlet, StreamView
from inference.engine.phrase import PhraseSource
from inference.engine.reporting import Reporter
from inference.engine.shared import SharedBlock

_QUIET = 0.003
"""RMS below which a millisecond may be cut out unheard: -50 dBFS."""

_BACKLOG_HOPS = 4
"""More input than this waiting means the worker was stalled; older samples are dropped."""


class Session:
    """Runs the chain between the rings of a `SharedBlock`; `compute_s` is what a hop is expected to take.

    >>> session = Session(block, info, converter)
    >>> while session.step(params): pass          # at each wake-up
    """

    def __init__(
        self, shared: SharedBlock, info: StreamInfo, converter: Converter, compute_s: float = 0.0
    ) -> None:
        self._info = info
        self._monitor = MonitorPath(shared, info.monitor_rate, compute_s) if info.monitor_rate else None
        self._reporter = Reporter(shared)
        self.chain = Chain(
            info.input_rate,
            info.output_rate,
            converter,
            variable=not info.duplex,
            listener=self._hear,
            source=PhraseSource(shared).replace,
        )
        self._input = StreamView(shared.input_ring, shared["input_stream"], info.input_rate)
        output = StreamView(shared.output_ring, shared["output_stream"], info.output_rate)
        self._hop_s = HOP / MODEL_RATE
        hop_out = round(info.output_rate * self._hop_s)
        self._outlet = Outlet(output, shared["armed"], hop_out, info.duplex, compute_s)
        self._x = np.zeros(self.chain.block, np.float32)
        self._params = EngineParams()
        self._dropped_in = 0

    def step(self, params: EngineParams) -> bool:
        """Converts and delivers one hop; False when there is none yet."""
        ring = self._input.ring
        if ring.fill < self.chain.block:
            return False
        if ring.fill > _BACKLOG_HOPS * self.chain.block:
            skipped = ring.skip(ring.fill - self.chain.block)
            # What piled up before the first sound was ever due is no loss.
            self._dropped_in += skipped if self._outlet.started else 0
            self._outlet.resettle()
        self._params = params
        started = time.perf_counter()
        ring.pop_into(self._x)
        y = self.chain.process(self._x, params)
        now = time.perf_counter()
        self._input.refresh()
        source = self._input.source
        moment = Moment(source, self._input.clock.time_at(source), self.chain.pending_s)
        self._outlet.deliver(y, moment, now, self.chain.level_out.rms < _QUIET)
        self.chain.adjust(self._outlet.ratio)
        if self._monitor:
            self._monitor.deliver(moment, now)
        self._reporter.hop(now - started, self.chain)
        if self._reporter.due:
            self._report(params)
        return True

    def _hear(self, heard: Block, spoken: Block, pitch: PitchFrame) -> None:
        self._reporter.scope(heard, spoken, pitch)
        if self._monitor:
            hop = Hop(self.chain.raw, heard, spoken, self.chain.voice_delay_samples)
            self._monitor.feed(hop, self._params)

    def _report(self, params: EngineParams) -> None:
        outlet, info = self._outlet, self._info
        self._reporter.publish(
            device_s=(info.input_latency_s, info.output_latency_s),
            ring_delay_s=outlet.delay_s,
            hop_s=outlet.fill_s,
            look_ahead_s=self.chain.latency_in(params.mode),
            margin_s=outlet.margin.seconds,
            sample_rate=info.output_rate,
            block_s=outlet.stream.block / outlet.stream.rate,
            late_blocks=outlet.late_blocks,
            dropped_samples=outlet.dropped + self._dropped_in,
            drift_ppm=1e6 * outlet.ratio,
            chain=self.chain,
        )
