"""Which block a machine gets, and what is told where none fits; the bench's figures."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from inference.converter import HOP, MODEL_RATE
from inference.rvc.bench import measure_live, measure_stages
from inference.rvc.build import BLOCKS, choose, make_live, wait_hops
from inference.rvc.facts import RvcError
from inference.rvc.synthesis import Synthesis
from tests.rvc.stand_in import StandIn, facts, synthesis


def clock(seconds: Callable[[int], float]) -> tuple[Synthesis, Callable[[], float]]:
    """A voice and a clock by which a block with so many frames of context and block takes so long."""
    voice = StandIn(facts())
    now = 0.0
    asked = 0

    def look() -> float:
        nonlocal now, asked
        asked += 1
        if asked % 2 == 0:
            now += seconds(voice.frames)
        return now

    return Synthesis(voice, voice), look


@pytest.mark.parametrize(
    ("per_frame", "base", "block"),
    [(0.0002, 0.0, 10), (0.0002, 0.06, 14), (0.0005, 0.1, 30), (0.001, 0.2, 50)],
)
def test_the_smallest_block_that_leaves_a_quarter_of_the_time_is_taken(
    per_frame: float, base: float, block: int
) -> None:
    voice, look = clock(lambda frames: base + per_frame * frames)
    stream, longest = choose(voice, look)
    assert stream.plan.block == block
    assert longest <= 0.75 * block / 100
    smaller = [b for b in BLOCKS if b < block]
    if smaller:
        assert base + per_frame * (120 + smaller[-1]) > 0.75 * smaller[-1] / 100
    assert 0.013 * wait_hops(longest) > longest


def test_a_machine_too_slow_is_told_after_two_looks_of_two_blocks() -> None:
    looks = []
    voice, look = clock(lambda frames: looks.append(frames) or 0.9)
    with pytest.raises(RvcError, match=r"too slow .* 0\.9 s for 0\.5 s of sound\. Converting files works"):
        choose(voice, look)
    assert len(looks) == 4


def test_a_machine_that_was_busy_for_a_moment_is_not_too_slow() -> None:
    stalls = iter([0.0, 0.0, 1.0])
    voice, look = clock(lambda frames: 0.01 + next(stalls, 0.0))
    stream, longest = choose(voice, look)
    assert stream.plan.block == BLOCKS[0]
    assert longest < 0.02


def test_a_live_converter_tells_its_delay_in_parts() -> None:
    converter = make_live(synthesis(), 0.0)
    converter.warm_up()
    block, compute = converter.block_samples, converter.compute_samples
    assert (block + HOP) // HOP in BLOCKS
    assert converter.latency_samples - block - compute == pytest.approx(0.0665 * MODEL_RATE, abs=60)
    assert compute <= block + 3 * HOP


def test_the_bench_times_every_stage() -> None:
    loads = measure_stages(synthesis(index=True), block=10)
    assert all(value >= 0 for value in loads.values())
    assert loads["all"] == pytest.approx(sum(v for k, v in loads.items() if k != "all"))
    live = measure_live(synthesis())
    assert live["block_ms"] in [10 * block for block in BLOCKS]
    assert np.isfinite(list(live["parts_ms"].values())).all()
