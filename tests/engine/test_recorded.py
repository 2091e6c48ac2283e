"""The margin's plan on timings recorded in real calls, with and without load: `tests.tools.margin_table`."""

from __future__ import annotations

import numpy as np
import pytest

from tests.tools.margin_table import CALM, play, recorded, story

CALLS = recorded()
LOADS = [name for name in CALLS if name != CALM]


def test_a_calm_machine_keeps_the_margin_it_began_with() -> None:
    outcome = play(CALLS[CALM] * 10)
    assert set(np.round(outcome.margins_ms, 6)) == {5.0}
    assert outcome.late == []


@pytest.mark.parametrize("name", LOADS)
def test_a_load_is_planned_for_within_seconds_and_forgotten_after_a_minute(name: str) -> None:
    needs, begin, end = story(CALLS[name], CALLS[CALM])
    outcome = play(needs)
    settled = begin + 2 * len(CALLS[name])
    late = sum(settled <= number < end for number in outcome.late)
    assert late <= 0.01 * (end - settled)
    assert not [number for number in outcome.late if number >= end]
    assert max(outcome.margins_ms) <= max(needs) + 5.0 + 1.5 + 5.0
    assert outcome.margins_ms[-1] <= 10.0


@pytest.mark.parametrize("name", LOADS)
def test_a_load_that_comes_and_goes_moves_the_margin_less_and_less(name: str) -> None:
    needs, _, _ = story(CALLS[name], CALLS[CALM])
    margins = np.array(play(needs * 5).margins_ms)
    moves = [np.count_nonzero(np.diff(part)) for part in np.array_split(margins, 5)]
    assert moves[-1] <= max(moves[0], 2)
