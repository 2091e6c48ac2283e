"""What the worker tells of the runtime that speaks, before and after Core ML fails in a call."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from inference.coreml.package import Package
from inference.coreml.runtime import CoreMLRuntime, Part
from inference.engine.internal import StreamInfo
from inference.engine.live import LiveReport
from inference.engine.messages import EngineParams
from inference.engine.session import Session
from inference.engine.shared import SharedBlock
from inference.engine.telemetry import Telemetry
from inference.neural import runtime as neural_runtime
from inference.neural.converter import NeuralConverter
from inference.neural.models import load_networks
from tests.coreml.evaluator import read
from tests.coreml.test_runtime import Flaky
from voices.builtin_neural import builtin_neural_voices

INFO = StreamInfo(48_000, 48_000, 0, True, 0.0, 0.0)
BLOCK = np.zeros(480, np.float32)

pytestmark = pytest.mark.timeout(600)


def test_the_worker_tells_what_really_runs(package: Package, networks_folder, monkeypatch):
    monkeypatch.setattr(neural_runtime.FAILURES, "count", 0)
    shared = SharedBlock(SimpleNamespace(buf=bytearray(SharedBlock.size()), name="in this process"))
    predictor = Flaky(read(package.folder / "hop-int8.mlpackage"), after=8)
    part = Part(predictor, "parts")
    runtime = CoreMLRuntime(load_networks(networks_folder), part, None, "Core ML (Neural Engine)")
    session = Session(shared, INFO, NeuralConverter(builtin_neural_voices()[0], runtime))
    told = []
    for _ in range(12):
        shared.input_ring.push(BLOCK)
        session.step(EngineParams())
        record = shared["telemetry"][0]
        told.append((record["runtime"].decode(), int(record["runtime_failures"])))
    assert told[5] == ("Core ML (Neural Engine)", 0)
    assert told[-1] == ("ONNX Runtime", 1)


@pytest.mark.parametrize(
    ("title", "name"),
    [("", "model-free"), ("ONNX Runtime", "onnx"), ("Core ML (GPU)", "coreml"), ("torch (cpu)", "torch")],
)
def test_a_report_names_the_runtime_as_the_command_line_does(title, name):
    assert LiveReport(1.0, "deep", Telemetry(runtime=title), 0.0).as_dict()["runtime"] == name
