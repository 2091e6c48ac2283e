"""The torch runtime: the same stream on the processor, with no operator or type that MPS lacks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from inference.export import ExportError, export_named
from inference.networks.weights import WeightsError, fill, load_steps, read_weights
from inference.neural.torch_runtime import load_torch

MPS_OPS = frozenset({
    "_softmax", "_to_copy", "_unsafe_view", "abs", "add", "addmm", "alias", "argmax", "arange", "bmm", "cat",
    "clone",
    "constant_pad_nd", "div", "exp", "expand", "gelu", "index", "le", "linear", "matmul", "mm", "mul",
    "native_layer_norm", "permute", "reshape", "select", "sigmoid", "slice", "split", "split_with_sizes",
    "squeeze", "stack", "sub", "sum", "t", "transpose", "unbind", "unsqueeze", "view",
})  # fmt: skip
"""Operators that torch's own native_functions.yaml registers for MPS, or that are views on every device."""

pytestmark = pytest.mark.timeout(600)


class Listener(TorchDispatchMode):
    """Collects the operators that are called and the types they give."""

    def __init__(self) -> None:
        super().__init__()
        self.ops: set[str] = set()
        self.types: set[torch.dtype] = set()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        self.ops.add(function.overloadpacket.__name__)
        found = result if isinstance(result, list | tuple) else [result]
        self.types |= {value.dtype for value in found if isinstance(value, torch.Tensor)}
        return result


def test_every_step_keeps_to_what_mps_has(networks_folder):
    steps, _ = load_steps(networks_folder)
    for step in steps.values():
        inputs = [*step.example().values(), *(torch.zeros(shape) for shape in step.states.values())]
        with torch.no_grad(), Listener() as heard:
            step(*inputs)
        assert heard.ops <= MPS_OPS, heard.ops - MPS_OPS
        assert torch.float64 not in heard.types


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
