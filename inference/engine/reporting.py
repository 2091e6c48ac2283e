"""The worker's side of telemetry: cheap notes at each hop, a consistent record 33 times a second."""

from __future__ import annotations

import numpy as np

from audio.fence import Fence
from audio.levels import Level
from inference.chain import Chain
from inference.converter import HOP, MODEL_RATE, Block, PitchFrame
from inference.engine.pacing import budget
from inference.engine.shared import SCOPE_HOPS, SharedBlock
from inference.neural.runtime import FAILURES

_PUBLISH_HOPS = 3
_STATISTICS_HOPS = 50
_HISTORY = 4096
"""Compute times remembered: 41 s, enough for a p99.9 of four hops."""


class Reporter:
    """Writes scopes and telemetry; its readers never make it wait."""

    def __init__(self, shared: SharedBlock) -> None:
        self._sequence = shared["sequence"]
        record = shared["telemetry"]
        self._fence = Fence()
        self._fields = {name: record[name] for name in record.dtype.names or ()}
        self._scope_hops = shared["scope_hops"]
        self._scope_in = shared["scope_input"].reshape(SCOPE_HOPS, HOP)
        self._scope_out = shared["scope_output"].reshape(SCOPE_HOPS, HOP)
        self._f0_in, self._f0_out = shared["scope_input_f0"], shared["scope_output_f0"]
        self._times = np.zeros(_HISTORY)
        self._hops = 0
        self._percentiles = (0.0, 0.0, 0.0)
        self._mean = 0.0
        self._in, self._out = _Hold(), _Hold()

    def scope(self, heard: Block, spoken: Block, pitch: PitchFrame) -> None:
        """Notes one hop of signal: (HOP,) each."""
        count = int(self._scope_hops[0])
        slot = count % SCOPE_HOPS
        self._scope_in[slot] = heard
        self._scope_out[slot] = spoken
        self._f0_in[slot] = pitch.input_hz
        self._f0_out[slot] = pitch.output_hz
        self._fence()
        self._scope_hops[0] = count + 1

    def hop(self, seconds: float, chain: Chain) -> None:
        """Notes what one hop took, and its levels."""
        self._times[self._hops % _HISTORY] = seconds
        self._hops += 1
        self._mean += (seconds - self._mean) * max(0.01, 1.0 / self._hops)
        self._in.note(chain.level_in)
        self._out.note(chain.level_out)
        if self._hops % _STATISTICS_HOPS == 1:
            times = self._times[: min(self._hops, _HISTORY)]
            p50, p99, p999 = np.quantile(times, (0.5, 0.99, 0.999))
            self._percentiles = (float(p50), float(p99), float(p999))

    def begin(self, chain: Chain) -> None:
        """A session begins: what was known of another speaker does not stand any more.

        Called by the thread that will write: before, another session may be writing.
        """
        # A worker that was killed while writing leaves an odd number.
        self._sequence[0] += int(self._sequence[0]) % 2
        self._fields["speaker_hz"][0] = chain.speaker_hz

    @property
    def due(self) -> bool:
        """Whether `publish` should be called after this hop."""
        return self._hops % _PUBLISH_HOPS == 0

    def publish(
        self,
        *,
        device_s: tuple[float, float],
        ring_delay_s: float,
        hop_s: float,
        look_ahead_s: float,
        block_delay_s: tuple[float, float],
        margin_s: float,
        load_margin_s: float,
        piece_s: float,
        sample_rate: int,
        block_s: float,
        late_blocks: int,
        dropped_samples: int,
        drift_ppm: float,
        runtime: str,
        chain: Chain,
    ) -> None:
        """Writes a whole record under a new sequence number; odd while it is being written."""
        p50, p99, p999 = self._percentiles
        parts = budget(device_s, ring_delay_s, hop_s, look_ahead_s, margin_s, (p50, p99), block_delay_s)
        values = {
            **{name: value for name, value in parts.as_dict().items() if name != "total"},
            "running": 1.0,
            "load_margin": 1e3 * load_margin_s,
            "piece": 1e3 * piece_s,
            "seconds": self._hops * HOP / MODEL_RATE,
            "sample_rate": sample_rate,
            "block_ms": 1e3 * block_s,
            "late_blocks": late_blocks,
            "dropped_samples": dropped_samples,
            "real_time_factor": max(self._mean * MODEL_RATE / HOP, chain.block_load),
            "compute_p999_ms": 1e3 * p999,
            "input_peak": self._in.peak,
            "input_rms": self._in.rms,
            "output_peak": self._out.peak,
            "output_rms": self._out.rms,
            "limiter_gain_db": chain.limiter_gain_db,
            "gate_open": float(chain.gate_open),
            "drift_ppm": drift_ppm,
            "runtime": runtime.encode(),
            "runtime_failures": FAILURES.count,
            "speaker_hz": chain.speaker_hz,
        }
        self._sequence[0] += 1
        self._fence()
        for name, value in values.items():
            self._fields[name][0] = value
        self._fence()
        self._sequence[0] += 1
        self._in.reset()
        self._out.reset()


class _Hold:
    """The highest peak and loudest RMS since the last publication."""

    def __init__(self) -> None:
        self.peak = self.rms = 0.0

    def note(self, level: Level) -> None:
        """Takes one hop's level."""
        self.peak = max(self.peak, level.peak)
        self.rms = max(self.rms, level.rms)

    def reset(self) -> None:
        """Begins anew."""
        self.peak = self.rms = 0.0
