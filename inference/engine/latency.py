"""The latency shown to the user, part by part."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields


@dataclass(frozen=True)
class LatencyBudget:
    """Mouth-to-ear delay in ms by stage. The total is the sum of all parts but `compute_p50`.

    `device_in` and `device_out`: what the audio system reports. `ring_in`: turn-around of one device
    block, plus what waits when devices have different clocks, or when the source delivers in pieces.
    `hop`: filling a model step, or a block where the voice computes several at once. `lookahead`:
    algorithmic latency of resamplers, converter and limiter. `compute_p99`: time of a step that all but
    1 % stay under, or the time given to a block. `margin`: the rest of the output ring's pre-fill.
    """

    device_in: float = 0.0
    ring_in: float = 0.0
    hop: float = 0.0
    lookahead: float = 0.0
    compute_p50: float = 0.0
    compute_p99: float = 0.0
    margin: float = 0.0
    device_out: float = 0.0

    @property
    def total(self) -> float:
        """Sum of the parts in ms."""
        return sum(getattr(self, f.name) for f in fields(self)) - self.compute_p50

    def as_dict(self) -> dict[str, float]:
        """The parts and `total`, in ms."""
        return {**asdict(self), "total": self.total}
