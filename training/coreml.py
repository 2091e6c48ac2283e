"""Trained weights -> stateful Core ML programs (macOS 15), converted here, run on a Mac only.

    python -m training.coreml RUN OUT [--smoke]

The same steps as `training.export`, with the states inside the program: Core ML keeps them in half
precision, everything else is computed in float32.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import coremltools as ct
import numpy as np
import torch
from coremltools.converters.mil.frontend.torch import ops
from torch import Tensor, nn

from training.config import network_sizes
from training.export import example_inputs, initial_state, step_modules, trained


class StatefulStep(nn.Module):
    """A step whose states are buffers that it updates in place, as Core ML wants them."""

    def __init__(self, step: nn.Module) -> None:
        super().__init__()
        self.step = step
        self.names = list(initial_state(step))
        for name, value in initial_state(step).items():
            self.register_buffer(f"state_{name}", value.half())

    def forward(self, *inputs: Tensor) -> Tensor:
        """The step's inputs without states -> its output."""
        states = [getattr(self, f"state_{name}").float() for name in self.names]
        output, *after = self.step(*inputs, *states)
        for name, value in zip(self.names, after, strict=True):
            getattr(self, f"state_{name}")[:] = value.half()
        return output


class _Scalar(int):
    """int() of an array of one element, which numpy 2.4 refuses and coremltools 9.0 relies on."""

    def __new__(cls, value: Any) -> int:  # type: ignore[misc]
        return int(np.asarray(value).reshape(-1)[0])


def convert(step: nn.Module, inputs: dict[str, Tensor]) -> ct.models.MLModel:
    """One step as a Core ML program with float32 arithmetic."""
    module = StatefulStep(step).eval()
    traced = torch.jit.trace(module, tuple(inputs.values()), check_trace=False)
    states = [
        ct.StateType(ct.TensorType(shape=tuple(value.shape), dtype=np.float16), name=name)
        for name, value in module.named_buffers(recurse=False)
    ]
    cast = ops._cast
    ops._cast = lambda context, node, kind, name: cast(context, node, _Scalar if kind is int else kind, name)
    try:
        return ct.convert(
            traced,
            inputs=[ct.TensorType(name=name, shape=tuple(value.shape)) for name, value in inputs.items()],
            states=states or None,
            minimum_deployment_target=ct.target.macOS15,
            compute_precision=ct.precision.FLOAT32,
        )
    finally:
        ops._cast = cast


def export(run: Path | None, out: Path, smoke: bool) -> None:
    """Writes `NAME.mlpackage` of every network to `out`. No run: random weights."""
    sizes = network_sizes(smoke)
    out.mkdir(parents=True, exist_ok=True)
    for name, step in step_modules(trained(run, sizes)).items():
        convert(step, example_inputs(name, sizes)).save(str(out / f"{name}.mlpackage"))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--smoke", action="store_true")
    args = parser.parse_args()
    export(args.run, args.out, args.smoke)


if __name__ == "__main__":
    main()
