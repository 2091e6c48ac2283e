"""A microphone that delivers in pieces: nothing for a while, then all of it at once. Virtual time."""

from __future__ import annotations

import pytest

from inference.engine.messages import Mode
from tests.engine.simulation import Simulation

BLOCK_MS = 5
PARTS = ("device_in", "ring_in", "hop", "lookahead", "compute_p50", "compute_p99", "margin", "device_out")


def source(monkeypatch: pytest.MonkeyPatch, piece_ms: int, **more: float) -> Simulation:
    """Two devices 200 ppm apart, callbacks up to 1 ms late."""
    return Simulation(
        monkeypatch,
        duplex=False,
        piece=max(1, piece_ms // BLOCK_MS),
        jitter_s=0.001,
        ppm_in=100,
        ppm_out=-100,
        seconds=40.0,
        **more,  # type: ignore[arg-type]
    )


def run(sim: Simulation, seconds: float) -> None:
    """Lets time pass; no part of the delay told may ever be negative."""
    for _ in range(round(20 * seconds)):
        sim.run(0.05)
        record = sim.shared["telemetry"][0]
        assert min(float(record[part]) for part in PARTS) >= 0.0


@pytest.mark.parametrize(("piece_ms", "known_after_s"), [(30, 2), (60, 2), (200, 2), (600, 3), (2000, 9)])
@pytest.mark.parametrize("cost_s", [0.002, 0.007])
def test_its_pieces_are_kept_in_store_and_told(
    monkeypatch, piece_ms: int, known_after_s: int, cost_s: float
) -> None:
    sim = source(monkeypatch, piece_ms, cost_s=cost_s)
    run(sim, known_after_s)
    underruns, dropped = sim.underruns, sim.session._dropped_in + sim.session._outlet.dropped
    run(sim, 6.0)
    assert sim.underruns == underruns
    assert sim.session._dropped_in + sim.session._outlet.dropped == dropped
    lag = sim.lag_ms(known_after_s + 5.0, reach_s=2.5)
    assert sim.told_ms() == pytest.approx(lag, abs=1.5)
    assert piece_ms < lag < piece_ms + 40
    assert float(sim.shared["telemetry"]["piece"][0]) == pytest.approx(piece_ms - BLOCK_MS, abs=4)


def test_a_source_may_change_while_it_is_heard(monkeypatch) -> None:
    """Another microphone moved in by the sound server: steady, in pieces, steady, in other pieces."""
    sim = source(monkeypatch, BLOCK_MS)
    run(sim, 4.0)
    steady = sim.lag_ms(3.5)
    for piece_ms, at in ((600, 12.0), (BLOCK_MS, 18.0), (100, 24.0), (BLOCK_MS, 30.0)):
        sim.piece = piece_ms // BLOCK_MS
        run(sim, 4.0)
        underruns = sim.underruns
        run(sim, at - 8.0 if at == 12.0 else 2.0)
        assert sim.underruns == underruns
        more = piece_ms - BLOCK_MS
        assert sim.lag_ms(sim.now - 101.0, reach_s=1.0) == pytest.approx(steady + more, abs=6)
        assert sim.session._outlet.margin.extra_s == 0.0
    assert sim.shared["telemetry"]["piece"][0] == 0.0


def test_a_sleep_in_between_is_got_over(monkeypatch) -> None:
    sim = source(monkeypatch, 600)
    run(sim, 5.0)
    sim.sleep(6.0)
    run(sim, 4.0)
    underruns = sim.underruns
    run(sim, 3.0)
    assert sim.underruns == underruns
    assert sim.told_ms() == pytest.approx(sim.lag_ms(17.0, reach_s=1.0), abs=1.5)


@pytest.mark.parametrize("every_s", [1.0, 0.5])
def test_stalls_of_a_steady_source_make_no_pieces(monkeypatch, every_s: float) -> None:
    sim = source(monkeypatch, BLOCK_MS)
    sim.run(2.0)
    for _ in range(8):
        sim.sleep(0.2)
        sim.run(every_s)
        assert sim.session._input.piece_s == 0.0


def test_one_clock_knows_no_pieces(monkeypatch) -> None:
    """JACK: a cycle that is late is late on both sides, and its delay is counted in frames."""
    sim = Simulation(monkeypatch, mode=Mode.BYPASS)
    sim.run(2.0)
    lag = sim.lag_ms(1.0)
    for _ in range(8):
        sim.sleep(0.2)
        sim.run(0.05)
    assert sim.shared["telemetry"]["piece"][0] == 0.0
    sim.run(2.0)
    assert sim.told_ms() == pytest.approx(lag, abs=0.1)


def test_the_next_hop_may_wait_while_there_is_time(monkeypatch) -> None:
    sim = source(monkeypatch, 600)
    sim.run(6.0)
    ahead = []
    for _ in range(600):
        sim.run(0.001)
        ahead.append(sim.session.ahead)
    assert 0.9 < sum(ahead) / len(ahead) < 1.0
    steady = source(monkeypatch, BLOCK_MS)
    steady.run(3.0)
    assert not steady.session.ahead
