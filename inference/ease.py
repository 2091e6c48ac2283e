"""How sliders move: no step is heard, and the new place is reached within 50 ms."""

from __future__ import annotations

_SHARE = 0.5
"""Share of the way to a slider's new place that is gone per hop: 97 % in 50 ms."""

_ARRIVED = 1e-3


def eased(before: float, wanted: float) -> float:
    """Where a slider is a hop after it was at `before` and was wanted at `wanted`."""
    moved = before + _SHARE * (wanted - before)
    return moved if abs(wanted - moved) > _ARRIVED else wanted
