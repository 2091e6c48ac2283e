"""Margin and budget: grows at once, shrinks slowly, and the parts always add up."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.engine.latency import LatencyBudget
from inference.engine.pacing import Margin, budget, first_margin, turnaround_frames

HOP_S = 0.01
ms = st.floats(0.0, 0.2, allow_subnormal=False)


def margin_of(first_s: float = 0.002, step_s: float = 0.0) -> Margin:
    return Margin(HOP_S, first_s, step_s)


def test_an_underrun_adds_half_a_hop() -> None:
    margin = margin_of()
    before = margin.seconds
    margin.underrun(1.0)
    assert margin.seconds == pytest.approx(before + 0.5 * HOP_S)


def test_the_margin_has_a_limit() -> None:
    margin = margin_of()
    for second in range(100):
        margin.underrun(float(second))
    assert margin.seconds == pytest.approx(8 * HOP_S)


@given(first=st.floats(0.0, 0.05, allow_subnormal=False), step=st.sampled_from([0.001, 0.0025, 0.005, 0.01]))
def test_the_margin_is_whole_steps_and_never_less_than_asked(first: float, step: float) -> None:
    seconds = margin_of(first, step).seconds
    assert seconds / step == pytest.approx(round(seconds / step))
    assert first - 1e-6 <= seconds < first + step + 1e-6


def observe(margin: Margin, begin: float, seconds: float, spare: float) -> float:
    """Hops for a while, each with the same time to spare; by how much the margin shrank."""
    before = margin.seconds
    for i in range(round(seconds / HOP_S)):
        margin.observe(begin + i * HOP_S, spare)
    return before - margin.seconds


@pytest.mark.parametrize("step", [0.001, 0.005])
def test_time_to_spare_shrinks_the_margin_by_a_step_each_30_s(step: float) -> None:
    margin = margin_of(0.02, step)
    assert observe(margin, 0.0, 61.0, spare=0.008) == pytest.approx(2 * step)


def test_less_to_spare_than_a_step_and_some_keeps_the_margin() -> None:
    assert observe(margin_of(0.02, 0.005), 0.0, 61.0, spare=0.006) == 0


def test_one_tight_hop_keeps_the_margin() -> None:
    margin = margin_of(0.01)
    observe(margin, 0.0, 10.0, spare=0.008)
    margin.observe(10.0, 0.002)
    assert observe(margin, 10.01, 21.0, spare=0.008) == 0


def test_an_underrun_begins_the_wait_anew() -> None:
    margin = margin_of()
    observe(margin, 0.0, 29.0, spare=0.008)
    margin.underrun(29.0)
    assert observe(margin, 29.0, 29.5, spare=0.008) == 0


def test_the_margin_never_becomes_negative() -> None:
    margin = margin_of(0.003)
    for window in range(40):
        margin.observe(31.0 * window, 0.02)
    assert margin.seconds == 0.0


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
