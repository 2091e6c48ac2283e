"""Sleeps and set clocks are told once each, in words; ordinary time is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.engine.time_watch import TimeWatch, awake_and_asleep


class Clocks:
    """Two clocks and their watch."""

    def __init__(self) -> None:
        self.steady, self.wall = 1000.0, 1_790_000_000.0
        self.watch = TimeWatch(lambda: self.steady, lambda: self.wall)

    def look(self, passed_s: float, set_s: float = 0.0) -> tuple[float, list[str]]:
        """Time goes by, the wall clock is set by `set_s` meanwhile, and the watch looks."""
        self.steady += passed_s
        self.wall += passed_s + set_s
        return self.watch.look()


def test_a_sleep_is_told_once() -> None:
    clocks = Clocks()
    assert clocks.look(8000.0) == (
        8000.0,
        ["The computer slept, or stopped Menura, for 8000 s; the call goes on."],
    )
    assert clocks.look(0.1) == (0.0, [])


@pytest.mark.parametrize(
    ("set_s", "words"),
    [
        (30.0, "forward by 30 s"),
        (-3600.0, "back by 60 min"),
        (-7200.0, "back by 2 h"),
        (90_000.0, "forward by 25 h"),
    ],
)
def test_a_set_clock_is_told_once_in_words(set_s: float, words: str) -> None:
    clocks = Clocks()
    pause_s, sentences = clocks.look(0.1, set_s)
    assert pause_s == 0.0
    assert sentences == [f"The computer's clock was set {words}; the call does not go by it."]
    assert clocks.look(0.1) == (0.0, [])


@given(
    st.lists(
        st.tuples(st.floats(0.0, 1.9, allow_subnormal=False), st.floats(-1.9, 1.9, allow_subnormal=False)),
        max_size=50,
    )
)
def test_ordinary_time_is_no_news(steps: list[tuple[float, float]]) -> None:
    clocks = Clocks()
    assert all(clocks.look(passed, disciplined) == (0.0, []) for passed, disciplined in steps)


def test_the_steady_clock_goes_forward() -> None:
    first = awake_and_asleep()
    assert awake_and_asleep() >= first
