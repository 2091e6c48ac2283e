"""Margin and budget: grows at once, shrinks slowly, and the parts always add up."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.engine.latency import LatencyBudget
from inference.engine.pacing import Margin, budget, turnaround_frames

HOP_S = 0.01
ms = st.floats(0.0, 0.2)


def test_an_underrun_adds_half_a_hop() -> None:
    margin = Margin(HOP_S)
    before = margin.seconds
    margin.underrun(1.0)
    assert margin.seconds == pytest.approx(before + 0.5 * HOP_S)


def test_the_margin_has_a_limit() -> None:
    margin = Margin(HOP_S)
    for second in range(100):
        margin.underrun(float(second))
    assert margin.seconds == pytest.approx(8 * HOP_S)


def observe(margin: Margin, begin: float, seconds: float, spare: float) -> int:
    """Hops for a while, each with the same time to spare; how often the margin shrank."""
    return sum(margin.observe(begin + i * HOP_S, spare) for i in range(round(seconds / HOP_S)))


def test_time_to_spare_shrinks_the_margin_by_1_ms_each_30_s() -> None:
    margin = Margin(HOP_S)
    margin.underrun(0.0)
    before = margin.seconds
    assert observe(margin, 0.0, 61.0, spare=0.008) == 2
    assert margin.seconds == pytest.approx(before - 0.002)


def test_one_tight_hop_keeps_the_margin() -> None:
    margin = Margin(HOP_S)
    margin.underrun(0.0)
    observe(margin, 0.0, 10.0, spare=0.008)
    margin.observe(10.0, 0.0035)
    assert observe(margin, 10.01, 21.0, spare=0.008) == 0


def test_an_underrun_begins_the_wait_anew() -> None:
    margin = Margin(HOP_S)
    observe(margin, 0.0, 29.0, spare=0.008)
    margin.underrun(29.0)
    assert observe(margin, 29.0, 29.5, spare=0.008) == 0


def test_the_margin_never_becomes_negative() -> None:
    margin = Margin(HOP_S)
    for window in range(40):
        margin.observe(31.0 * window, 0.02)
    assert 0.0 <= margin.seconds < 0.001


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
