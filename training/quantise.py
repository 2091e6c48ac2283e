"""Smaller numbers for exported networks: 8-bit matrix products, half-precision storage."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import nn


def constants_of(module: nn.Module) -> list[np.ndarray]:
    """The transforms that must keep float32: every buffer that is not trained, but for the positions."""
    named = module.named_buffers()
    return [v.numpy() for name, v in named if v.is_floating_point() and not name.endswith("positions")]


def quantise(path: Path) -> None:
    """Turns products with trained matrices into dynamic 8-bit ones; products of activations stay float.

    Weights get 7 of the 8 bits: processors with AVX2 and no VNNI add pairs of products in 16 bits, where
    full-range weights overflow and are clipped. With all 8 bits the content units came out at 9 dB above
    the error on such a machine, with 7 at 27 dB, and every machine computes the same.
    """
    graph = onnx.load(path).graph
    weights = {tensor.name for tensor in graph.initializer}
    left = [n.name for n in graph.node if n.op_type == "MatMul" and not weights.intersection(n.input)]
    quantize_dynamic(
        path,
        path,
        op_types_to_quantize=["MatMul"],
        per_channel=True,
        reduce_range=True,
        weight_type=QuantType.QInt8,
        nodes_to_exclude=left,
    )


def halve(path: Path, kept: list[np.ndarray]) -> None:
    """Stores trained weights as float16 followed by a cast, which the runtime folds when it loads.

    Initialisers equal to one of `kept` (or its transpose), and small ones, stay as they are.
    """
    model = onnx.load(path)
    exact = {(value.shape, value.tobytes()) for value in kept}
    exact |= {(value.T.shape, np.ascontiguousarray(value.T).tobytes()) for value in kept if value.ndim == 2}
    casts, rest = [], []
    for node in model.graph.node:  # the tracer leaves buffers as Constant nodes
        if node.op_type == "Constant" and node.attribute[0].HasField("t"):
            tensor = node.attribute[0].t
            tensor.name = node.output[0]
            model.graph.initializer.append(tensor)
        else:
            rest.append(node)
    for tensor in model.graph.initializer:
        value = numpy_helper.to_array(tensor)
        if tensor.data_type != TensorProto.FLOAT or value.size < 1024:
            continue
        if (value.shape, value.tobytes()) in exact:
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(value.astype(np.float16), name + "_half"))
        casts.append(helper.make_node("Cast", [name + "_half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *rest]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model)
    onnx.save(model, path)
