"""Steps -> Core ML programs. Runs anywhere; only predicting needs a Mac. Imports torch and coremltools."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import coremltools as ct
import numpy as np
import torch
from coremltools.converters.mil import Builder as mb
from coremltools.converters.mil.frontend.torch import ops
from coremltools.converters.mil.frontend.torch.torch_op_registry import register_torch_op
from torch import Tensor, nn

from inference.coreml.eight_bits import kept_steps
from inference.coreml.fused import as_convolutions
from inference.networks.steps import Step


class Weights(StrEnum):
    """How a program stores its weights. All compute in the program's precision."""

    HALF = "half"
    INT8 = "int8"
    PALETTE6 = "palette6"


@dataclass(frozen=True)
class Form:
    """What kind of program to make.

    `stateful`: the states live inside (macOS 15), else they are inputs and outputs (macOS 13 and 14).
    `half`: computes in float16, else in float32, which keeps a program off the Neural Engine.
    """

    stateful: bool = True
    half: bool = True
    weights: Weights = Weights.HALF


@dataclass(frozen=True)
class Variant:
    """One program of a package: its file's name, its network, its form, the first macOS it is for."""

    name: str
    network: str
    form: Form
    macos: int


VARIANTS = (
    Variant("hop", "hop", Form(), 15),
    Variant("hop-int8", "hop", Form(weights=Weights.INT8), 15),
    Variant("pitch", "pitch", Form(half=False), 15),
    Variant("hop-macos13", "hop", Form(stateful=False), 13),
    Variant("pitch-macos13", "pitch", Form(stateful=False, half=False), 13),
)
"""What an export makes. F0 stays in float32: half precision is 9 cents at 500 Hz in the octaves it reads."""


class StatefulStep(nn.Module):
    """A step whose states are buffers that it updates in place, as Core ML wants them."""

    def __init__(self, step: Step) -> None:
        super().__init__()
        self.step = step
        for name, shape in step.states.items():
            self.register_buffer(f"state_{name}", torch.zeros(shape, dtype=torch.float16))

    def forward(self, *inputs: Tensor) -> Tensor:
        """The step's inputs without states -> its output."""
        names = list(self.step.states)
        states = [getattr(self, f"state_{name}").float() for name in names]
        output, *after = self.step(*inputs, *states)
        for name, value in zip(names, after, strict=True):
            getattr(self, f"state_{name}")[:] = value.half()
        return output


@register_torch_op(override=True)
def layer_norm(context: Any, node: Any) -> None:
    """layer_norm whose scale and shift may be computed, which Core ML's own operator does not take."""
    x, shape, weight, bias, epsilon, *_ = ops._get_inputs(context, node)
    axes = list(range(-len(shape.val), 0))
    if weight is None or weight.val is not None:
        y = mb.layer_norm(x=x, axes=axes, epsilon=epsilon, gamma=weight, beta=bias)
    else:
        y = mb.add(x=mb.mul(x=mb.layer_norm(x=x, axes=axes, epsilon=epsilon), y=weight), y=bias)
    context.add(y, torch_name=node.name)


class _Scalar(int):
    """int() of an array of one element, which numpy 2.4 refuses and coremltools 9.0 relies on."""

    def __new__(cls, value: Any) -> int:  # type: ignore[misc]
        return int(np.asarray(value).reshape(-1)[0])


def convert(step: Step, form: Form) -> ct.models.MLModel:
    """One step as a program of this form. Its weights are copied; `step` stays as it is."""
    step = copy.deepcopy(step).eval()
    inputs = step.example()
    if form.half:
        as_convolutions(step)
    model = _convert(step, inputs, form)
    return _compressed(model, form.weights)


def _convert(step: Step, inputs: dict[str, Tensor], form: Form) -> ct.models.MLModel:
    def described(tensors: dict[str, tuple[int, ...]]) -> list[ct.TensorType]:
        return [ct.TensorType(name=name, shape=shape, dtype=np.float32) for name, shape in tensors.items()]

    shapes = {name: tuple(value.shape) for name, value in inputs.items()}
    extra: dict[str, Any] = {}
    if form.stateful:
        module: nn.Module = StatefulStep(step)
        values = tuple(inputs.values())
        extra["states"] = [
            ct.StateType(ct.TensorType(shape=shape, dtype=np.float16), name=f"state_{name}")
            for name, shape in step.states.items()
        ]
        outputs = [ct.TensorType(name=step.outputs[0], dtype=np.float32)]
    else:
        module = step
        values = (*inputs.values(), *(torch.zeros(shape) for shape in step.states.values()))
        shapes |= {f"{name}_in": shape for name, shape in step.states.items()}
        names = [*step.outputs, *(f"{name}_out" for name in step.states)]
        outputs = [ct.TensorType(name=name, dtype=np.float32) for name in names]
    with torch.no_grad():
        traced = torch.jit.trace(module, values, check_trace=False)
    return traced_program(
        traced,
        described(shapes),
        outputs,
        ct.target.macOS15 if form.stateful else ct.target.macOS13,
        compute_precision=ct.precision.FLOAT16 if form.half else ct.precision.FLOAT32,
        **extra,
    )


def traced_program(
    traced: torch.jit.ScriptModule,
    inputs: list[ct.TensorType],
    outputs: list[ct.TensorType],
    target: ct.target,
    **more: Any,
) -> ct.models.MLModel:
    """`coremltools.convert` of a traced module to a program for this macOS and later."""
    cast = ops._cast
    ops._cast = lambda context, node, kind, name: cast(context, node, _Scalar if kind is int else kind, name)
    try:
        return ct.convert(traced, inputs=inputs, outputs=outputs, minimum_deployment_target=target, **more)
    finally:
        ops._cast = cast


def _compressed(model: ct.models.MLModel, weights: Weights) -> ct.models.MLModel:
    """Convolutions only, which are the linear layers: the front end and the buffers need their precision."""
    from coremltools.optimize import coreml as optimize

    def only_convolutions(each: Any) -> Any:
        return optimize.OptimizationConfig(op_type_configs={"conv": each})

    if weights is Weights.INT8:
        each = optimize.OpLinearQuantizerConfig(mode="linear_symmetric", weight_threshold=2048)
        with kept_steps():
            return optimize.linear_quantize_weights(model, only_convolutions(each))
    if weights is Weights.PALETTE6:
        palette = optimize.OpPalettizerConfig(
            mode="uniform", nbits=6, granularity="per_grouped_channel", group_size=2, weight_threshold=2048
        )
        return optimize.palettize_weights(model, only_convolutions(palette))
    return model
