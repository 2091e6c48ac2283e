"""HuBERT -> ONNX programs without weights in assets/rvc/content, filled when a content model is installed.

    python -m training.export_hubert [--out assets/rvc/content]

One program per version of RVC (`v1`: nine layers and a projection, `v2`: twelve layers) and precision. Each
refers to two files beside it, one of float32 and one of 8-bit weights; `content.json` says which parameter of
`inference.networks.hubert` lies where in them, so that neither torch nor onnx is needed to write them.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto
from onnx.external_data_helper import set_external_data
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import Tensor, nn
from torch.nn import functional as F

from inference.networks.hubert import Hubert, HubertConfig
from inference.networks.weights import REVERSED, name_weights
from inference.rvc.content_files import FLOAT_FILE, INT8_FILE, PRECISIONS, TABLE, VERSIONS, program_name

_ALIGN = 64
_INLINE = 64
"""Tensors of at most so many elements that are no parameters stay in the program."""

Table = dict[str, dict[str, Any]]


class Frames(nn.Module):
    """A Hubert as products of matrices where it pays: 8-bit convolutions are not to be had.

    >>> features = Frames(hubert, "v2")(audio)    # (1, n) -> (1, T, 768)
    """

    def __init__(self, hubert: Hubert, version: str) -> None:
        super().__init__()
        self.hubert, self.version = hubert, version

    def forward(self, audio: Tensor) -> Tensor:
        """audio (1, n) -> (1, T, 256) of `v1`, (1, T, 768) of `v2`."""
        h = self.hubert
        first, *rest = h.waveform.conv
        x = F.gelu(h.waveform.norm(first(audio.unsqueeze(1)))).transpose(1, 2)
        for conv in rest:
            x = F.gelu(_convolve(x, conv))
        x = h.embed(x)
        if self.version == "v1":
            return h.units(h.run(x, 0, h.tap))
        return h.run(x, 0, len(h.layers))


def _convolve(x: Tensor, conv: nn.Module) -> Tensor:
    """A convolution without bias as a product: (1, T, in) -> (1, frames, out)."""
    assert isinstance(conv, nn.Conv1d)
    taps, stride = conv.kernel_size[0], conv.stride[0]
    frames = (x.shape[1] - taps) // stride + 1
    last = stride * (frames - 1) + 1
    seen = torch.cat([x[:, tap : tap + last : stride] for tap in range(taps)], dim=2)
    return seen @ conv.weight.permute(2, 1, 0).reshape(-1, conv.out_channels)


def make_programs(config: HubertConfig, out: Path) -> None:
    """Writes programs and table for a Hubert of these sizes."""
    out.mkdir(parents=True, exist_ok=True)
    hubert = Hubert(config).eval().requires_grad_(False)
    for value in hubert.parameters():
        value.copy_(torch.randn_like(value))  # weights are told apart by their values
    table: Table = {}
    sizes = {FLOAT_FILE: 0, INT8_FILE: 0}
    with tempfile.TemporaryDirectory() as folder:
        for version in VERSIONS:
            traced = Path(folder) / "traced.onnx"
            _trace(Frames(hubert, version), traced)
            for precision in PRECISIONS:
                path = out / program_name(version, precision)
                quantise(traced, path, precision)
                _externalise(path, hubert, table, sizes)
    about = {"format": 1, "config": asdict(config), "bytes": sizes, "tensors": table}
    (out / TABLE).write_text(json.dumps(about, separators=(",", ":")) + "\n")


def _trace(module: Frames, path: Path) -> None:
    with warnings.catch_warnings():
        # The tracer warns of the lengths it computes with; that they follow the input is tested.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            (torch.zeros(1, 16_000),),
            str(path),
            input_names=["audio"],
            output_names=["features"],
            dynamic_axes={"audio": {1: "n"}, "features": {1: "T"}},
            opset_version=20,
            dynamo=False,
        )
    name_weights(path, module)


def quantise(source: Path, target: Path, precision: str) -> None:
    """Turns the products that `precision` names into dynamic 8-bit ones, weights per channel in 7 bits.

    Why 7: training.quantise.
    """
    model = onnx.load(source)
    if precision == "float":
        onnx.save(model, target)
        return
    weights = {tensor.name for tensor in model.graph.initializer}
    chosen = []
    for node in model.graph.node:
        named = [name for name in node.input if name in weights]
        if node.op_type == "MatMul" and named and not (precision == "mixed" and ".waveform." in named[0]):
            chosen.append(node.name)
    quantize_dynamic(
        source,
        target,
        op_types_to_quantize=["MatMul"],
        nodes_to_quantize=chosen,
        per_channel=True,
        reduce_range=True,
        weight_type=QuantType.QInt8,
    )


def _externalise(path: Path, hubert: Hubert, table: Table, sizes: dict[str, int]) -> None:
    """Moves the weights of a program out of it, each to its place in one of the files."""
    model = onnx.load(path)
    for tensor in model.graph.initializer:
        origin = _origin(tensor.name.removeprefix("hubert."), dict(hubert.named_parameters()))
        if origin is None:
            if int(np.prod(tensor.dims)) > _INLINE and not tensor.name.endswith("_zero_point"):
                raise RuntimeError(f"{tensor.name} of {path.name} is no parameter")
            continue
        parameter, form = origin
        file = FLOAT_FILE if form in ("as is", "reversed") else INT8_FILE
        key = f"{form} {parameter}"
        if key not in table:
            width = 1 if tensor.data_type == TensorProto.INT8 else 4
            offset = -(-sizes[file] // _ALIGN) * _ALIGN
            shape = list(hubert.get_parameter(parameter).shape)
            table[key] = {
                "file": file,
                "offset": offset,
                "shape": shape,
                "parameter": parameter,
                "form": form,
            }
            sizes[file] = offset + int(np.prod(tensor.dims)) * width
        length = int(np.prod(tensor.dims)) * (1 if tensor.data_type == TensorProto.INT8 else 4)
        tensor.ClearField("float_data")
        tensor.raw_data = b""
        set_external_data(tensor, file, offset=table[key]["offset"], length=length)
        tensor.ClearField("raw_data")
    path.write_bytes(model.SerializeToString())


def _origin(name: str, parameters: dict[str, nn.Parameter]) -> tuple[str, str] | None:
    """The parameter an initialiser was made of, and how."""
    if name in parameters:
        return name, "as is"
    for ending, form in (
        (REVERSED, "reversed"),
        (f"{REVERSED}_quantized", "quantized"),
        (f"{REVERSED}_scale", "scale"),
    ):
        if name.endswith(ending) and name.removesuffix(ending) in parameters:
            return name.removesuffix(ending), form
    return None


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "assets" / "rvc" / "content")
    args = parser.parse_args()
    make_programs(HubertConfig(), args.out)
    for file in sorted(args.out.iterdir()):
        print(f"{file.name}: {file.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
