"""48000 Hz in, 44100 Hz out, 400 ppm apart: what `tests.tools.two_clocks` does for half an hour, in short."""

from __future__ import annotations

import pytest

from tests.tools.two_clocks import SKEWS
from tests.tools.two_clocks_virtual import TwoClocks


@pytest.mark.parametrize("skew", SKEWS)
def test_nothing_is_dropped_and_the_delay_stays(
    monkeypatch: pytest.MonkeyPatch, skew: tuple[float, float]
) -> None:
    sim = TwoClocks(monkeypatch, *skew)
    sim.run(35.0)
    lags = []
    for _ in range(3):
        sim.run(5.0)
        lags.append(sim.lag())
        assert sim.told_ms() == pytest.approx(lags[-1], abs=0.3)
    assert (sim.underruns, sim.dropped) == (0, 0)
    assert max(lags) - min(lags) < 1.5
    assert 1e6 * sim.session._outlet.ratio == pytest.approx(skew[1] - skew[0], abs=60)
