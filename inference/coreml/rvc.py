"""An RVC voice's three programs for Core ML. Runs anywhere; imports torch, onnx and coremltools.

Core ML wants lengths that are known beforehand: those of a stream with the smallest block.
"""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

import coremltools as ct
import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from inference.coreml.convert import traced_program
from inference.networks.rvc.export import OUTPUTS, examples, programs
from inference.rvc.build import BLOCKS
from inference.rvc.facts import FLOW_CONTEXT, read_facts, read_sizes
from inference.rvc.stream import Plan

MANIFEST = "programs.json"


def lengths(plan: Plan) -> dict[str, int]:
    """Frames that a stream of this plan gives to each program, as long as the formant is not moved."""
    return {"prior": plan.frames, "flow": plan.window + FLOW_CONTEXT, "decoder": plan.window}


def export_voice(model: Path, folder: Path, tell: Callable[[str], None]) -> None:
    """Writes `prior`, `flow` and `decoder.mlpackage` of a model folder, in half precision (macOS 13).

    Raises RvcError, OSError.
    """
    facts, sizes, plan = read_facts(model), read_sizes(model), Plan(min(BLOCKS))
    folder.mkdir(parents=True, exist_ok=True)
    frames = lengths(plan)
    for name, program in programs(sizes).items():
        stored = weights_of(model / f"{name}.onnx")
        shapes = program.state_dict()
        program.load_state_dict({key: value.reshape(shapes[key].shape) for key, value in stored.items()})
        path = folder / f"{name}.mlpackage"
        shutil.rmtree(path, ignore_errors=True)
        to_program(program, examples(sizes, frames[name])[name], OUTPUTS[name]).save(str(path))
        size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
        tell(f"{path}: {frames[name]} frames, {size / 1e6:.1f} MB")
    about = {"model": facts.sha256, "block": plan.block, "frames": frames}
    (folder / MANIFEST).write_text(json.dumps(about, indent=1) + "\n")


def weights_of(graph: Path) -> dict[str, Tensor]:
    """The weights of a program in a model folder, by torch's names; kernels may have one axis more."""
    return {
        tensor.name: torch.from_numpy(numpy_helper.to_array(tensor).copy())
        for tensor in onnx.load(graph).graph.initializer
    }


def to_program(program: nn.Module, inputs: dict[str, Tensor], outputs: list[str]) -> ct.models.MLModel:
    """A program of fixed lengths; computes in half precision, float32 at its border."""
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(program, tuple(inputs.values()), check_trace=False)
    described = [
        ct.TensorType(name, tuple(value.shape), dtype=np.float32 if value.is_floating_point() else np.int32)
        for name, value in inputs.items()
    ]
    results = [ct.TensorType(name=name, dtype=np.float32) for name in outputs]
    return traced_program(
        traced, described, results, ct.target.macOS13, compute_precision=ct.precision.FLOAT16
    )
