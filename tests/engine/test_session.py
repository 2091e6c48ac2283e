"""The worker's session against virtual devices: no dropout, a delay that is what it is told to be."""

from __future__ import annotations

import gc
import weakref
from types import SimpleNamespace

import numpy as np
import pytest

from inference.engine.messages import Mode
from tests.engine.simulation import Simulation

BLOCKS = [64, 128, 240, 256, 441, 512, 1024]


@pytest.mark.parametrize("block", BLOCKS)
def test_on_one_clock_nothing_is_lost_and_the_delay_is_the_one_told(monkeypatch, block: int) -> None:
    sim = Simulation(monkeypatch, block=block, mode=Mode.BYPASS)
    sim.run(3.0)
    assert (sim.underruns, sim.session._outlet.dropped) == (0, 0)
    assert sim.lag_ms(2.0) == pytest.approx(sim.told_ms(), abs=0.03)
    assert sim.session._outlet.delay_s == pytest.approx(sim.session._outlet.target_s, abs=1e-4)


@pytest.mark.parametrize("rate", [11_025, 22_050])
def test_a_rate_that_no_hop_fits_loses_nothing(monkeypatch, rate: int) -> None:
    """Its hops have 110.25 or 220.5 frames: now and then the chain takes one in and gives none out."""
    sim = Simulation(monkeypatch, block=256, rate=rate)
    sim.run(8.0)
    assert (sim.underruns, sim.session._outlet.dropped) == (0, 0)
    assert sim.session._outlet.delay_s == pytest.approx(sim.session._outlet.target_s, abs=1e-3)


@pytest.mark.parametrize("block", [64, 441])
def test_bypass_is_exact_after_the_first_sound(monkeypatch, block: int) -> None:
    sim = Simulation(monkeypatch, block=block, mode=Mode.BYPASS)
    sim.run(2.0)
    lag = round(48 * sim.lag_ms(1.0))
    np.testing.assert_array_equal(sim.heard[48_000:90_000], sim.played[48_000 - lag : 90_000 - lag])


@pytest.mark.parametrize("jitter_ms", [1.0, 4.0])
@pytest.mark.parametrize("block", [128, 480])
def test_jitter_is_survived(monkeypatch, block: int, jitter_ms: float) -> None:
    sim = Simulation(monkeypatch, block=block, jitter_s=1e-3 * jitter_ms, mode=Mode.BYPASS)
    sim.run(3.0)
    before = sim.underruns
    sim.run(4.0)
    assert sim.underruns == before
    assert sim.lag_ms(6.0) == pytest.approx(sim.told_ms(), abs=0.1)


@pytest.mark.parametrize(("ppm_in", "ppm_out"), [(300, 0), (0, 300), (-150, 150), (150, -150)])
@pytest.mark.parametrize(("block", "block_out"), [(240, 240), (512, 128)])
def test_two_clocks_are_followed(
    monkeypatch, block: int, block_out: int, ppm_in: float, ppm_out: float
) -> None:
    sim = Simulation(
        monkeypatch, block=block, block_out=block_out, ppm_in=ppm_in, ppm_out=ppm_out, duplex=False
    )
    sim.run(4.0)
    before = sim.underruns
    sim.run(5.5)  # before the margin finds out that it is more than is needed
    assert sim.underruns == before
    assert sim.session._outlet.dropped == 0
    assert sim.told_ms() == pytest.approx(sim.lag_ms(9.0), abs=1.0)
    assert 1e3 * sim.session._outlet.target_s == pytest.approx(1e3 * sim.session._outlet.delay_s, abs=1.5)


def test_two_clocks_with_jitter(monkeypatch) -> None:
    sim = Simulation(monkeypatch, ppm_in=-300, jitter_s=0.003, duplex=False)
    sim.run(5.0)
    before = sim.underruns
    sim.run(7.0)
    assert sim.underruns == before
    assert sim.told_ms() == pytest.approx(sim.lag_ms(11.5), abs=2.0)


def test_two_rates_run_side_by_side(monkeypatch) -> None:
    sim = Simulation(monkeypatch, block=441, rate=44_100, block_out=480, rate_out=48_000, duplex=False)
    sim.run(5.0)
    before = sim.underruns
    sim.run(5.0)
    assert sim.underruns == before
    assert np.abs(sim.heard[400_000:450_000]).max() > 0.1


@pytest.mark.parametrize("duplex", [True, False])
def test_a_stalled_worker_is_silence_and_then_the_delay_of_before(monkeypatch, duplex: bool) -> None:
    sim = Simulation(monkeypatch, duplex=duplex)
    sim.run(3.0)
    before, margin = sim.lag_ms(2.5), sim.session._outlet.margin.seconds
    sim.stall(0.4)
    sim.run(4.2)
    assert sim.underruns > 0
    assert not sim.heard[round(3.1 * 48_000) : round(3.3 * 48_000)].any()
    grown = 1e3 * (sim.session._outlet.margin.seconds - margin)
    assert 0 < grown <= 15
    assert sim.lag_ms(6.5) == pytest.approx(before + grown, abs=1.5)
    late = sim.underruns
    sim.run(2.0)
    assert sim.underruns == late


def test_time_that_the_audio_system_lost_itself_adds_no_margin(monkeypatch) -> None:
    sim = Simulation(monkeypatch)
    sim.run(3.0)
    before, margin = sim.lag_ms(2.5), sim.session._outlet.margin.seconds
    sim.flags = SimpleNamespace(input_overflow=True, output_underflow=True)
    sim.stall(0.05)
    sim.run(0.1)
    sim.flags = SimpleNamespace(input_overflow=False, output_underflow=False)
    sim.run(3.0)
    assert sim.underruns > 0
    assert sim.session._outlet.margin.seconds == margin
    assert sim.lag_ms(5.5) == pytest.approx(before, abs=0.1)


def test_a_slow_converter_grows_the_margin_until_it_fits(monkeypatch) -> None:
    sim = Simulation(monkeypatch, block=64, cost_s=0.008, compute_s=0.0)
    sim.run(0.3)
    first = sim.session._outlet.margin.seconds
    sim.run(7.7)
    before = sim.underruns
    sim.run(4.0)
    assert sim.session._outlet.margin.seconds > first
    assert sim.underruns == before


def test_a_known_slow_converter_starts_with_the_margin_it_needs(monkeypatch) -> None:
    sim = Simulation(monkeypatch, block=64, cost_s=0.008, compute_s=0.008)
    sim.run(4.0)
    assert sim.underruns == 0


def test_a_converter_slower_than_time_does_not_pile_up_delay(monkeypatch) -> None:
    sim = Simulation(monkeypatch, cost_s=0.013)
    sim.run(6.0)
    assert sim.underruns > 0
    assert sim.session._dropped_in > 0
    assert sim.shared.input_ring.fill <= 6 * 480
    assert sim.told_ms() < 250


def test_an_output_that_stops_asking_is_not_fed_stale_sound(monkeypatch) -> None:
    sim = Simulation(monkeypatch, duplex=False)
    sim.run(3.0)
    before = sim.lag_ms(2.5)
    sim.stopped.add("output")
    sim.run(1.0)
    assert sim.shared.output_ring.fill < 0.25 * 48_000
    sim.stopped.clear()
    sim.run(3.0)
    assert sim.lag_ms(6.5) < before + 20
    assert sim.lag_ms(6.5) == pytest.approx(sim.told_ms(), abs=2.0)


def test_an_input_that_stops_is_silence(monkeypatch) -> None:
    sim = Simulation(monkeypatch, duplex=False)
    sim.run(2.0)
    sim.stopped.add("input")
    sim.run(1.0)
    assert not sim.heard[round(2.2 * 48_000) : round(2.9 * 48_000)].any()


def test_hops_are_counted_once_each(monkeypatch) -> None:
    sim = Simulation(monkeypatch, block=256)
    sim.run(2.0)
    hops = int(sim.shared["scope_hops"][0])
    assert hops == (int(sim.stream("input")["frames"]) - sim.shared.input_ring.fill) // 480


@pytest.mark.parametrize("duplex", [True, False])
def test_a_load_adds_delay_without_a_hole_and_goes_with_it(monkeypatch, duplex: bool) -> None:
    """Five hops a second take longer and longer; then the load is gone."""
    sim = Simulation(monkeypatch, duplex=duplex, seconds=40.0)
    sim.run(3.0)
    before = sim.session._outlet.margin.seconds
    for step in range(50):
        sim.stall(0.0003 * step)
        sim.run(0.2)
    assert sim.underruns == 0
    assert sim.session._outlet.dropped == 0
    grown = sim.session._outlet.margin.seconds
    assert grown > before
    assert sim.session._outlet.delay_s == pytest.approx(sim.session._outlet.target_s, abs=0.013)
    heard = sim.heard[3 * 48_000 : 13 * 48_000]
    assert np.diff(np.flatnonzero(heard)).max() < 48
    sim.run(15.0)
    assert sim.session._outlet.margin.seconds < grown
    assert sim.session._outlet.margin.extra_s == 0.0
    assert sim.underruns == 0


@pytest.mark.parametrize("duplex", [True, False])
def test_a_pause_of_everything_is_no_load(monkeypatch, duplex: bool) -> None:
    """A sleep: no callback for 6 s, and the worker stands still as well."""
    sim = Simulation(monkeypatch, duplex=duplex)
    sim.run(3.0)
    before, margin = sim.lag_ms(2.5), sim.session._outlet.margin.seconds
    sim.sleep(6.0)
    sim.run(4.0)
    assert sim.session._outlet.margin.seconds == margin
    assert sim.lag_ms(12.5) == pytest.approx(before, abs=1.5)
    assert sim.told_ms() == pytest.approx(sim.lag_ms(12.5), abs=1.5)
    assert np.count_nonzero(sim.heard[round(9.5 * 48_000) : 12 * 48_000]) > 2.4 * 48_000


def test_a_session_goes_with_its_streams_though_the_worker_collects_no_cycles(monkeypatch) -> None:
    sim = Simulation(monkeypatch)
    sim.run(0.2)
    session, converter = weakref.ref(sim.session), weakref.ref(sim.session.chain.converter)
    gc.collect()
    gc.disable()
    try:
        del sim.session
        assert session() is None
        assert converter() is None
    finally:
        gc.enable()
