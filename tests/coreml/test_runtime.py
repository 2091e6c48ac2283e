"""Core ML as a runtime, with the evaluator in the place of the Mac: fall-back, keeping warm, choice."""

from __future__ import annotations

import gc
import time
import weakref
from pathlib import Path

import numpy as np
import pytest

from inference.coreml import runtime as module
from inference.coreml.fixture import Fixture
from inference.coreml.package import FIXTURE, Package
from inference.coreml.runtime import CoreMLRuntime, Part
from inference.neural.converter import frequency_warp
from inference.neural.models import load_networks
from tests.coreml.evaluator import Program, read

pytestmark = pytest.mark.timeout(600)

WARP = frequency_warp(0.0)


class Flaky:
    """A predictor that fails from its `after`th prediction on, as `kind` says."""

    def __init__(self, program: Program, after: int, kind: str = "raises") -> None:
        self.program, self.left, self.kind = program, after, kind
        self.predictions = 0

    def make_state(self):
        """See Predictor."""
        if self.kind == "no state":
            raise RuntimeError("no state today")
        return self.program.make_state()

    def predict(self, inputs, state):
        """See Predictor."""
        self.predictions += 1
        if self.predictions <= self.left:
            return self.program.predict(inputs, state)
        if self.kind == "raises":
            raise RuntimeError("the unit is gone")
        return {"parts": np.full((1, 2, 1446), np.nan, np.float32)}


@pytest.fixture(scope="module")
def program(package: Package) -> Program:
    return read(package.folder / "hop-int8.mlpackage")


@pytest.fixture(scope="module")
def fixture(package: Package) -> Fixture:
    return Fixture.load(package.folder / FIXTURE)


def speak(stream, fixture: Fixture, hops: range) -> np.ndarray:
    spoken = []
    for hop in hops:
        stream.listen(fixture.audio[hop][None])
        prosody, source = fixture.prosody[hop][None, None], fixture.source[hop][None]
        spoken.append(stream.speak(prosody, source, fixture.style, WARP)[0].copy())
    return np.stack(spoken)


def made(networks: Path, predictor) -> CoreMLRuntime:
    return CoreMLRuntime(load_networks(networks), Part(predictor, "parts"), None, "Core ML (test)")


@pytest.mark.parametrize("kind", ["raises", "not a number"])
def test_a_failure_goes_to_onnx_runtime_without_stopping(kind, program, fixture, networks_folder):
    runtime = made(networks_folder, Flaky(program, 20, kind))
    stream = runtime.stream()
    assert runtime.name == "Core ML (test)"
    spoken = speak(stream, fixture, range(60))
    assert runtime.failures == 1
    assert runtime.name == "ONNX Runtime"
    assert runtime.reason
    assert np.isfinite(spoken).all()
    # The spare starts without past at the failing hop and speaks as a fresh stream would.
    fresh = load_networks(networks_folder).stream()
    np.testing.assert_array_equal(spoken[20:], speak(fresh, fixture, range(20, 60)))
    later = runtime.stream()
    assert speak(later, fixture, range(2)).shape == (2, 240)
    assert runtime.failures == 1


def test_a_program_that_gives_no_state_never_speaks(program, fixture, networks_folder):
    runtime = made(networks_folder, Flaky(program, 0, "no state"))
    assert speak(runtime.stream(), fixture, range(2)).shape == (2, 240)
    assert runtime.failures == 1


def test_two_streams_of_a_runtime_keep_their_own_states(program, fixture, networks_folder):
    runtime = made(networks_folder, program)
    alone = speak(runtime.stream(), fixture, range(12))
    first, second = runtime.stream(), runtime.stream()
    both = [
        (speak(first, fixture, range(h, h + 1)), speak(second, fixture, range(h, h + 1))) for h in range(12)
    ]
    np.testing.assert_array_equal(np.concatenate([a for a, _ in both]), alone)
    np.testing.assert_array_equal(np.concatenate([b for _, b in both]), alone)


class Recorder:
    """A predictor that keeps what it is given."""

    def __init__(self, program: Program) -> None:
        self.program, self.given = program, []

    def make_state(self):
        """See Predictor."""
        return self.program.make_state()

    def predict(self, inputs, state):
        """See Predictor."""
        self.given.append(dict(inputs))
        return self.program.predict(inputs, state)


def with_pitch(networks: Path, package: Package, hop: Recorder, pitch: Recorder) -> CoreMLRuntime:
    """A runtime whose pitch is a program too."""
    about = {program.file: program for program in package.programs}["pitch.mlpackage"]
    return CoreMLRuntime(
        load_networks(networks), Part(hop, "parts"), Part(pitch, about.output), "Core ML (test)"
    )


@pytest.fixture(scope="module")
def pitch_program(package: Package) -> Program:
    return read(package.folder / "pitch.mlpackage")


def test_core_ml_gets_whole_arrays_and_always_the_same(
    program, pitch_program, package, fixture, networks_folder
):
    """It wraps them by pointer and strides: a stride of 0, or memory that is gone, is its own affair."""
    hop, pitch = Recorder(program), Recorder(pitch_program)
    stream = with_pitch(networks_folder, package, hop, pitch).stream()
    speak(stream, fixture, range(3))
    kept = {id(array) for array in stream.inputs}
    for predictor in (hop, pitch):
        assert len(predictor.given) == 3
        for array in (array for given in predictor.given for array in given.values()):
            assert array.dtype == np.float32
            assert array.flags.writeable
            assert array.strides == np.zeros(array.shape, np.float32).strides
            assert id(array) in kept


def test_inputs_outlive_their_stream_and_its_runtime(program, fixture, networks_folder):
    runtime = made(networks_folder, program)
    stream = runtime.stream()
    speak(stream, fixture, range(2))
    arrays = [weakref.ref(array) for array in stream.inputs]
    del stream, runtime
    gc.collect()
    assert all(array() is not None for array in arrays)


def test_an_idle_runtime_keeps_all_of_its_programs_awake(
    program, pitch_program, package, networks_folder, monkeypatch
):
    monkeypatch.setattr(module, "IDLE_S", 0.01)
    hop, pitch = Recorder(Flaky(program, 2)), Recorder(pitch_program)
    runtime = with_pitch(networks_folder, package, hop, pitch)
    runtime.last_s = time.monotonic() - 1
    runtime.keep_warm().join(timeout=60)
    assert len(pitch.given) == len(hop.given) == 3
    # The thread has ended with the failure; what it gave to Core ML stays.
    arrays = [weakref.ref(array) for array in (*hop.given[0].values(), *pitch.given[0].values())]
    hop.given.clear()
    pitch.given.clear()
    gc.collect()
    assert all(array() is not None for array in arrays)


def test_a_runtime_that_cannot_be_kept_warm_does_not_speak(program, networks_folder):
    runtime = made(networks_folder, Flaky(program, 0, "no state"))
    runtime.keep_warm().join(timeout=60)
    assert runtime.failures == 1
    assert runtime.name == "ONNX Runtime"


def test_an_idle_runtime_is_kept_warm_until_it_fails(program, networks_folder, monkeypatch):
    monkeypatch.setattr(module, "IDLE_S", 0.01)
    predictor = Flaky(program, 3)
    runtime = made(networks_folder, predictor)
    runtime.last_s = time.monotonic() - 1
    runtime.keep_warm().join(timeout=60)
    assert predictor.predictions == 4
    assert runtime.failures == 1
