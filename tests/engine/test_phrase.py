"""A phrase in the microphone's place: every sample of it, nothing but it, and never a second time."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from numpy.typing import NDArray

from inference.converter import HOP, MODEL_RATE
from inference.engine.phrase import LONGEST_S, PhraseError, PhrasePlayer, PhraseSource
from inference.engine.shared import SCOPE_HOPS, SharedBlock
from tests.engine.simulation import Simulation

MICROPHONE = np.full(HOP, 0.25, np.float32)


@pytest.fixture
def shared() -> SharedBlock:
    return SharedBlock(SimpleNamespace(buf=bytearray(SharedBlock.size()), name="phrase"))


def noise(samples: int) -> NDArray[np.float32]:
    return np.random.default_rng(1).uniform(-0.2, 0.2, samples).astype(np.float32)


def take(source: PhraseSource, hops: int) -> NDArray[np.float32]:
    """What the chain gets in that many hops of a microphone that gives a constant."""
    got = []
    for _ in range(hops):
        hop = MICROPHONE.copy()
        source.replace(hop)
        got.append(hop)
    return np.concatenate(got)


def started(shared: SharedBlock) -> PhraseSource:
    source = PhraseSource(shared)
    take(source, 1)
    return source


def scope(shared: SharedBlock, name: str, first: int, hops: int) -> NDArray[np.float32]:
    slots = np.arange(first, first + hops) % SCOPE_HOPS
    return shared[name].reshape(SCOPE_HOPS, HOP)[slots].ravel()


@pytest.mark.parametrize(("block", "duplex"), [(240, True), (441, True), (512, False)])
def test_the_engine_hears_the_phrase_and_nothing_else_while_it_lasts(
    monkeypatch: pytest.MonkeyPatch, block: int, duplex: bool
) -> None:
    sim = Simulation(monkeypatch, block=block, duplex=duplex)
    player, phrase = PhrasePlayer(sim.shared), noise(MODEL_RATE)
    sim.run(1.0)
    ticket = player.play(phrase)
    assert not player.progress(ticket).over
    sim.run(1.5)
    done = player.progress(ticket)
    assert (done.complete, done.played) == (True, 100)
    np.testing.assert_array_equal(scope(sim.shared, "scope_input", done.scope_hop, 100), phrase)
    after = scope(sim.shared, "scope_input", done.scope_hop + 100, 20)
    before = scope(sim.shared, "scope_input", done.scope_hop - 20, 20)
    assert np.abs(after).max() > 0.05
    assert np.abs(before).max() > 0.05
    assert sim.underruns == 0


def test_the_far_end_hears_the_phrase_as_late_as_told(monkeypatch: pytest.MonkeyPatch) -> None:
    sim = Simulation(monkeypatch)
    player = PhrasePlayer(sim.shared)
    sim.run(1.0)
    click = np.zeros(MODEL_RATE, np.float32)
    click[2400] = 0.5
    player.play(click)
    begin = round(sim.now * sim.rate) - 100 * sim.rate
    sim.run(1.5)
    quiet = sim.heard[begin + 4800 : begin + 4800 + sim.rate // 2]
    told = sim.told_ms() / 1000 * sim.rate
    assert int(np.argmax(np.abs(quiet))) == pytest.approx(told, abs=2 * HOP)  # a hop, at twice the rate
    assert np.count_nonzero(np.abs(quiet) > 0.01) < 100


def test_a_part_of_a_hop_is_filled_up_with_silence(shared: SharedBlock) -> None:
    player, source, phrase = PhrasePlayer(shared), started(shared), noise(HOP + 10)
    ticket = player.play(phrase)
    got = take(source, 3)
    np.testing.assert_array_equal(got[: HOP + 10], phrase)
    assert not got[HOP + 10 : 2 * HOP].any()
    np.testing.assert_array_equal(got[2 * HOP :], MICROPHONE)
    assert player.progress(ticket).complete


def test_a_session_that_begins_drops_what_an_older_one_left(shared: SharedBlock) -> None:
    player, source = PhrasePlayer(shared), started(shared)
    ticket = player.play(noise(10 * HOP))
    take(source, 4)
    np.testing.assert_array_equal(take(PhraseSource(shared), 3), np.tile(MICROPHONE, 3))
    progress = player.progress(ticket)
    assert (progress.over, progress.complete, progress.played) == (True, False, 4)


def test_one_after_the_other_and_stopped_on_the_way(shared: SharedBlock) -> None:
    player, source, phrase = PhrasePlayer(shared), started(shared), noise(5 * HOP)
    first = player.play(phrase)
    with pytest.raises(PhraseError, match="already"):
        player.play(phrase)
    take(source, 2)
    player.stop()
    np.testing.assert_array_equal(take(source, 2), np.tile(MICROPHONE, 2))
    assert player.progress(first).over
    assert not player.progress(first).complete
    second = player.play(phrase)
    np.testing.assert_array_equal(take(source, 5), phrase)
    assert player.progress(second).complete


@pytest.mark.parametrize("samples", [0, round(LONGEST_S * MODEL_RATE) + 1])
def test_what_does_not_fit_is_refused(shared: SharedBlock, samples: int) -> None:
    with pytest.raises(PhraseError, match="choose a shorter"):
        PhrasePlayer(shared).play(np.zeros(samples, np.float32))


def test_bad_samples_become_silence(shared: SharedBlock) -> None:
    player, source = PhrasePlayer(shared), started(shared)
    player.play(np.array([np.nan, np.inf, -np.inf, 0.5], np.float32))
    got = take(source, 1)
    np.testing.assert_array_equal(got[:4], [0, 0, 0, 0.5])
