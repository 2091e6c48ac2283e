"""The converted programs, executed op by op, say what torch says: in either precision, states included."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inference.coreml.certify import Candidate, try_candidate
from inference.coreml.eight_bits import symmetric
from inference.coreml.fixture import Fixture, make_fixture, snr_db
from inference.coreml.package import FIXTURE, Package
from inference.coreml.runtime import CoreMLRuntime, Part
from inference.neural.models import load_networks
from inference.neural.torch_runtime import load_torch
from tests.coreml.evaluator import OPS, Program, read

HOPS = 150
"""1.5 s: longer than the memory of any block, and past the first turn of the tokens' memory."""

pytestmark = pytest.mark.timeout(600)

STATES = {"read_state", "coreml_update_state"}
RECURRENT = {"lstm", "gru", "rnn", "while_loop", "cond", "gather", "gather_along_axis", "complex"}


def shortened(fixture: Fixture, hops: int) -> Fixture:
    """The first hops of a fixture."""
    names = ("audio", "melody", "prosody", "source", "spoken")
    return replace(fixture, **{name: getattr(fixture, name)[:hops] for name in names})


def runtime(package: Package, networks: Path, file: str) -> tuple[CoreMLRuntime, Program]:
    """One program of the package as a runtime."""
    program = next(p for p in package.programs if p.file == file)
    executed = read(package.folder / file)
    part = Part(executed, program.output, program.fed_back)
    pitch = part if program.network == "pitch" else None
    return CoreMLRuntime(load_networks(networks), part, pitch, "evaluator"), executed


@pytest.mark.parametrize(
    ("network", "file", "least_db"),
    [
        ("hop", "hop-int8.mlpackage", 45),
        ("hop", "hop-macos13.mlpackage", 45),
        ("pitch", "pitch.mlpackage", 50),
    ],
)
def test_a_program_speaks_like_torch(network, file, least_db, package, networks_folder):
    fixture = shortened(Fixture.load(package.folder / FIXTURE), HOPS)
    made, executed = runtime(package, networks_folder, file)
    row = try_candidate(Candidate(network, file, "evaluator", lambda: made), fixture, 1)
    assert row.snr_db > least_db, row
    assert set(executed.ops) <= set(OPS) | STATES | {"constexpr_blockwise_shift_scale"}
    assert not set(executed.ops) & RECURRENT


def test_weights_that_have_steps_keep_them():
    generator = np.random.default_rng(3)
    steps = generator.integers(-64, 65, (5, 7))
    steps[:, 0] = 64
    size = generator.uniform(1e-3, 1e-2, (5, 1)).astype(np.float16)
    shipped = (steps * size).astype(np.float16)
    found, found_size = symmetric(shipped, (1,))
    assert np.array_equal(found, steps)
    assert np.array_equal(found_size, size.squeeze())


def test_other_weights_have_all_steps_of_eight_bits():
    weight = np.random.default_rng(4).normal(size=(3, 400))
    weight[1] = 0
    steps, size = symmetric(weight, (1,))
    assert np.abs(steps[[0, 2]]).max() == 127
    assert np.abs(steps * size[:, None] - weight).max() <= np.abs(weight).max() / 127 / 2


def test_one_program_has_content_and_decoder_with_all_their_states(package, networks_folder):
    executed = read(package.folder / "hop-int8.mlpackage")
    states = {name.removeprefix("state_") for name in executed.make_state()}
    programs = {program.file: program for program in package.programs}
    assert states == set(programs["hop-macos13.mlpackage"].fed_back)
    assert {"conv", "units", "keys_0", "values_0", "slow", "fast"} <= states
    assert programs["hop-int8.mlpackage"].fed_back == {}


def test_torch_and_onnx_runtime_agree(networks_folder):
    fixture = make_fixture(load_torch(networks_folder, "cpu"))
    row = try_candidate(Candidate("hop", "onnx", "cpu", lambda: load_networks(networks_folder)), fixture, 1)
    assert row.snr_db > 15


def test_the_package_reads_back_what_was_written(package):
    fixture = Fixture.load(package.folder / FIXTURE)
    assert fixture.audio.shape == (300, 240)
    assert snr_db(fixture.spoken, fixture.spoken) == 120
    assert np.isfinite(fixture.spoken).all()
    assert np.abs(fixture.spoken).max() > 1e-4


def test_an_unknown_op_is_an_error(package, monkeypatch):
    monkeypatch.delitem(OPS, "gelu")
    with pytest.raises(KeyError, match="gelu"):
        read(package.folder / "pitch.mlpackage")
