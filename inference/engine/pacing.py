"""How far the output runs behind the input, and how much of that is safety.

Positions, in frames since the streams opened: the worker's next input sample was the `source`-th the
device delivered; its next output sample will be the `landing`-th the device plays. On one clock their
difference is the delay of the rings, exactly. What it must be at least, so that no callback ever finds
the output ring dry, follows from the block N of the callbacks, the hop H, and what they have in common:

    output is asked for N frames at the moment the input delivers N
    a hop may have to wait for  H - gcd(N, H)  more frames than a block brings
    so the delay is at least    H - gcd(N, H) + N,   and the worker has one block of time to compute

On two clocks the phase between callbacks wanders, and the term with the gcd becomes H.
"""

from __future__ import annotations

import math

from inference.engine.latency import LatencyBudget

_COMPUTE_SHARE = 1.5
_JITTER_S = (0.001, 0.003)
"""First margin: half as much again as a hop takes to compute, and the jitter of callbacks on one clock
or on two."""


def first_margin(block_s: float, compute_s: float, duplex: bool) -> float:
    """Margin to start with, seconds, for a converter that takes `compute_s` a hop.

    On one clock the turn-around already leaves a block of time to compute; on two it leaves none.
    """
    need = _COMPUTE_SHARE * compute_s + _JITTER_S[0 if duplex else 1]
    return max(0.0, need - block_s) if duplex else need


def turnaround_frames(block: int, hop: int, duplex: bool) -> tuple[int, int]:
    """The least delay of the rings as (waiting for a block, filling a hop), in frames of the output.

    `block`: frames per callback, `hop`: frames the worker takes at a time.
    """
    fill = hop - math.gcd(block, hop) if duplex and block else hop
    return block, fill


def budget(
    device_s: tuple[float, float],
    ring_delay_s: float,
    hop_s: float,
    look_ahead_s: float,
    margin_s: float,
    compute_s: tuple[float, float],
    block_s: tuple[float, float] = (0.0, 0.0),
) -> LatencyBudget:
    """The parts of a known total: devices, look-ahead, and the delay of the rings split by cause.

    `hop_s` and `margin_s` are what the rings were told to hold for those reasons; `compute_s` is (p50,
    p99). What remains of `ring_delay_s` is the turn-around of a block. `block_s` is what of `look_ahead_s`
    a converter spends on filling and on computing blocks of its own; it counts as `hop` and as compute.
    A delay below 0, which a clock model that has just begun may give, counts as none.
    """
    ring_ms = max(0.0, 1e3 * ring_delay_s)
    hop = min(1e3 * hop_s, ring_ms)
    compute = min(1e3 * compute_s[1], ring_ms - hop)
    margin = min(1e3 * margin_s, ring_ms - hop - compute)
    return LatencyBudget(
        device_in=1e3 * device_s[0],
        ring_in=ring_ms - hop - margin - compute,
        hop=hop + 1e3 * block_s[0],
        lookahead=1e3 * (look_ahead_s - sum(block_s)),
        compute_p50=1e3 * compute_s[0],
        compute_p99=compute + 1e3 * block_s[1],
        margin=margin,
        device_out=1e3 * device_s[1],
    )
