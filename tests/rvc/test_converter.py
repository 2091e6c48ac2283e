"""Hops in and out of a block converter: its delay, and what a late or failing thread leaves."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from numpy.typing import NDArray

from inference.chain import Chain
from inference.converter import HOP, MODEL_RATE
from inference.engine.messages import EngineParams
from inference.modelfree.converter import ModelFreeConverter
from inference.rvc.converter import RvcConverter
from inference.rvc.stream import Plan, RvcStream
from inference.rvc.synthesis import Array, Timbre
from tests.rig.caller import wait_until
from tests.rvc.stand_in import synthesis
from voices.tuning import Tuning
from voices.voice import Recipe

BLOCK, WAIT = 4, 2


class Echo:
    """Gives blocks back as they are, each after `allow` was released once; records what it heard."""

    latency_samples = 24

    def __init__(self) -> None:
        self.allow = threading.Semaphore(0)
        self.begun, self.resets = 0, 0
        self.fails = False
        self.timbres: list[Timbre] = []

    def reset(self) -> None:
        self.resets += 1

    def render(self, x: Array, f0: Array, timbre: Timbre) -> Array:
        self.begun += 1
        assert self.allow.acquire(timeout=60)
        self.timbres.append(timbre)
        if self.fails:
            raise RuntimeError("a runtime's own")
        return x.copy()


def speech(hops: int) -> NDArray[np.float32]:
    """(hops, HOP) of numbers that say which hop they belong to."""
    return np.repeat(0.1 + np.arange(hops, dtype=np.float32)[:, None] / 1000, HOP, axis=1)


class Run:
    """A converter fed hop by hop."""

    def __init__(self) -> None:
        self.stream = Echo()
        self.converter = RvcConverter(self.stream, BLOCK, WAIT, 0.0)
        self.heard = speech(400)
        self.count = 0

    def hops(self, count: int) -> NDArray[np.float32]:
        """The output of the next hops: (count, HOP)."""
        blocks = self.heard[self.count : self.count + count]
        self.count += count
        return np.array([self.converter.process(block, Tuning()).copy() for block in blocks])

    def compute(self, blocks: int) -> None:
        """Lets the thread finish this many more blocks."""
        wanted = self.given_back + blocks
        for _ in range(blocks):
            self.stream.allow.release()
        wait_until(lambda: self.given_back == wanted, 60)

    @property
    def given_back(self) -> int:
        """Blocks that the thread finished so far."""
        return self.converter._returned + len(self.converter._done)


@pytest.fixture
def run() -> Run:
    return Run()


def test_the_delay_is_a_block_the_wait_and_the_streams_own(run: Run) -> None:
    spoken = []
    for _ in range(6):
        spoken.append(run.hops(BLOCK))
        run.compute(1)
    late = run.converter.latency_samples - run.stream.latency_samples
    assert late == (BLOCK - 1 + WAIT) * HOP
    y = np.concatenate(spoken).reshape(-1)
    np.testing.assert_array_equal(y[:late], 0)
    np.testing.assert_array_equal(y[late + HOP :], run.heard[: run.count].reshape(-1)[HOP : len(y) - late])
    assert run.converter.late_hops == 0


def test_a_late_block_leaves_counted_silence_with_soft_edges_and_more_delay(run: Run) -> None:
    run.hops(BLOCK)
    run.compute(1)
    missing = run.hops(BLOCK + WAIT + 1)
    run.compute(1)
    y = np.concatenate((missing, run.hops(BLOCK)))
    steps = np.abs(np.diff(y.reshape(-1)))
    assert run.converter.late_hops == 2
    assert run.converter.compute_samples == (WAIT + 2) * HOP
    assert steps.max() < 1.1 * run.heard.max() / HOP
    np.testing.assert_array_equal(y[BLOCK + WAIT - 1 : BLOCK + WAIT + 1], 0)
    np.testing.assert_array_equal(y[-2], run.heard[BLOCK + BLOCK - 2])


def test_a_machine_far_too_slow_drops_blocks_instead_of_growing_the_delay(run: Run) -> None:
    for _ in range(20):
        run.hops(2 * BLOCK)
        run.compute(1)
    assert run.converter.latency_samples < 8 * BLOCK * HOP
    assert run.converter.late_hops > 60
    assert run.stream.resets > 5


def test_a_failure_is_silence_and_counted(run: Run) -> None:
    run.stream.fails = True
    for _ in range(4):
        spoken = run.hops(BLOCK)
        run.compute(1)
    np.testing.assert_array_equal(spoken, 0)
    assert run.converter.late_hops == 3 * BLOCK


def test_after_a_reset_nothing_of_the_past_is_heard(run: Run) -> None:
    run.hops(3 * BLOCK)
    run.converter.reset()
    run.heard[:] = 0.5
    run.compute(3)
    y = []
    for _ in range(4):
        y.append(run.hops(BLOCK))
        run.compute(1)
    assert set(np.unique(np.concatenate(y)[BLOCK + WAIT :])) == {0.5}


def test_what_is_no_number_is_silence_and_the_sliders_reach_the_stream(run: Run) -> None:
    bad = np.full(HOP, np.nan, np.float32)
    for _ in range(BLOCK):
        run.converter.process(bad, Tuning(formant_semitones=12.0, timbre=0.5))
    run.compute(1)
    assert run.stream.timbres == [Timbre(2.0, 0.375)]
    assert np.isfinite(run.hops(BLOCK)).all()


def test_a_converter_that_nobody_has_any_more_ends_its_thread() -> None:
    run = Run()
    thread = next(t for t in threading.enumerate() if t.name == "rvc" and t.is_alive())
    before = sum(t.name == "rvc" for t in threading.enumerate())
    del run
    wait_until(lambda: sum(t.name == "rvc" for t in threading.enumerate()) < before, 10)
    assert thread.daemon


def test_a_call_goes_to_an_rvc_voice_and_back_without_a_hole_or_a_click() -> None:
    stream = RvcStream(synthesis(), Plan(10, 40))
    converter = RvcConverter(stream, 10, 3, 0.0)
    chain = Chain(MODEL_RATE, MODEL_RATE, ModelFreeConverter(Recipe()))
    params = EngineParams(gate_db=-120.0, loudness_match=False)
    x = (0.2 * np.sin(2 * np.pi * 200 / MODEL_RATE * np.arange(600 * HOP))).astype(np.float32)
    spoken = []
    for count, block in enumerate(x.reshape(-1, chain.block)):
        if count == 150:
            chain.swap(converter)
        if count == 400:
            chain.swap(ModelFreeConverter(Recipe()))
        spoken.append(chain.process(block, params).copy())
        wait_until(lambda: converter._handed == converter._returned + len(converter._done), 10)
    y = np.concatenate(spoken)[20 * HOP :]
    level = np.sqrt(np.square(y.reshape(-1, HOP)).mean(axis=1))
    assert level.min() > 0.03
    assert np.abs(np.diff(y)).max() < 0.05
    assert chain.late_hops == 0
    assert isinstance(chain.converter, ModelFreeConverter)
