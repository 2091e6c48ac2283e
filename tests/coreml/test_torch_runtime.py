"""The torch runtime: the same stream on the processor, with no operator or type that MPS lacks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from inference.export import ExportError, export_named
from inference.networks.weights import WeightsError, fill, load_steps, read_weights
from inference.neural.torch_runtime import load_torch
from tests.coreml.mps_operators import runs_on_mps

pytestmark = pytest.mark.timeout(600)


class Listener(TorchDispatchMode):
    """Collects the operators that are called and the types they give."""

    def __init__(self) -> None:
        super().__init__()
        self.ops: set[str] = set()
        self.types: set[torch.dtype] = set()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        name, overload = function.overloadpacket.__name__, function._overloadname
        self.ops.add(name if overload == "default" else f"{name}.{overload}")
        found = result if isinstance(result, list | tuple) else [result]
        self.types |= {value.dtype for value in found if isinstance(value, torch.Tensor)}
        return result


def test_every_step_keeps_to_what_mps_has(networks_folder):
    steps, _ = load_steps(networks_folder)
    with torch.no_grad(), Listener() as heard:
        for step in steps.values():
            inputs = [*step.example().values(), *(torch.zeros(shape) for shape in step.states.values())]
            step(*inputs)
    assert [operator for operator in sorted(heard.ops) if not runs_on_mps(operator)] == []
    assert len(heard.ops) > 25
    assert torch.float64 not in heard.types


def test_operators_without_mps_would_be_found():
    assert runs_on_mps("addmm")
    assert runs_on_mps("gelu")
    assert not runs_on_mps("linalg_eig")
    with pytest.raises(KeyError):
        runs_on_mps("no_such_operator")


def test_the_runtime_speaks_on_the_device_asked_for(networks_folder):
    runtime = load_torch(networks_folder, "cpu")
    assert runtime.name == "torch (cpu)"
    assert runtime.failures == 0
    stream = runtime.stream()
    assert np.isfinite(stream.listen(np.zeros((1, 240), np.float32))).all()


def test_a_missing_weight_is_named(networks_folder):
    steps, _ = load_steps(networks_folder)
    weights = read_weights(networks_folder / "pitch.onnx")
    gone = next(name for name in weights if name.endswith("head.bias"))
    del weights[gone]
    with pytest.raises(WeightsError, match="head"):
        fill(steps["pitch"], weights)


def test_exports_that_cannot_be_are_told_in_one_sentence(tmp_path):
    with pytest.raises(ExportError, match="no format 'tflite'"):
        export_named("tflite", tmp_path, print)
    with pytest.raises(ExportError, match="Say where to"):
        export_named("onnx", None, print)


def test_onnx_is_copied_with_its_manifest(tmp_path):
    lines: list[str] = []
    export_named("onnx", tmp_path / "out", lines.append)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {line.rpartition("/")[2] for line in lines}
    assert "manifest.json" in {path.name for path in (tmp_path / "out").iterdir()}
