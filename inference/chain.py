"""The way of a block through the product: the same code for a call and for a file.

device rate -> model rate -> input gain -> noise suppression -> gate -> converter -> equaliser
-> loudness match -> presence gate -> output gain -> limiter -> device rate -> mode
"""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np

from audio.denoise import Denoiser
from audio.eq import Equaliser
from audio.gate import OFF_DB, Gate
from audio.levels import Level, db_to_gain, make_finite, measure
from audio.limiter import Limiter
from audio.loudness import LoudnessMatch
from audio.presence import PresenceGate
from audio.resample import make_resampler
from audio.ring import Ring
from audio.smooth import GainRamp
from inference.converter import HOP, MODEL_RATE, Block, BlockConverter, Converter, PitchFrame, PitchMatcher
from inference.engine.messages import EngineParams, Mode
from inference.median import KNOWN, REMEMBERED, RunningMedian
from voices.tuning import Tuning

_LOUDEST = 100.0
"""Most of a sample, 40 dB above full scale: beyond it is no sound, and sums of it leave the range of float32.
What is infinite once stays in recursive filters for good."""

_MEETING_HOPS = 3
"""Hops a new converter runs beside the old one, beyond its latency, before it is heard."""


class HopListener(Protocol):
    """What wants to see each hop: scopes, meters, the monitor."""

    def __call__(self, heard: Block, spoken: Block, pitch: PitchFrame) -> None:
        """`heard`: (HOP,) of the microphone after the gate, `spoken`: (HOP,) as it goes out; borrowed."""


class HopSource(Protocol):
    """What may speak in the microphone's place."""

    def __call__(self, hop: Block) -> float | None:
        """`hop`: (HOP,) of the microphone, to be kept (None) or overwritten by somebody else's voice.

        Returns the other one's median F0 in Hz then, 0 where it is not known.
        """


def _keep(hop: Block) -> None:
    """Leaves the microphone as it is."""


def _ignore(heard: Block, spoken: Block, pitch: PitchFrame) -> None:
    """Listens to nothing."""


class Chain:
    """Converts a stream at device rates; owns every state on the way.

    `exact` says that input and output share rate and clock: then bypass is the input, bit for bit.
    `source` may put other samples in place of each hop; an exact bypass stays the input.
    `variable` makes the output ratio adjustable, for devices with different clocks.

    >>> chain = Chain(48_000, 48_000, converter)
    >>> y = chain.process(x, EngineParams())          # (chain.block,) float32 each
    >>> chain.latency_s
    """

    def __init__(
        self,
        rate_in: int,
        rate_out: int,
        converter: Converter,
        *,
        variable: bool = False,
        listener: HopListener = _ignore,
        source: HopSource = _keep,
    ) -> None:
        self.block = max(1, round(rate_in * HOP / MODEL_RATE))
        self.exact = not variable and rate_in == rate_out and (rate_in * HOP) % MODEL_RATE == 0
        self._down = make_resampler(rate_in, MODEL_RATE, self.block)
        self._up = make_resampler(MODEL_RATE, rate_out, 2 * HOP, variable=variable)
        self._queue = Ring.create(1 << math.ceil(math.log2(4 * HOP)))
        self._converter = converter
        self._next: Converter | None = None
        self._absent: RunningMedian | None = None
        self._meeting = 0
        self._listener, self._source = listener, source
        self._denoiser = Denoiser(HOP)
        self._gate = Gate(MODEL_RATE)
        self._presence = PresenceGate()
        self._equaliser = Equaliser(MODEL_RATE)
        self._loudness = LoudnessMatch(MODEL_RATE)
        self._limiter = Limiter(MODEL_RATE)
        self._input_gain, self._output_gain = GainRamp(), GainRamp()
        self._wet, self._dry = GainRamp(), GainRamp(0.0)
        self._hop = np.zeros(HOP, np.float32)
        self._raw = np.zeros(HOP, np.float32)
        self._heard = np.zeros(HOP, np.float32)
        self._spoken = np.zeros(HOP, np.float32)
        self._work = np.zeros(self.block, np.float32)
        # Room for the fastest output clock of a session: two hops' worth and the adjustment.
        self._output = np.zeros(math.ceil(3.1 * HOP * rate_out / MODEL_RATE), np.float32)
        self.level_in = self.level_out = Level(0.0, 0.0)
        self.clean_input = True
        self._late_before = 0

    @property
    def converter(self) -> Converter:
        """What speaks now; the old one until a change of voice is heard."""
        return self._converter

    @property
    def latency_s(self) -> float:
        """Algorithmic latency in seconds beyond the hop: resamplers, noise suppression, converter, limiter.

        It changes while running when noise suppression is switched on or off, or the voice changes.
        """
        stages = self._denoiser.latency_samples + self._converter.latency_samples
        stages += self._limiter.latency_samples
        return self._down.delay_s + self._up.delay_s + stages / MODEL_RATE

    def latency_in(self, mode: Mode) -> float:
        """Algorithmic latency in seconds of what is heard in this mode."""
        if mode != Mode.BYPASS:
            return self.latency_s
        return 0.0 if self.exact else self._down.delay_s + self._up.delay_s

    def block_delay_in(self, mode: Mode) -> tuple[float, float]:
        """What of `latency_in(mode)` is the filling and the computing of a converter's block, seconds."""
        converter = self._converter
        if mode == Mode.BYPASS or not isinstance(converter, BlockConverter):
            return 0.0, 0.0
        return converter.block_samples / MODEL_RATE, converter.compute_samples / MODEL_RATE

    @property
    def block_load(self) -> float:
        """Time that a block of the converter takes over its length; 0 for one that has none."""
        return self._converter.load if isinstance(self._converter, BlockConverter) else 0.0

    @property
    def late_hops(self) -> int:
        """Hops of silence so far because a converter's block was not ready."""
        return self._late_before + _late_hops(self._converter)

    @property
    def raw(self) -> Block:
        """The hop being processed as the microphone gave it: (HOP,) at the model rate, borrowed."""
        return self._raw

    @property
    def voice_delay_samples(self) -> int:
        """How much later than in `heard` a moment comes in `spoken`, samples at the model rate."""
        return self._converter.latency_samples + self._limiter.latency_samples

    @property
    def pending_s(self) -> float:
        """Input taken in but not yet given out, seconds: 0 where blocks are whole hops."""
        return self._queue.fill / MODEL_RATE

    @property
    def limiter_gain_db(self) -> float:
        """What the limiter takes away just now, dB."""
        return self._limiter.gain_db

    @property
    def gate_open(self) -> bool:
        """Whether the gates let the speaker through."""
        return self._gate.open and self._presence.open

    def adjust(self, ratio: float) -> None:
        """Speeds the output up by this share, to follow the output device's clock."""
        self._up.ratio_adjust = ratio

    @property
    def speaker_hz(self) -> float:
        """Median F0 in Hz of who speaks into the microphone, 0 while it is not known."""
        return (self._absent or _speaker(self._converter)).hz

    def begin(self, speaker_hz: float = 0.0, weight: float = REMEMBERED) -> None:
        """Makes the converter forget what it spoke elsewhere; called by the thread that will process.

        `speaker_hz`: median F0 of who will speak, 0 where it is not known; it counts like `weight` hops.
        """
        self._converter.reset()
        _speaker(self._converter).expect(speaker_hz, weight)

    def swap(self, converter: Converter) -> None:
        """Goes over to another voice: both run until the new one has filled, then they cross-fade.

        The speaker stays the same.
        """
        _speaker(converter).take_over(_speaker(self._converter))
        self._next = converter
        self._meeting = math.ceil(converter.latency_samples / HOP) + _MEETING_HOPS

    def process(self, x: Block, params: EngineParams) -> Block:
        """Returns the output for `x`: (block,) float32; as many samples where `exact`, else about.

        The array belongs to the chain and is valid until the next call.
        """
        work = self._work
        work[:] = x
        self.clean_input = make_finite(work) == 0
        np.clip(work, -_LOUDEST, _LOUDEST, out=work)
        own = work if self.exact else None
        wet_gain = 1.0 if params.mode == Mode.CONVERTED else 0.0
        dry_gain = 1.0 if params.mode == Mode.BYPASS else 0.0
        self._queue.push(self._down.process(work))
        count = 0
        while self._queue.fill >= HOP:
            self._queue.pop_into(self._hop)
            self._meet(self._source(self._hop))
            self._raw[:] = self._hop
            spoken = self._convert(params)
            if own is None:
                self._wet.process(spoken, wet_gain)
                spoken += self._dry.process(self._raw, dry_gain)
            resampled = self._up.process(spoken)
            self._output[count : count + len(resampled)] = resampled
            count += len(resampled)
        y = self._output[:count]
        if own is not None:
            self._wet.process(y, wet_gain)
            y += self._dry.process(own, dry_gain)
        return np.clip(y, -1.0, 1.0, out=y)

    def _meet(self, guest_hz: float | None) -> None:
        """Knows the speaker apart from somebody who speaks in the microphone's place for a while."""
        if (guest_hz is None) == (self._absent is None):
            return
        heard = [_speaker(converter) for converter in (self._converter, self._next) if converter]
        before, self._absent = self._absent, None
        if guest_hz is not None:
            self._absent = RunningMedian()
            self._absent.take_over(heard[0])
        for speaker in heard:
            if before is not None:
                speaker.take_over(before)
            elif guest_hz is not None:
                speaker.expect(guest_hz, KNOWN)

    def _convert(self, params: EngineParams) -> Block:
        """One hop from the microphone to the limiter. Shows it to the listener."""
        hop, tuning = self._hop, params.tuning
        self._input_gain.process(hop, db_to_gain(params.input_gain_db))
        self.level_in = measure(hop)
        raw = self._heard
        raw[:] = hop
        self._denoiser.process(hop, params.noise_suppression)
        gated = self._gate.process(hop, params.gate_db)
        spoken = self._spoken
        spoken[:] = self._converter.process(gated, tuning)
        if self._next is not None:
            self._cross_fade(gated, tuning)
        make_finite(spoken)
        self._equaliser.process(spoken, tuning.low_db, tuning.brightness_db)
        delay = round(self._converter.latency_samples / HOP)
        self._loudness.process(spoken, gated, delay, params.loudness_match)
        gating = params.gate_db > OFF_DB
        self._presence.process(spoken, raw, self._converter.pitch.voicing, gating, delay)
        self._output_gain.process(spoken, db_to_gain(tuning.output_gain_db))
        self._limiter.process(spoken)
        self.level_out = measure(spoken)
        self._listener(gated, spoken, self._converter.pitch)
        return spoken

    def _cross_fade(self, gated: Block, tuning: Tuning) -> None:
        assert self._next is not None
        arriving = self._next.process(gated, tuning)
        self._meeting -= 1
        if self._meeting >= 0:
            return
        self._spoken += (arriving - self._spoken) * _FADE
        self._late_before += _late_hops(self._converter)
        self._converter, self._next = self._next, None


def _speaker(converter: Converter) -> RunningMedian:
    """What the converter knows of the speaker; nothing that lasts for one that need not know."""
    return converter.speaker if isinstance(converter, PitchMatcher) else RunningMedian()


def _late_hops(converter: Converter) -> int:
    return converter.late_hops if isinstance(converter, BlockConverter) else 0


_FADE = (np.arange(HOP, dtype=np.float32) + 1) / HOP
