"""What the engine tells about itself: a snapshot and the recent signal, read from shared memory."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from inference.engine.latency import LatencyBudget


@dataclass(frozen=True)
class Xruns:
    """Counters since start. `late_blocks`: hops that were finished after their deadline."""

    input_overflow: int = 0
    output_underflow: int = 0
    late_blocks: int = 0
    dropped_samples: int = 0

    @property
    def total(self) -> int:
        """Events a listener may have heard."""
        return self.input_overflow + self.output_underflow


@dataclass(frozen=True)
class Telemetry:
    """One consistent reading of the engine. Levels are linear, 1.0 = full scale.

    `load_margin_ms`: how much of the margin a load has added.

    `speaker_hz`: median F0 of who speaks into the microphone, 0 while it is not known; it stays after `stop`.

    `runtime`: what runs the voice's networks at this moment, for people; empty where it has none.
    """

    running: bool = False
    seconds: float = 0.0
    sample_rate: int = 0
    block_ms: float = 0.0
    latency: LatencyBudget = field(default_factory=LatencyBudget)
    xruns: Xruns = field(default_factory=Xruns)
    real_time_factor: float = 0.0
    compute_p999_ms: float = 0.0
    load_margin_ms: float = 0.0
    cpu_percent: float = 0.0
    rss_mb: float = 0.0
    input_peak: float = 0.0
    input_rms: float = 0.0
    output_peak: float = 0.0
    output_rms: float = 0.0
    limiter_gain_db: float = 0.0
    gate_open: bool = True
    drift_ppm: float = 0.0
    speaker_hz: float = 0.0
    runtime: str = ""
    runtime_failures: int = 0
    worker_restarts: int = 0
    stream_restarts: int = 0

    @property
    def lost_s(self) -> float:
        """Sound that was thrown away, seconds."""
        return self.xruns.dropped_samples / self.sample_rate if self.sample_rate else 0.0


@dataclass(frozen=True)
class Scope:
    """Signal that is new since `cursor` was last read, at MODEL_RATE.

    `input`, `output`: (n,) float32, aligned in time as heard (latency not removed), n at most 2 s.
    `input_f0`, `output_f0`: (m,) float32 in Hz, one per hop, 0 = unvoiced. `cursor` goes into the next
    read. Samples that were overwritten before they could be read are skipped.
    """

    cursor: int
    input: NDArray[np.float32]
    output: NDArray[np.float32]
    input_f0: NDArray[np.float32]
    output_f0: NDArray[np.float32]
