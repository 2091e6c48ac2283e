"""One opening of the streams as the worker lives it: takes hops, has them converted, delivers them."""

from __future__ import annotations

import time
import weakref

import numpy as np

from inference.chain import Chain, HopListener
from inference.converter import HOP, MODEL_RATE, Block, Converter, PitchFrame
from inference.engine.internal import StreamInfo
from inference.engine.messages import EngineParams
from inference.engine.monitor import Hop, MonitorPath
from inference.engine.outlet import Moment, Outlet
from inference.engine.phrase import PhraseSource
from inference.engine.reporting import Reporter
from inference.engine.shared import SharedBlock
from inference.engine.stream_view import SourceView, StreamView
from inference.registry import runtime_name

_QUIET = 0.003
"""RMS below which a millisecond may be cut out unheard: -50 dBFS."""

_BACKLOG_HOPS = 4
"""More input than this waiting, and twice what the source delivers at once, means that the worker was
stalled; older samples are dropped."""

_AHEAD_S = 0.03
"""Time before the next hop from which on there is enough of it: more than is left before a piece comes."""


class Session:
    """Runs the chain between the rings of a `SharedBlock`.

    `compute_s` is what a hop is expected to take, `speaker_hz` the median F0 of who is expected to speak, 0
    where it is not known.

    >>> session = Session(block, info, converter)
    >>> session.begin()                            # in the thread that will call `step`
    >>> while session.step(params): pass          # at each wake-up
    """

    def __init__(
        self,
        shared: SharedBlock,
        info: StreamInfo,
        converter: Converter,
        compute_s: float = 0.0,
        speaker_hz: float = 0.0,
    ) -> None:
        self._info, self._speaker_hz = info, speaker_hz
        self._monitor = MonitorPath(shared, info.monitor_rate, compute_s) if info.monitor_rate else None
        self._reporter = Reporter(shared)
        self.chain = Chain(
            info.input_rate,
            info.output_rate,
            converter,
            variable=not info.duplex,
            listener=_weakly(self._hear),
            source=PhraseSource(shared).replace,
        )
        view = StreamView if info.duplex else SourceView
        self._input = view(shared.input_ring, shared["input_stream"], info.input_rate)
        output = StreamView(shared.output_ring, shared["output_stream"], info.output_rate)
        self._hop_s = HOP / MODEL_RATE
        # Of a rate that no hop of 10 ms fits, up to a hop more waits in the chain, now and then.
        hops = 1 if self.chain.block * MODEL_RATE == info.input_rate * HOP else 2
        hop_out = round(hops * info.output_rate * self._hop_s)
        self._outlet = Outlet(output, shared["armed"], hop_out, info.duplex, compute_s)
        self._x = np.zeros(self.chain.block, np.float32)
        self._params = EngineParams()
        self._dropped_in = 0

    def begin(self) -> None:
        """Forgets what the converter spoke elsewhere."""
        self.chain.begin(self._speaker_hz)
        self._reporter.begin(self.chain)

    def step(self, params: EngineParams) -> bool:
        """Converts and delivers one hop; False when there is none yet."""
        ring = self._input.ring
        if ring.fill < self.chain.block:
            return False
        if ring.fill > self._most_waiting:
            skipped = ring.skip(ring.fill - self.chain.block)
            # What piled up before the first sound was ever due is no loss.
            self._dropped_in += skipped if self._outlet.started else 0
            self._outlet.resettle()
        self._params = params
        started = time.perf_counter()
        ring.pop_into(self._x)
        y = self.chain.process(self._x, params)
        now = time.perf_counter()
        resumed_at = self._input.resumed_at
        self._input.refresh()
        if self._input.resumed_at != resumed_at:
            self._outlet.resume(now)
        source = self._input.source
        time_s = self._input.clock.time_at(source)
        moment = Moment(source, time_s, self.chain.pending_s, self._input.piece_s)
        self._outlet.deliver(y, moment, now, self.chain.level_out.rms < _QUIET)
        self.chain.adjust(self._outlet.ratio)
        if self._monitor:
            self._monitor.deliver(moment, now)
        self._reporter.hop(now - started, self.chain)
        if self._reporter.due:
            self._report(params)
        return True

    @property
    def ahead(self) -> bool:
        """Whether there is time before the next hop, as in the midst of a piece that came at once."""
        return bool(self._input.piece_s) and self._outlet.spare_s(time.perf_counter()) > _AHEAD_S

    @property
    def _most_waiting(self) -> float:
        """Frames of input that may wait while all is well."""
        return _BACKLOG_HOPS * self.chain.block + 2 * self._input.piece_s * self._info.input_rate

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
            block_delay_s=self.chain.block_delay_in(params.mode),
            margin_s=outlet.margin.seconds,
            load_margin_s=outlet.margin.extra_s,
            piece_s=self._input.piece_s,
            sample_rate=info.output_rate,
            block_s=outlet.stream.block / outlet.stream.rate,
            late_blocks=outlet.late_blocks + self.chain.late_hops,
            dropped_samples=outlet.dropped + self._dropped_in,
            drift_ppm=1e6 * outlet.ratio,
            runtime=runtime_name(self.chain.converter),
            chain=self.chain,
        )


def _weakly(method: HopListener) -> HopListener:
    """The bound method, without holding its object.

    The worker collects no cycles: a session that its chain held would stay, and with it the voice it spoke.
    """
    known = weakref.WeakMethod(method)

    def hear(heard: Block, spoken: Block, pitch: PitchFrame) -> None:
        if found := known():
            found(heard, spoken, pitch)

    return hear
