"""Every runtime leaves its memory as it was in a pause: after a long one it speaks as after a short one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from inference.coreml.fixture import fixture_style, snr_db
from inference.coreml.package import Package
from inference.coreml.runtime import CoreMLRuntime, Part
from inference.neural import pause
from inference.neural.models import load_networks
from inference.neural.runtime import Array, Runtime
from inference.neural.torch_runtime import load_torch
from inference.sample import bundled_speech
from tests.coreml.evaluator import read

pytestmark = pytest.mark.timeout(600)

HOP = 240
WORDS = 30
KINDS = [("onnx", 15), ("torch", 100), ("hop-int8.mlpackage", 45), ("hop-macos13.mlpackage", 45)]
"""And how near to torch in float32 each is, dB, as in the tests without a pause."""


@pytest.fixture(autouse=True)
def _voiceless(monkeypatch):
    """Networks of random weights find voice anywhere."""
    monkeypatch.setattr(pause, "_VOICED", 2.0)


def made(kind: str, package: Package, networks: Path) -> Runtime:
    if kind == "onnx":
        return load_networks(networks)
    if kind == "torch":
        return load_torch(networks, "cpu")
    program = next(program for program in package.programs if program.file == kind)
    part = Part(read(package.folder / kind), program.output, program.fed_back)
    return CoreMLRuntime(load_networks(networks), part, None, kind)


def after_a_pause(runtime: Runtime, hops: int) -> Array:
    """(n,) what is said after a pause of so many hops, from a source that the pause has no part in."""
    speech = bundled_speech(24_000)[60 * HOP :]
    quiet = np.zeros(hops * HOP, np.float32)
    x = np.concatenate([speech[: WORDS * HOP], quiet, speech[WORDS * HOP : 2 * WORDS * HOP]])
    stream, warp, said = runtime.stream(), np.eye(241, dtype=np.float32), []
    style, source = fixture_style(runtime), np.random.default_rng(0).standard_normal((1, 2, HOP), np.float32)
    for hop in x.reshape(-1, HOP):
        prosody = stream.listen(hop[None])
        prosody[0, 0, 0] = 0.0
        said.append(stream.speak(prosody, source, style, warp)[0].copy())
    return np.concatenate(said[-WORDS:])


@pytest.fixture(scope="module")
def reference(networks_folder) -> Array:
    """What torch says after a pause."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pause, "_VOICED", 2.0)
        return after_a_pause(load_torch(networks_folder, "cpu"), 60)


@pytest.mark.parametrize(("kind", "least_db"), KINDS)
def test_a_long_pause_is_like_a_short_one(kind, least_db, reference, package, networks_folder):
    runtime = made(kind, package, networks_folder)
    short, long = after_a_pause(runtime, 60), after_a_pause(runtime, 100)
    np.testing.assert_array_equal(long, short)
    assert snr_db(reference, short) > least_db
    assert runtime.failures == 0
