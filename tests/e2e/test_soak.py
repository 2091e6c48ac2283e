"""Half a minute of `tests.tools.soak` with every kind of event once; what holds however slow the machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rig.x_server import x_server
from tests.tools.soak import soak
from tests.tools.soak_plan import SHORT_FAULTS, plan_short

pytestmark = [pytest.mark.jack, pytest.mark.timeout(300)]

_AGREEMENT_MS = 2.0
_LEAK_MB = 300.0


def test_whatever_happens_the_call_goes_on_and_the_figures_are_true(tmp_path: Path) -> None:
    steps = plan_short()
    with x_server("1500x1000x24") as display:
        figures = soak(steps, steps[-1].at_s, tmp_path, display)
    assert [fault["kind"] for fault in figures["faults"]] == list(SHORT_FAULTS)
    assert all(fault["came_back"] for fault in figures["faults"]), figures["faults"]
    assert figures["raw_pieces_in_bypass"] > 0  # it would be noticed ...
    assert figures["raw_pieces_outside_bypass"] == 0  # ... and the microphone was not heard otherwise
    assert figures["heard"]["gaps_no_counter_knows"] == 0
    latency = figures["latency"]
    assert latency["bypass_probes_measured"] > 0
    assert latency["measured_less_reported_worst_ms"] < _AGREEMENT_MS
    assert figures["counted"]["runtime_failures"] == 0
    for memory in figures["memory_mb"].values():
        assert memory["uss_at_end"] - memory["uss_at_start"] < _LEAK_MB
