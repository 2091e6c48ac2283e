"""HuBERT-base, the content encoder of RVC voices (arXiv 2106.07447; ContentVec has the same shape).

Convolutions with a group norm over time, a projection, a positional convolution, post-norm transformer
layers. Weight norm of the positional convolution is folded into its weight.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class HubertConfig:
    """Sizes; the defaults are HuBERT-base's. `tap` is the layer whose output is projected to `units`."""

    conv_dim: int = 512
    kernels: tuple[int, ...] = (10, 3, 3, 3, 3, 2, 2)
    strides: tuple[int, ...] = (5, 2, 2, 2, 2, 2, 2)
    dim: int = 768
    heads: int = 12
    ffn: int = 3072
    layers: int = 12
    pos_kernel: int = 128
    pos_groups: int = 16
    tap: int = 9
    units: int = 256


class Waveform(nn.Module):
    """Audio to one vector per 20 ms: convolutions without bias, the first one group-normed over time."""

    def __init__(self, config: HubertConfig) -> None:
        super().__init__()
        widths = (1, *[config.conv_dim] * len(config.kernels))
        self.conv = nn.ModuleList(
            nn.Conv1d(before, after, kernel, stride, bias=False)
            for before, after, kernel, stride in zip(
                widths, widths[1:], config.kernels, config.strides, strict=False
            )
        )
        self.norm = nn.GroupNorm(config.conv_dim, config.conv_dim)

    def forward(self, audio: Tensor) -> Tensor:
        """audio (B, n) at 16 kHz -> (B, conv_dim, (n - 400) // 320 + 1)."""
        h = F.gelu(self.norm(self.conv[0](audio.unsqueeze(1))))
        for conv in self.conv[1:]:
            h = F.gelu(conv(h))
        return h


class Layer(nn.Module):
    """One post-norm transformer layer; every frame sees every other."""

    def __init__(self, dim: int, heads: int, ffn: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.out = (nn.Linear(dim, dim) for _ in range(4))
        self.norm = nn.LayerNorm(dim)
        self.ffn1, self.ffn2 = nn.Linear(dim, ffn), nn.Linear(ffn, dim)
        self.norm_ffn = nn.LayerNorm(dim)

    def _split(self, x: Tensor) -> Tensor:
        """(B, T, dim) -> (B, heads, T, dim / heads)."""
        return x.reshape(*x.shape[:2], self.heads, x.shape[2] // self.heads).transpose(1, 2)

    def forward(self, x: Tensor) -> Tensor:
        """x (B, T, dim) -> (B, T, dim)."""
        query, key, value = (self._split(part(x)) for part in (self.query, self.key, self.value))
        weight = torch.softmax(query @ key.transpose(2, 3) * key.shape[-1] ** -0.5, dim=-1)
        x = self.norm(x + self.out((weight @ value).transpose(1, 2).flatten(2)))
        return self.norm_ffn(x + self.ffn2(F.gelu(self.ffn1(x))))


class Hubert(nn.Module):
    """What is said, 50 vectors a second.

    >>> units, hidden = Hubert(HubertConfig())(audio)    # (1, n) -> (1, T, 256), (1, T, 768)
    """

    def __init__(self, config: HubertConfig) -> None:
        super().__init__()
        c = config
        self.tap = c.tap
        self.waveform = Waveform(c)
        self.norm = nn.LayerNorm(c.conv_dim)
        self.project = nn.Linear(c.conv_dim, c.dim)
        self.position = nn.Conv1d(c.dim, c.dim, c.pos_kernel, padding=c.pos_kernel // 2, groups=c.pos_groups)
        self.norm_in = nn.LayerNorm(c.dim)
        self.layers = nn.ModuleList(Layer(c.dim, c.heads, c.ffn) for _ in range(c.layers))
        self.units = nn.Linear(c.dim, c.units)

    def forward(self, audio: Tensor) -> tuple[Tensor, Tensor]:
        """audio (B, n) at 16 kHz in [-1, 1], not normalised, n >= 400; T = (n - 400) // 320 + 1.

        Returns what RVC v1 reads, the projected layer `tap`: (B, T, units); and what v2 reads, the last
        layer: (B, T, dim).
        """
        h = self.run(self.embed(self.waveform(audio).transpose(1, 2)), 0, self.tap)
        return self.units(h), self.run(h, self.tap, len(self.layers))

    def embed(self, x: Tensor) -> Tensor:
        """What the layers begin with, of the waveform's vectors: (B, T, conv_dim) -> (B, T, dim)."""
        h = self.project(self.norm(x))
        # An even kernel gives one frame too many; the last one goes.
        position = F.gelu(self.position(h.transpose(1, 2))[..., : h.shape[1]])
        return self.norm_in(h + position.transpose(1, 2))

    def run(self, h: Tensor, first: int, end: int) -> Tensor:
        """Some of the layers: (B, T, dim) -> (B, T, dim)."""
        for layer in self.layers[first:end]:
            h = layer(h)
        return h
