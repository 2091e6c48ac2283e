"""One opening of the streams as the worker lives it: takes hops, has them converted, delivers them."""

from __future__ import annotations

import math
import time

import numpy as np

from audio.levels import db_to_gain
from audio.resample import make_resampler
from audio.smooth import GainRamp
from inference.chain import Chain
from inference.converter import HOP, MODEL_RATE, Block, Converter, PitchFrame
from inference.engine.internal import StreamInfo
from inference.engine.messages import EngineParams, MonitorSource
from inference.engine.outlet import Moment, Outlet, StreamView
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
            self._monitor.feed(heard, spoken, self._params)

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


class MonitorPath:
    """What the speaker hears of themselves, on a device with a clock of its own."""

    def __init__(self, shared: SharedBlock, rate: int, compute_s: float) -> None:
        stream = StreamView(shared.monitor_ring, shared["monitor_stream"], rate)
        self._resampler = make_resampler(MODEL_RATE, rate, HOP, variable=True)
        hop = round(rate * HOP / MODEL_RATE)
        self._outlet = Outlet(stream, shared["monitor_armed"], hop, duplex=False, compute_s=compute_s)
        self._own, self._converted = GainRamp(0.0), GainRamp(0.0)
        self._mix = np.zeros(HOP, np.float32)
        self._voice = np.zeros(HOP, np.float32)
        # Hops of one step wait here for `deliver`; a step brings at most three.
        self._ready = np.zeros(math.ceil(3.2 * HOP * rate / MODEL_RATE), np.float32)
        self._count = 0

    def feed(self, heard: Block, spoken: Block, params: EngineParams) -> None:
        """Mixes one hop: (HOP,) each at the model rate."""
        gain = db_to_gain(params.monitor_gain_db)
        self._mix[:] = heard
        self._voice[:] = spoken
        self._own.process(self._mix, gain if params.monitor == MonitorSource.OWN else 0.0)
        self._converted.process(self._voice, gain if params.monitor == MonitorSource.CONVERTED else 0.0)
        self._mix += self._voice
        y = self._resampler.process(self._mix)
        self._ready[self._count : self._count + len(y)] = y
        self._count += len(y)

    def deliver(self, moment: Moment, now: float) -> None:
        """Sends what `feed` made ready."""
        self._outlet.deliver(self._ready[: self._count], moment, now, quiet=False)
        self._count = 0
        self._resampler.ratio_adjust = self._outlet.ratio
