"""The content model's own file (ContentVec or HuBERT-base) as people have it: its layouts and the known ones.

Layouts: fairseq's checkpoint (`hubert_base.pt`), transformers' (`pytorch_model.bin`, `model.safetensors`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference.rvc.tensor_file import StoredTensor, Tensors, read_tensors

VERSIONS = ("v1", "v2")
PRECISIONS = ("float", "mixed", "int8")
"""All in float32; the transformer in 8 bits; the convolutions too."""

FLOAT_FILE, INT8_FILE, TABLE = "float.weights", "int8.weights", "content.json"

Array = NDArray[np.float32]
Shapes = dict[str, tuple[int, ...]]


class ContentError(ValueError):
    """A content model that cannot be used; the message is a sentence for the user."""


@dataclass(frozen=True)
class KnownFile:
    """A file that many people have. Sums and sizes as several public projects check them."""

    title: str
    name: str
    size: int
    sha256: str


KNOWN = (
    KnownFile(
        "ContentVec, as RVC has it",
        "hubert_base.pt",
        189_507_909,
        "f54b40fd2802423a5643779c4861af1e9ee9c1564dc9d32f54f20b5ffba7db96",
    ),
    KnownFile(
        "ContentVec, transformers' layout",
        "pytorch_model.bin",
        378_342_945,
        "d8dd400e054ddf4e6be75dab5a2549db748cc99e756a097c496c099f65a4854e",
    ),
    KnownFile(
        "HuBERT-base before ContentVec's training: not what RVC voices were trained on",
        "hubert_base_ls960.pt",
        1_136_468_879,
        "1703cf8d2cdc76f8c046f5f6a9bcd224e0e6caf4744cad1a1f4199c32cac8c8d",
    ),
)

_FAIRSEQ = (
    (r"waveform\.conv\.(\d+)", r"feature_extractor.conv_layers.\1.0"),
    (r"waveform\.norm", "feature_extractor.conv_layers.0.2"),
    (r"norm", "layer_norm"),
    (r"project", "post_extract_proj"),
    (r"position", "encoder.pos_conv.0"),
    (r"norm_in", "encoder.layer_norm"),
    (r"layers\.(\d+)\.norm", r"encoder.layers.\1.self_attn_layer_norm"),
    (r"layers\.(\d+)\.norm_ffn", r"encoder.layers.\1.final_layer_norm"),
    (r"layers\.(\d+)\.ffn(\d)", r"encoder.layers.\1.fc\2"),
    (r"layers\.(\d+)\.out", r"encoder.layers.\1.self_attn.out_proj"),
    (r"layers\.(\d+)\.(q|k|v)[a-z]+", r"encoder.layers.\1.self_attn.\2_proj"),
    (r"units", "final_proj"),
)
_TRANSFORMERS = (
    (r"waveform\.conv\.(\d+)", r"feature_extractor.conv_layers.\1.conv"),
    (r"waveform\.norm", "feature_extractor.conv_layers.0.layer_norm"),
    (r"norm", "feature_projection.layer_norm"),
    (r"project", "feature_projection.projection"),
    (r"position", "encoder.pos_conv_embed.conv"),
    (r"norm_in", "encoder.layer_norm"),
    (r"layers\.(\d+)\.norm", r"encoder.layers.\1.layer_norm"),
    (r"layers\.(\d+)\.norm_ffn", r"encoder.layers.\1.final_layer_norm"),
    (r"layers\.(\d+)\.ffn1", r"encoder.layers.\1.feed_forward.intermediate_dense"),
    (r"layers\.(\d+)\.ffn2", r"encoder.layers.\1.feed_forward.output_dense"),
    (r"layers\.(\d+)\.out", r"encoder.layers.\1.attention.out_proj"),
    (r"layers\.(\d+)\.(q|k|v)[a-z]+", r"encoder.layers.\1.attention.\2_proj"),
    (r"units", "final_proj"),
)
_MARKS = {
    "fairseq": ("post_extract_proj.weight", _FAIRSEQ),
    "transformers": ("feature_projection.projection.weight", _TRANSFORMERS),
}
_PREFIXES = ("", "hubert.", "model.", "module.")
_FOREIGN = re.compile(
    r"feature_extractor\.conv_layers\.(0\.(0|conv)\.bias|[1-9]\.((0|conv)\.bias|2\.|layer_norm))"
    r"|rel_attn|gru_rel|adapter"
)
"""Parts that would change what is computed, and that HuBERT-base has none of."""


def program_name(version: str, precision: str) -> str:
    """File name of the program for voices of this version."""
    return f"{version}-{precision}.onnx"


def known_file(sha256: str) -> KnownFile | None:
    """What is known of a file with this sum."""
    return next((known for known in KNOWN if known.sha256 == sha256), None)


@dataclass(frozen=True)
class ContentWeights:
    """Weights of a HuBERT-base under the names of `inference.networks.hubert`.

    `layout` 'fairseq' or 'transformers'; `projected`: whether it has what RVC v1 needs behind layer 9.

    >>> weights = read_content(Path("hubert_base.pt"), shapes)
    >>> weights("layers.0.query.weight")    # (768, 768) float32
    """

    layout: str
    projected: bool
    find: Callable[[str], Array]

    def __call__(self, name: str) -> Array:
        """One parameter. Raises ContentError when its values are no numbers, TensorFileError of the disk."""
        value = self.find(name)
        if not np.isfinite(value).all():
            raise ContentError(f"The content model is damaged: '{name}' holds values that are no numbers.")
        return value


def read_content(path: Path, shapes: Shapes) -> ContentWeights:
    """Describes a checkpoint whose parameters must have these shapes.

    Raises TensorFileError, and ContentError for one that is no HuBERT-base.
    """
    tensors = read_tensors(path)
    layout, prefix = _layout(path, tensors)
    tensors = {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
    layers = max((int(name.split(".")[1]) for name in shapes if name.startswith("layers.")), default=-1) + 1
    _check_kind(path, tensors, layers)
    stored = {
        name: _stored(path, tensors, name, source_name(name, layout), shape) for name, shape in shapes.items()
    }
    projected = all(value is not None for name, value in stored.items() if name.startswith("units."))

    def find(name: str) -> Array:
        parts = stored[name]
        if parts is None:
            return np.zeros(shapes[name], np.float32)
        return fold(*(part.read() for part in parts))

    return ContentWeights(layout, projected, find)


def fold(direction: Array, gain: Array | None = None) -> Array:
    """Weight norm (arXiv 1602.07868) of the positional convolution multiplied out: one gain per tap.

    direction (out, in, taps), gain (1, 1, taps); without a gain the weight as it is.
    """
    if gain is None:
        return direction
    norm = np.sqrt(np.square(direction).sum(axis=(0, 1), keepdims=True))
    return (direction * (gain / np.maximum(norm, 1e-30))).astype(np.float32)


def _layout(path: Path, tensors: Tensors) -> tuple[str, str]:
    for layout, (mark, _) in _MARKS.items():
        for prefix in _PREFIXES:
            if prefix + mark in tensors:
                return layout, prefix
    raise ContentError(
        f"{path.name} is no content model: it has neither fairseq's nor transformers' HuBERT in it; "
        "RVC's is called hubert_base.pt."
    )


def _check_kind(path: Path, tensors: Tensors, layers: int) -> None:
    found = {int(m[1]) for key in tensors if (m := re.match(r"encoder\.layers\.(\d{1,4})\.", key))}
    foreign = next((key for key in tensors if _FOREIGN.search(key)), None)
    if len(found) != layers or foreign:
        what = f"'{foreign[:60]}'" if foreign else f"{len(found)} layers"
        raise ContentError(
            f"{path.name} is not a HuBERT-base: it has {what}; RVC voices need ContentVec or HuBERT-base."
        )


def source_name(name: str, layout: str) -> str:
    """The name that a parameter of ours has in a layout."""
    module, _, kind = name.rpartition(".")
    for pattern, source in _MARKS[layout][1]:
        if match := re.fullmatch(pattern, module):
            return f"{match.expand(source)}.{kind}"
    raise KeyError(name)


def _stored(
    path: Path, tensors: Tensors, name: str, source: str, shape: tuple[int, ...]
) -> tuple[StoredTensor, ...] | None:
    """Where a parameter lies: as it is or as direction and gain; None for a projection that is not there."""
    module = source.rpartition(".")[0]
    gain_shape = (1, 1, shape[-1])
    wanted: list[tuple[tuple[str, tuple[int, ...]], ...]] = [((source, shape),)]
    if name == "position.weight":
        old, new = f"{source}_", f"{module}.parametrizations.weight.original"
        wanted += [
            ((f"{old}v", shape), (f"{old}g", gain_shape)),
            ((f"{new}1", shape), (f"{new}0", gain_shape)),
        ]
    for parts in wanted:
        if all(key in tensors and tensors[key].shape == size for key, size in parts):
            return tuple(tensors[key] for key, _ in parts)
    if name.startswith("units."):
        return None
    state = f"the shape {tensors[source].shape}, not {shape}" if source in tensors else "nothing"
    raise ContentError(f"{path.name} is not a HuBERT-base, or is damaged: for '{source}' it has {state}.")
