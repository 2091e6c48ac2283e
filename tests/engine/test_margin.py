"""The margin's plan: grows before hops come too late, shrinks after a calm, and does not flap."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.engine.margin import Margin

HOP_S = 0.01
LOADED = [0.002] * 9 + [0.012]
"""A load: each tenth of a second a hop needs 12 ms."""


class Call:
    """A margin that is told of hops one after the other."""

    def __init__(self, first_s: float = 0.005, step_s: float = 0.005) -> None:
        self.margin = Margin(HOP_S, first_s, step_s)
        self.now = 100.0
        self.late = 0
        self.history: list[float] = []

    def hear(self, needs: Iterable[float]) -> Call:
        """One hop each."""
        for needed_s in needs:
            self.late += needed_s > self.margin.seconds
            self.margin.observe(self.now, needed_s)
            self.history.append(self.margin.seconds)
            self.now += HOP_S
        return self

    def spend(self, seconds: float, needs: list[float]) -> Call:
        """That pattern for a while."""
        count = round(seconds / HOP_S)
        return self.hear((needs * (count // len(needs) + 1))[:count])

    @property
    def changes(self) -> int:
        """How often the margin was another than before."""
        return sum(a != b for a, b in zip(self.history, self.history[1:], strict=False))


@given(first=st.floats(0.0, 0.05, allow_subnormal=False), step=st.sampled_from([0.001, 0.0025, 0.005, 0.01]))
def test_the_margin_is_whole_steps_and_never_less_than_asked(first: float, step: float) -> None:
    seconds = Margin(HOP_S, first, step).seconds
    assert seconds / step == pytest.approx(round(seconds / step))
    assert first - 1e-6 <= seconds < first + step + 1e-6


@pytest.mark.parametrize(("needed_s", "grown_s"), [(0.0, 0.007), (0.008, 0.0095), (0.05, 0.012)])
def test_an_underrun_adds_what_it_needed_from_half_a_hop_to_a_whole_one(
    needed_s: float, grown_s: float
) -> None:
    margin = Margin(HOP_S, 0.002)
    margin.underrun(1.0, needed_s)
    assert margin.seconds == pytest.approx(grown_s, abs=0.001)
    for second in range(100):
        margin.underrun(float(second), needed_s)
    assert margin.seconds == pytest.approx(8 * HOP_S)


def test_two_hops_that_are_nearly_late_are_enough() -> None:
    """Nothing has stuttered yet: 4.6 of 5 ms were needed."""
    call = Call().spend(1.0, [0.002]).hear([0.0046]).spend(0.5, [0.002])
    assert call.margin.seconds == 0.005
    call.hear([0.0046])
    assert call.margin.seconds == 0.01
    assert call.late == 0


def test_one_accident_changes_nothing() -> None:
    call = Call().spend(3.0, [0.002]).hear([0.06, 0.05, 0.04]).spend(30.0, [0.002])
    assert call.changes == 0


def test_a_load_is_late_for_two_buckets_at_most_and_is_gone_after_a_calm() -> None:
    call = Call().spend(5.0, [0.002])
    call.spend(5.0, LOADED)
    assert call.margin.seconds == 0.015
    assert call.margin.extra_s == pytest.approx(0.01)
    assert call.late <= 4
    late = call.late
    call.spend(8.0, [0.002])
    assert call.margin.seconds == 0.015
    call.spend(4.0, [0.002])
    assert call.margin.seconds == 0.005
    assert call.margin.extra_s == 0.0
    assert call.late == late


def test_a_load_that_comes_and_goes_does_not_make_it_flap() -> None:
    """12 s of load and 14 s of calm for half an hour: each time the wait is longer, until it stays."""
    call = Call()
    for _ in range(70):
        call.spend(12.0, LOADED).spend(14.0, [0.002])
    assert call.changes <= 5
    assert call.margin.seconds == 0.015


def test_when_a_load_is_back_so_is_its_margin_at_once() -> None:
    call = Call().spend(12.0, [0.002] * 9 + [0.052]).spend(32.0, [0.002])
    before, late = max(call.history), call.late
    assert call.margin.seconds <= before - 0.04
    call.spend(12.0, [0.002] * 9 + [0.052])
    assert call.margin.seconds == before
    assert call.late <= late + 3


def test_after_a_long_peace_it_is_quick_again() -> None:
    call = Call()
    for _ in range(5):
        call.spend(12.0, LOADED).spend(14.0, [0.002])
    call.spend(400.0, [0.002])
    assert call.margin.seconds == 0.005
    call.spend(5.0, LOADED).spend(12.0, [0.002])
    assert call.margin.seconds == 0.005


def test_a_pause_is_no_calm() -> None:
    call = Call().spend(5.0, LOADED)
    call.now += 600.0
    call.spend(9.0, [0.002])
    assert call.margin.seconds == 0.015


def test_it_shrinks_by_no_more_than_two_hops_at_a_time() -> None:
    call = Call(first_s=0.05, step_s=0.001)
    call.spend(10.5, [-0.01])
    assert call.margin.seconds == pytest.approx(0.03)
    call.spend(40.0, [-0.01])
    assert call.margin.seconds == 0.0


def test_the_first_margin_may_turn_out_to_be_more_than_is_usual() -> None:
    call = Call(first_s=0.02).spend(12.0, [0.002]).spend(5.0, LOADED)
    assert call.margin.extra_s == pytest.approx(0.015)


needs = st.lists(st.floats(-0.02, 0.2, allow_subnormal=False), min_size=1, max_size=400)


@given(
    needs=needs, step=st.sampled_from([0.001, 0.005, 0.01]), first=st.floats(0.0, 0.05, allow_subnormal=False)
)
def test_whatever_comes_it_stays_within_its_limits(needs: list[float], step: float, first: float) -> None:
    call = Call(first, step).hear(needs)
    assert all(0.0 <= seconds <= 8 * HOP_S + step for seconds in call.history)
    assert 0.0 <= call.margin.extra_s <= call.margin.seconds


@given(needs=needs)
def test_what_was_enough_without_a_growth_is_not_left_before_a_calm(needs: list[float]) -> None:
    call = Call().hear(needs)
    falls = [b < a for a, b in zip(call.history, call.history[1:], strict=False)]
    assert not any(falls)  # 4 s at most: no calm was long enough


@given(level=st.floats(0.0, 0.07, allow_subnormal=False), every=st.integers(1, 20))
def test_a_steady_need_is_met(level: float, every: int) -> None:
    """After half a second nothing is late any more."""
    call = Call().spend(0.6, [0.0] * (every - 1) + [level])
    late = call.late
    call.spend(3.0, [0.0] * (every - 1) + [level])
    assert call.late == late
    assert call.margin.seconds <= max(0.005, level + 0.0015 + 0.005 + 1e-9)
