"""What the speaker hears of themselves, on a device with a clock of its own."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from audio.levels import db_to_gain
from audio.loudness import LoudnessMatch
from audio.resample import make_resampler
from audio.smooth import GainRamp
from inference.converter import HOP, MODEL_RATE, Block
from inference.engine.messages import EngineParams, MonitorSource
from inference.engine.outlet import Moment, Outlet
from inference.engine.shared import SharedBlock
from inference.engine.stream_view import StreamView

_LONGEST_DELAY = MODEL_RATE * 3 // 2


@dataclass(frozen=True)
class Hop:
    """One hop at the stages one may listen to: (HOP,) float32 each at the model rate, borrowed.

    `raw`: as the microphone gave it; `heard`: what the converter got; `spoken`: what the call gets, in
    which `heard` comes `delay` samples later.
    """

    raw: Block
    heard: Block
    spoken: Block
    delay: int


class MonitorMix:
    """Chooses among the sources; a change is cross-faded within a hop.

    Own voice and bypass are made as loud as the converted voice, so that a comparison is one of sound and
    not of loudness: a slow gain of at most 12 dB each (`audio.loudness`), which stays in pauses. They are
    heard at once. The difference is the converted voice less the own voice of the same moment, equally loud.

    >>> mix = MonitorMix()
    >>> y = mix.process(hop, params)           # (HOP,) float32, valid until the next call
    """

    def __init__(self) -> None:
        self._gains = {source: GainRamp(0.0) for source in MonitorSource}
        self._delayed = {"raw": _Delay(), "heard": _Delay()}
        self._match = {"raw": LoudnessMatch(MODEL_RATE), "heard": LoudnessMatch(MODEL_RATE)}
        self._level = {"raw": GainRamp(), "heard": GainRamp()}
        self._at_once = {"raw": np.zeros(HOP, np.float32), "heard": np.zeros(HOP, np.float32)}
        self._mix, self._part = np.zeros(HOP, np.float32), np.zeros(HOP, np.float32)
        self._difference = np.zeros(HOP, np.float32)

    def process(self, hop: Hop, params: EngineParams) -> Block:
        """Returns what to hear of this hop."""
        signals = {
            MonitorSource.OWN: self._matched("heard", hop),
            MonitorSource.CONVERTED: hop.spoken,
            MonitorSource.BYPASS: self._matched("raw", hop),
            MonitorSource.DIFFERENCE: np.subtract(hop.spoken, self._delayed["heard"].block, self._difference),
        }
        self._mix[:] = 0.0
        gain = db_to_gain(params.monitor_gain_db)
        for source, signal in signals.items():
            ramp, wanted = self._gains[source], gain if params.monitor == source else 0.0
            if ramp.gain or wanted:
                self._part[:] = signal
                self._mix += ramp.process(self._part, wanted)
        return self._mix

    def _matched(self, name: str, hop: Hop) -> Block:
        """The signal at once, as loud as the voice; `_delayed` then has it at the voice's moment."""
        signal, match = getattr(hop, name), self._match[name]
        match.process(self._delayed[name].process(signal, hop.delay), hop.spoken, 0, True)
        at_once = self._at_once[name]
        at_once[:] = signal
        return self._level[name].process(at_once, db_to_gain(match.gain_db))


class _Delay:
    """Delays by a number of samples that may change; the change is cross-faded."""

    def __init__(self) -> None:
        self._past = np.zeros(_LONGEST_DELAY + HOP, np.float32)
        self._samples = 0
        self.block = np.zeros(HOP, np.float32)

    def process(self, x: Block, samples: int) -> Block:
        """Returns `block`: (HOP,) of the past, `samples` before `x`."""
        samples = min(samples, _LONGEST_DELAY)
        self._past[:-HOP] = self._past[HOP:]
        self._past[-HOP:] = x
        self.block[:] = self._at(self._samples)
        if samples != self._samples:
            self.block += (self._at(samples) - self.block) * _FADE
            self._samples = samples
        return self.block

    def _at(self, samples: int) -> Block:
        end = len(self._past) - samples
        return self._past[end - HOP : end]


_FADE = (np.arange(HOP, dtype=np.float32) + 1) / HOP


class MonitorPath:
    """Brings the mix to the monitor's ring, at its rate and on its clock."""

    def __init__(self, shared: SharedBlock, rate: int, compute_s: float) -> None:
        stream = StreamView(shared.monitor_ring, shared["monitor_stream"], rate)
        self._resampler = make_resampler(MODEL_RATE, rate, HOP, variable=True)
        hop = round(rate * HOP / MODEL_RATE)
        self._outlet = Outlet(stream, shared["monitor_armed"], hop, duplex=False, compute_s=compute_s)
        self._mix = MonitorMix()
        # Hops of one step wait here for `deliver`; a step brings at most three.
        self._ready = np.zeros(math.ceil(3.2 * HOP * rate / MODEL_RATE), np.float32)
        self._count = 0

    def feed(self, hop: Hop, params: EngineParams) -> None:
        """Takes one hop."""
        y = self._resampler.process(self._mix.process(hop, params))
        self._ready[self._count : self._count + len(y)] = y
        self._count += len(y)

    def deliver(self, moment: Moment, now: float) -> None:
        """Sends what `feed` made ready."""
        self._outlet.deliver(self._ready[: self._count], moment, now, quiet=False)
        self._count = 0
        self._resampler.ratio_adjust = self._outlet.ratio
