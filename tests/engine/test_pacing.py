"""First margin, turn-around and budget: enough, counted out, and the parts always add up."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.engine.latency import LatencyBudget
from inference.engine.pacing import budget, first_margin, turnaround_frames

ms = st.floats(0.0, 0.2, allow_subnormal=False)


def test_the_first_margin_covers_what_a_block_of_time_does_not() -> None:
    assert first_margin(0.005, 0.002, duplex=True) == 0.0
    assert first_margin(0.005, 0.006, duplex=True) == pytest.approx(0.005)
    assert first_margin(0.005, 0.002, duplex=False) == pytest.approx(0.006)


@pytest.mark.parametrize(
    ("block", "hop", "duplex", "expected"),
    [
        (240, 480, True, (240, 240)),
        (480, 480, True, (480, 0)),
        (960, 480, True, (960, 0)),
        (256, 480, True, (256, 448)),
        (441, 480, True, (441, 477)),
        (240, 480, False, (240, 480)),
        (0, 480, True, (0, 480)),
    ],
)
def test_turnaround(block: int, hop: int, duplex: bool, expected: tuple[int, int]) -> None:
    assert turnaround_frames(block, hop, duplex) == expected


@given(block=st.integers(1, 2048), hop=st.integers(1, 1000))
def test_the_turnaround_is_what_a_ring_without_computing_time_needs(block: int, hop: int) -> None:
    """Counts it out: the smallest pre-fill with which no callback starves."""
    waiting, fill, fullest_need = 0, 0, 0
    for _ in range(2 * hop // math.gcd(block, hop) + 2):
        fill -= block
        fullest_need = max(fullest_need, -fill)
        waiting += block
        fill += waiting // hop * hop
        waiting %= hop
    assert fullest_need == sum(turnaround_frames(block, hop, duplex=True))


@given(device=st.tuples(ms, ms), ring=ms, hop=ms, ahead=ms, margin=ms, compute=st.tuples(ms, ms))
def test_the_parts_add_up_to_the_whole(device, ring, hop, ahead, margin, compute) -> None:
    parts = budget(device, ring, hop, ahead, margin, compute)
    assert parts.total == pytest.approx(1e3 * (sum(device) + ring + ahead), abs=1e-6)
    assert all(value >= -1e-9 for value in parts.as_dict().values())
    assert parts.compute_p50 == 1e3 * compute[0]


def test_p50_is_shown_but_not_added() -> None:
    assert LatencyBudget(compute_p50=5.0, compute_p99=7.0, hop=10.0).total == 17.0
    assert LatencyBudget(hop=10.0).as_dict()["total"] == 10.0


def test_a_block_of_the_voices_own_is_no_look_ahead() -> None:
    plain = budget((0.0, 0.0), 0.02, 0.01, 0.7, 0.0, (0.001, 0.002))
    split = budget((0.0, 0.0), 0.02, 0.01, 0.7, 0.0, (0.001, 0.002), (0.4, 0.2))
    assert split.total == pytest.approx(plain.total)
    assert split.lookahead == pytest.approx(100)
    assert (split.hop, split.compute_p99) == pytest.approx((410, 202))
