"""Executes a saved Core ML program (MIL) op by op over torch, for machines that cannot predict.

The program is read back from its package, protobuf and weight file, as Core ML would read it.
Values keep the type the program gives them: whatever it calls fp16 is rounded to half precision after each
op, weights and states included; sums inside one op are float32, as on a GPU. An op that is not in `OPS`
is an error when the program is read, so a program that runs is covered whole.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import coremltools as ct
import numpy as np
import torch
from coremltools.converters.mil.frontend.milproto.load import load
from coremltools.converters.mil.mil import Operation, Var, types
from torch import Tensor
from torch.nn import functional as F

Values = dict[str, Any]
Run = Callable[[Values], Any]


def _slices(rank: int, a: dict[str, Any]) -> tuple[Any, ...]:
    """The index of slice_by_index and slice_update."""
    places: list[Any] = []
    for axis in range(rank):
        masked = {k: a.get(f"{k}_mask") is not None and bool(a[f"{k}_mask"][axis]) for k in ("begin", "end")}
        begin = None if masked["begin"] else int(a["begin"][axis])
        end = None if masked["end"] else int(a["end"][axis])
        step = 1 if a.get("stride") is None else int(a["stride"][axis])
        if a.get("squeeze_mask") is not None and bool(a["squeeze_mask"][axis]):
            places.append(int(a["begin"][axis]))
        else:
            places.append(slice(begin, end, step))
    return tuple(places)


def _slice_update(x: Tensor, update: Tensor, **a: Any) -> Tensor:
    y = x.clone()
    y[_slices(x.ndim, a)] = update
    return y


def _split(x: Tensor, axis: Any, num_splits: Any = None, split_sizes: Any = None) -> tuple[Tensor, ...]:
    if split_sizes is not None:
        return x.split([int(size) for size in split_sizes], dim=int(axis))
    return x.chunk(int(num_splits), dim=int(axis))


def _matmul(x: Tensor, y: Tensor, transpose_x: Any = False, transpose_y: Any = False) -> Tensor:
    return (x.transpose(-1, -2) if transpose_x else x) @ (y.transpose(-1, -2) if transpose_y else y)


def _layer_norm(x: Tensor, axes: Any, epsilon: Any, gamma: Any = None, beta: Any = None) -> Tensor:
    return F.layer_norm(x, [x.shape[int(axis)] for axis in axes], gamma, beta, float(epsilon))


def _conv(x: Tensor, weight: Tensor, bias: Any = None, **a: Any) -> Tensor:
    assert str(a["pad_type"]) == "valid"
    steps, dilations = [tuple(int(v) for v in a[key]) for key in ("strides", "dilations")]
    if weight.shape[2:] == (1,) and steps == (1,) and int(a["groups"]) == 1:
        return F.linear(x.transpose(1, 2), weight[:, :, 0], bias).transpose(1, 2)
    convolve = F.conv1d if x.ndim == 3 else F.conv2d
    return convolve(x, weight, bias, stride=steps, dilation=dilations, groups=int(a["groups"]))


def _pad(x: Tensor, pad: Any, mode: Any = "constant", constant_val: Any = 0.0) -> Tensor:
    assert str(mode) == "constant"
    pairs = [int(v) for v in pad]
    order = [v for at in range(len(pairs) - 2, -1, -2) for v in pairs[at : at + 2]]
    return F.pad(x, order, value=float(constant_val))


def _gelu(x: Tensor, mode: Any = "EXACT") -> Tensor:
    assert str(mode) == "EXACT"
    return F.gelu(x)


def _concat(values: list[Tensor], axis: Any, interleave: Any = False) -> Tensor:
    assert not interleave
    return torch.cat(values, dim=int(axis))


def _axes(axes: Any) -> list[int]:
    return [int(axis) for axis in axes]


def _expand(x: Tensor, axes: Any) -> Tensor:
    for axis in sorted(_axes(axes)):
        x = x.unsqueeze(axis)
    return x


OPS: dict[str, Callable[..., Any]] = {
    "abs": lambda x: x.abs(),
    "add": lambda x, y: x + y,
    "cast": lambda x, dtype: x,
    "concat": _concat,
    "conv": _conv,
    "exp": lambda x: x.exp(),
    "expand_dims": _expand,
    "gelu": _gelu,
    "layer_norm": _layer_norm,
    "less_equal": lambda x, y: x <= y,
    "linear": lambda x, weight, bias=None: F.linear(x, weight, bias),
    "matmul": _matmul,
    "mul": lambda x, y: x * y,
    "pad": _pad,
    "real_div": lambda x, y: x / y,
    "reduce_argmax": lambda x, axis, keep_dims, **_: x.argmax(int(axis), keepdim=bool(keep_dims)),
    "reduce_sum": lambda x, axes, keep_dims: x.sum(_axes(axes), keepdim=bool(keep_dims)),
    "reshape": lambda x, shape: x.reshape([int(size) for size in shape]),
    "sigmoid": lambda x: x.sigmoid(),
    "slice_by_index": lambda x, **a: x[_slices(x.ndim, a)],
    "slice_update": _slice_update,
    "softmax": lambda x, axis: x.softmax(int(axis)),
    "split": _split,
    "squeeze": lambda x, axes: x.squeeze(tuple(_axes(axes))),
    "stack": lambda values, axis: torch.stack(values, dim=int(axis)),
    "sub": lambda x, y: x - y,
    "transpose": lambda x, perm: x.permute(_axes(perm)),
}

_MOVING = {"concat", "expand_dims", "pad", "read_state", "reshape", "slice_by_index", "slice_update", "split"}
_MOVING |= {"coreml_update_state", "squeeze", "stack", "transpose"}
_ROUNDING = (set(OPS) | {"read_state", "coreml_update_state"}) - _MOVING
"""Ops whose results are new numbers; the others only move numbers that are rounded already."""

_TENSORS = {"x", "y", "weight", "bias", "gamma", "beta", "values", "update"}
"""Inputs that are data; all others are settings and constant."""


def _as_is(value: Any) -> Any:
    return value


def _rounded(value: Any) -> Any:
    return value.half().float() if isinstance(value, Tensor) else value


def _keeper(var: Var) -> Callable[[Any], Any]:
    """Brings a value into the type the program gives it; halves stay float32 tensors of rounded values."""
    kind = var.dtype
    if types.is_int(kind):
        return lambda value: value.to(torch.int64) if isinstance(value, Tensor) else value
    if kind == types.fp16:
        return _rounded
    return _as_is


def _constant(var: Var) -> Any:
    value = var.val if var.val is not None else var.op.materialized_val_inference()
    if isinstance(value, np.ndarray | np.generic) and np.asarray(value).dtype.kind in "fiub":
        value = torch.tensor(np.asarray(value))
        return value.float() if value.is_floating_point() else value
    return value


class Program:
    """A converted model, executed. The counterpart of inference.coreml.apple's on a Mac.

    >>> program = Program(model)
    >>> state = program.make_state()
    >>> outputs = program.predict({"mel": ...}, state)      # numpy in, numpy out; `state` moves on
    """

    def __init__(self, model: ct.models.MLModel) -> None:
        spec = model.get_spec()
        program = load(spec, spec.specificationVersion, model.weights_dir)
        function = program.functions["main"]
        self._steps: list[tuple[list[tuple[str, Callable[[Any], Any]]], Run]] = []
        self._constants: Values = {}
        self.ops: dict[str, int] = {}
        self._inputs, self._states = {}, {}
        for name, var in function.inputs.items():
            (self._states if types.is_state(var.sym_type) else self._inputs)[name] = var
        self._outputs = [var.name for var in function.outputs]
        for op in function.operations:
            self._add(op)

    def make_state(self) -> dict[str, Tensor]:
        """Zeros by state name."""
        return {name: torch.zeros(tuple(var.shape)) for name, var in self._states.items()}

    def predict(self, inputs: dict[str, Any], state: dict[str, Tensor] | None = None) -> dict[str, Any]:
        """Runs the program once; float32 in and out, as Core ML does at its border."""
        values: Values = dict(self._constants)
        values["state"] = state
        for name, var in self._inputs.items():
            value = torch.from_numpy(np.ascontiguousarray(inputs[name]))
            assert tuple(value.shape) == tuple(var.shape), (name, tuple(value.shape), tuple(var.shape))
            values[name] = value
        with torch.no_grad():
            for outputs, run in self._steps:
                found = run(values)
                parts = found if len(outputs) > 1 else [found]
                for (name, keep), value in zip(outputs, parts, strict=True):
                    values[name] = keep(value)
        return {name: values[name].numpy() for name in self._outputs}

    def _add(self, op: Operation) -> None:
        if op.op_type == "const" or op.op_type.startswith("constexpr_"):
            for var in op.outputs:
                self._constants[var.name] = _keeper(var)(_constant(var))
            if op.op_type == "const":
                return
        self.ops[op.op_type] = self.ops.get(op.op_type, 0) + 1
        if op.op_type.startswith("constexpr_"):
            return
        outputs = [(var.name, _keeper(var) if op.op_type in _ROUNDING else _as_is) for var in op.outputs]
        self._steps.append((outputs, self._runner(op)))

    def _runner(self, op: Operation) -> Run:
        if op.op_type == "read_state":
            name = op.inputs["input"].name
            return lambda values: values["state"][name]
        if op.op_type == "coreml_update_state":
            state, value = op.inputs["state"], op.inputs["value"].name
            return lambda values: self._store(values, state, value)
        function = OPS[op.op_type]
        settings, names = {}, {}
        for key, var in op.inputs.items():
            if isinstance(var, list | tuple):
                names[key] = [part.name for part in var]
            elif var is not None and key in _TENSORS:
                names[key] = var.name
            elif var is not None:
                settings[key] = var.val
        return lambda values: function(**{k: _picked(values, n) for k, n in names.items()}, **settings)

    def _store(self, values: Values, state: Var, value: str) -> Tensor:
        values["state"][state.name] = values[value].half().float()
        return values["state"][state.name]


def _picked(values: Values, name: str | list[str]) -> Any:
    return [values[part] for part in name] if isinstance(name, list) else values[name]


def read(package: Path) -> Program:
    """The program of a saved package."""
    return Program(ct.models.MLModel(str(package), skip_model_load=True))
