"""The three programs of a voice as ONNX graphs without weights, and the list of weights that belong in them.

A graph takes its weights from a file beside it, one after the other in the order of the list. So the import
of a voice is to write that file: no torch. The graphs of all released sizes are shipped (assets/rvc, made by
`python -m training.export_rvc`).
"""

from __future__ import annotations

import logging
import warnings
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from inference.networks.rvc.sizes import RvcSizes
from inference.networks.rvc.voice import Decoder, LatentFlow, Prior
from inference.rvc.templates import Program, Shapes, save_programs, sizes_key

_OPSET = 20
_FRAMES = 12
OUTPUTS = {"prior": ["mean", "log_scale"], "flow": ["latent_out"], "decoder": ["audio"]}
_AXES = {
    **{name: {1: "T"} for name in ("phone", "coarse")},
    **{name: {2: "T"} for name in ("latent", "mean", "log_scale", "latent_out")},
    **{name: {2: "N"} for name in ("source", "audio")},
}


def programs(sizes: RvcSizes) -> dict[str, nn.Module]:
    """The programs by name, with random weights."""
    made: dict[str, nn.Module] = {"prior": Prior(sizes), "flow": LatentFlow(sizes), "decoder": Decoder(sizes)}
    for program in made.values():
        program.eval().requires_grad_(False)
    return made


def weight_shapes(sizes: RvcSizes) -> dict[str, Shapes]:
    """Names and shapes of the weights of each program; nothing of their size is allocated."""
    with torch.device("meta"):
        return {name: shapes_of(program) for name, program in programs(sizes).items()}


def shapes_of(program: nn.Module) -> Shapes:
    """Names and shapes of a program's weights, in order."""
    return {name: tuple(value.shape) for name, value in program.state_dict().items()}


def write_programs(sizes: RvcSizes, folder: Path, names: tuple[str, ...] = tuple(OUTPUTS)) -> None:
    """Writes the named graphs of a voice of these sizes and adds them to the list in `folder`."""
    made = []
    for name, program in programs(sizes).items():
        if name in names:
            key, shapes = sizes_key(name, sizes), shapes_of(program)
            _export(name, program, sizes, folder / f"{key}.onnx")
            made.append(Program(name, folder / f"{key}.onnx", shapes))
    save_programs(folder, made)


def examples(sizes: RvcSizes, frames: int = _FRAMES) -> dict[str, dict[str, Tensor]]:
    """Inputs of the programs by name."""
    latent, g = torch.zeros(1, sizes.latent, frames), torch.zeros(1, sizes.conditioning, 1)
    coarse = {"coarse": torch.ones(1, frames, dtype=torch.int64)} if sizes.pitch else {}
    source = {"source": torch.zeros(1, 1, frames * sizes.hop)} if sizes.pitch else {}
    return {
        "prior": {"phone": torch.zeros(1, frames, sizes.content), **coarse},
        "flow": {"latent": latent, "g": g},
        "decoder": {"latent": latent, "g": g, **source},
    }


class _Planes(nn.Module):
    """A decoder that computes on planes of height 1, with the same weights.

    ONNX Runtime has blocked kernels for convolutions over planes only: 15 % less time (AVX-512).
    """

    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self.dec = decoder.dec
        for parent in list(self.dec.modules()):
            for name, child in list(parent.named_children()):
                if isinstance(child, nn.Conv1d | nn.ConvTranspose1d):
                    setattr(parent, name, _over_planes(child))

    def forward(self, latent: Tensor, g: Tensor, source: Tensor | None = None) -> Tensor:
        """As `Decoder`."""
        driven = None if source is None else source.unsqueeze(2)
        return self.dec(latent.unsqueeze(2), driven, g.unsqueeze(2)).squeeze(2)


def _over_planes(layer: nn.Conv1d | nn.ConvTranspose1d) -> nn.Module:
    kind = nn.Conv2d if isinstance(layer, nn.Conv1d) else nn.ConvTranspose2d
    return kind(
        layer.in_channels,
        layer.out_channels,
        (1, layer.kernel_size[0]),
        stride=(1, layer.stride[0]),
        padding=(0, int(layer.padding[0])),
        dilation=(1, layer.dilation[0]),
        bias=layer.bias is not None,
    ).requires_grad_(False)


def _export(name: str, program: nn.Module, sizes: RvcSizes, path: Path) -> None:
    inputs, outputs, shapes = examples(sizes)[name], OUTPUTS[name], shapes_of(program)
    if isinstance(program, Decoder):
        program = _Planes(program).eval()
    for weight in program.parameters():
        weight.normal_()  # the exporter makes one of equal ones
    with warnings.catch_warnings():
        # The tracer warns of every number that it keeps; that those are right is tested at other lengths.
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        torch.onnx.export(
            program,
            tuple(inputs.values()),
            str(path),
            input_names=list(inputs),
            output_names=outputs,
            dynamic_axes={key: _AXES[key] for key in [*inputs, *outputs] if key in _AXES},
            opset_version=_OPSET,
            do_constant_folding=False,  # folded weights lose their names
            dynamo=False,
        )
    _take_weights_out(path, f"{name}.bin", shapes)


def _take_weights_out(path: Path, file: str, shapes: Shapes) -> None:
    """Replaces the weights in a graph by places in `file`: float32, in the order of `shapes`."""
    model = onnx.load(path)
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    assert tensors.keys() == shapes.keys(), tensors.keys() ^ shapes.keys()
    offset = 0
    for name in shapes:
        tensor = tensors[name]
        length = 4 * torch.Size(shapes[name]).numel()
        assert tuple(n for n in tensor.dims if n > 1) == tuple(n for n in shapes[name] if n > 1)
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        for key, value in (("location", file), ("offset", offset), ("length", length)):
            entry = tensor.external_data.add()
            entry.key, entry.value = key, str(value)
        offset += length
    path.write_bytes(model.SerializeToString())
