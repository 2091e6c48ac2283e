"""Executes a saved Core ML program (MIL) op by op over torch, for machines that cannot predict.

The program is read back from its package, protobuf and weight file, as Core ML would read it, and made into
a list of closures over numbered places: settings and constants are read once, so that a prediction costs
little beyond its arithmetic. Values keep the type the program gives them: whatever it calls fp16 is rounded
to half precision after each op, weights and states included; sums inside one op are float32, as on a GPU.
An op that is not in `OPS` is an error when the program is read, so a program that runs is covered whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import coremltools as ct
import numpy as np
import torch
from coremltools.converters.mil.frontend.milproto.load import load
from coremltools.converters.mil.mil import Operation, Var, types
from torch import Tensor
from torch.nn import functional as F

Settings = dict[str, Any]
Run = Callable[..., Any]


def _ints(values: Any) -> list[int]:
    return [int(value) for value in values]


def _slices(a: Settings) -> tuple[Any, ...]:
    """The index of slice_by_index and slice_update."""

    def flags(key: str) -> list[bool]:
        given = a.get(key)
        return [bool(flag) for flag in given] if given is not None else [False] * len(a["begin"])

    steps = a["stride"] if a.get("stride") is not None else [1] * len(a["begin"])
    places: list[Any] = []
    masks = zip(flags("begin_mask"), flags("end_mask"), flags("squeeze_mask"), strict=True)
    for axis, (open_begin, open_end, single) in enumerate(masks):
        begin, end = int(a["begin"][axis]), int(a["end"][axis])
        several = slice(None if open_begin else begin, None if open_end else end, int(steps[axis]))
        places.append(begin if single else several)
    return tuple(places)


def _slice_by_index(a: Settings) -> Run:
    places = _slices(a)
    return lambda x: x[places]


def _slice_update(a: Settings) -> Run:
    places = _slices(a)

    def run(x: Tensor, update: Tensor) -> Tensor:
        y = x.clone()
        y[places] = update
        return y

    return run


def _split(a: Settings) -> Run:
    axis = int(a["axis"])
    if a.get("split_sizes") is not None:
        sizes = _ints(a["split_sizes"])
        return lambda x: x.split(sizes, dim=axis)
    count = int(a["num_splits"])
    return lambda x: x.chunk(count, dim=axis)


def _matmul(a: Settings) -> Run:
    turn_x, turn_y = bool(a.get("transpose_x")), bool(a.get("transpose_y"))
    return lambda x, y: (x.transpose(-1, -2) if turn_x else x) @ (y.transpose(-1, -2) if turn_y else y)


def _layer_norm(a: Settings) -> Run:
    axes, epsilon = _ints(a["axes"]), float(a["epsilon"])

    def run(x: Tensor, gamma: Tensor | None, beta: Tensor | None) -> Tensor:
        return F.layer_norm(x, [x.shape[axis] for axis in axes], gamma, beta, epsilon)

    return run


def _conv(a: Settings) -> Run:
    assert str(a["pad_type"]) == "valid"
    steps, dilations, groups = _ints(a["strides"]), _ints(a["dilations"]), int(a["groups"])

    def run(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if weight.shape[2:] == (1,) and steps == [1] and groups == 1:
            return F.linear(x.transpose(1, 2), weight[:, :, 0], bias).transpose(1, 2)
        convolve = F.conv1d if x.ndim == 3 else F.conv2d
        return convolve(x, weight, bias, stride=steps, dilation=dilations, groups=groups)

    return run


def _pad(a: Settings) -> Run:
    assert str(a.get("mode", "constant")) == "constant"
    pairs, value = _ints(a["pad"]), float(a.get("constant_val", 0.0))
    order = [v for at in range(len(pairs) - 2, -1, -2) for v in pairs[at : at + 2]]
    return lambda x: F.pad(x, order, value=value)


def _gelu(a: Settings) -> Run:
    assert str(a.get("mode", "EXACT")) == "EXACT"
    return F.gelu


def _concat(a: Settings) -> Run:
    assert not a.get("interleave")
    axis = int(a["axis"])
    return lambda *values: torch.cat(values, dim=axis)


def _stack(a: Settings) -> Run:
    axis = int(a["axis"])
    return lambda *values: torch.stack(values, dim=axis)


def _expand_dims(a: Settings) -> Run:
    axes = sorted(_ints(a["axes"]))

    def run(x: Tensor) -> Tensor:
        for axis in axes:
            x = x.unsqueeze(axis)
        return x

    return run


def _cast(a: Settings) -> Run:
    kind = {"int32": torch.int64, "bool": torch.bool}.get(str(a["dtype"]), torch.float32)
    return lambda x: x.to(kind)


def _argmax(a: Settings) -> Run:
    return partial(torch.argmax, dim=int(a["axis"]), keepdim=bool(a["keep_dims"]))


def _plain(function: Run) -> Callable[[Settings], Run]:
    return lambda a: function


OPS: dict[str, tuple[tuple[str, ...], Callable[[Settings], Run]]] = {
    "abs": (("x",), _plain(torch.abs)),
    "add": (("x", "y"), _plain(torch.add)),
    "cast": (("x",), _cast),
    "concat": (("values",), _concat),
    "conv": (("x", "weight", "bias"), _conv),
    "exp": (("x",), _plain(torch.exp)),
    "expand_dims": (("x",), _expand_dims),
    "gelu": (("x",), _gelu),
    "layer_norm": (("x", "gamma", "beta"), _layer_norm),
    "less_equal": (("x", "y"), _plain(torch.le)),
    "linear": (("x", "weight", "bias"), _plain(F.linear)),
    "matmul": (("x", "y"), _matmul),
    "mul": (("x", "y"), _plain(torch.mul)),
    "pad": (("x",), _pad),
    "real_div": (("x", "y"), _plain(torch.div)),
    "reduce_argmax": (("x",), _argmax),
    "reduce_sum": (
        ("x",),
        lambda a: partial(torch.sum, dim=_ints(a["axes"]), keepdim=bool(a["keep_dims"])),
    ),
    "reshape": (("x",), lambda a: partial(torch.reshape, shape=_ints(a["shape"]))),
    "sigmoid": (("x",), _plain(torch.sigmoid)),
    "slice_by_index": (("x",), _slice_by_index),
    "slice_update": (("x", "update"), _slice_update),
    "softmax": (("x",), lambda a: partial(torch.softmax, dim=int(a["axis"]))),
    "split": (("x",), _split),
    "squeeze": (("x",), lambda a: partial(torch.squeeze, dim=tuple(_ints(a["axes"])))),
    "stack": (("values",), _stack),
    "sub": (("x", "y"), _plain(torch.sub)),
    "transpose": (("x",), lambda a: partial(torch.permute, dims=_ints(a["perm"]))),
}
"""Each operator: its inputs that are data, and what makes a function of them out of all other inputs."""

_MOVING = {"concat", "expand_dims", "pad", "read_state", "reshape", "slice_by_index", "slice_update", "split"}
_MOVING |= {"squeeze", "stack", "transpose"}
"""Ops that only move numbers, which are rounded already."""

_STATE, _NONE = 0, 1
"""Places of the states and of an input that is left out."""


def _rounded(value: Tensor) -> Tensor:
    """As half precision keeps it, in float32."""
    return value.half().float()


def _constant(var: Var) -> Any:
    value = var.val if var.val is not None else var.op.materialized_val_inference()
    if not isinstance(value, np.ndarray | np.generic) or np.asarray(value).dtype.kind not in "fiub":
        return value
    tensor = torch.tensor(np.asarray(value))
    tensor = tensor.float() if tensor.is_floating_point() else tensor
    if types.is_int(var.dtype):
        tensor = tensor.to(torch.int64)
    # Weights (out, in): one frame times a matrix is thrice as fast column by column.
    return tensor.transpose(0, 1).contiguous().transpose(0, 1) if tensor.ndim > 1 else tensor


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
        self._steps: list[tuple[Run, list[int], bool, list[int]]] = []
        self._values: list[Any] = [None, None]
        self._places: dict[str, int] = {}
        self.ops: dict[str, int] = {}
        self._inputs: dict[str, Var] = {}
        self._states: dict[str, Var] = {}
        for name, var in function.inputs.items():
            (self._states if types.is_state(var.sym_type) else self._inputs)[name] = var
            self._place(var)
        for op in function.operations:
            self._add(op)
        self._outputs = [var.name for var in function.outputs]

    def make_state(self) -> dict[str, Tensor]:
        """Zeros by state name."""
        return {name: torch.zeros(tuple(var.shape)) for name, var in self._states.items()}

    def predict(self, inputs: Mapping[str, Any], state: dict[str, Tensor] | None = None) -> dict[str, Any]:
        """Runs the program once; float32 in and out, as Core ML does at its border."""
        values = self._values.copy()
        values[_STATE] = state
        for name, var in self._inputs.items():
            value = torch.from_numpy(np.ascontiguousarray(inputs[name]))
            assert tuple(value.shape) == tuple(var.shape), (name, tuple(value.shape), tuple(var.shape))
            values[self._places[name]] = value
        with torch.inference_mode():
            for run, data, rounds, outputs in self._steps:
                found = run(*[values[place] for place in data])
                if len(outputs) > 1:
                    for place, part in zip(outputs, found, strict=True):
                        values[place] = part
                else:
                    values[outputs[0]] = _rounded(found) if rounds else found
        return {name: values[self._places[name]].numpy() for name in self._outputs}

    def _place(self, var: Var, value: Any = None) -> int:
        self._places[var.name] = len(self._values)
        self._values.append(value)
        return self._places[var.name]

    def _add(self, op: Operation) -> None:
        kind = op.op_type
        if kind != "const":
            self.ops[kind] = self.ops.get(kind, 0) + 1
        if kind == "const" or kind.startswith("constexpr_"):
            for var in op.outputs:
                self._place(var, _constant(var))
            return
        run, data = self._run(op)
        half = kind not in _MOVING and op.outputs[0].dtype == types.fp16
        self._steps.append((run, data, half, [self._place(var) for var in op.outputs]))

    def _run(self, op: Operation) -> tuple[Run, list[int]]:
        """What computes an op, and the places of what it takes."""
        if op.op_type == "read_state":
            name = op.inputs["input"].name
            return lambda states: states[name], [_STATE]
        if op.op_type == "coreml_update_state":
            name = op.inputs["state"].name
            return partial(_store, name), [_STATE, self._places[op.inputs["value"].name]]
        names, make = OPS[op.op_type]
        settings = {key: var.val for key, var in op.inputs.items() if key not in names and var is not None}
        data: list[int] = []
        for name in names:
            var = op.inputs.get(name)
            parts = var if isinstance(var, list | tuple) else [var]
            data += [_NONE if part is None else self._places[part.name] for part in parts]
        return make(settings), data


def _store(name: str, states: dict[str, Tensor], value: Tensor) -> Tensor:
    states[name] = _rounded(value)
    return states[name]


def read(package: Path) -> Program:
    """The program of a saved package."""
    return Program(ct.models.MLModel(str(package), skip_model_load=True))
