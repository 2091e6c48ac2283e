"""HiFi-GAN generator (arXiv 2010.05646), with a sine source (arXiv 1904.12088) in voices that take F0."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from inference.networks.rvc.sizes import RvcSizes

_SLOPE = 0.1
_LAST_SLOPE = 0.01


class ResBlock(nn.Module):
    """Pairs of a dilated and a plain convolution, each pair added to its input."""

    def __init__(self, channels: int, kernel: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.convs1 = nn.ModuleList(
            nn.Conv1d(channels, channels, kernel, dilation=d, padding=d * (kernel - 1) // 2)
            for d in dilations
        )
        self.convs2 = nn.ModuleList(
            nn.Conv1d(channels, channels, kernel, padding=(kernel - 1) // 2) for _ in dilations
        )

    def forward(self, x: Tensor) -> Tensor:
        """x (B, channels, N) -> the same shape."""
        for dilated, plain in zip(self.convs1, self.convs2, strict=True):
            y = plain(F.leaky_relu(dilated(F.leaky_relu(x, _SLOPE)), _SLOPE))
            x = x + y
        return x


class Source(nn.Module):
    """Scales and bends the excitation; in checkpoints `dec.m_source`."""

    def __init__(self) -> None:
        super().__init__()
        self.l_linear = nn.Linear(1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Excitation (B, 1, N) -> (B, 1, N)."""
        return torch.tanh(x * self.l_linear.weight + self.l_linear.bias)


def _noise_conv(channels: int, stride: int) -> nn.Conv1d:
    """Brings the source to the rate of a stage that is `stride` times slower than the output."""
    if stride == 1:
        return nn.Conv1d(1, channels, 1)
    return nn.Conv1d(1, channels, 2 * stride, stride=stride, padding=stride // 2)


class Generator(nn.Module):
    """Latent, speaker and (where the voice takes F0) excitation -> audio."""

    def __init__(self, sizes: RvcSizes) -> None:
        super().__init__()
        widths = [sizes.initial >> stage for stage in range(len(sizes.rates) + 1)]
        self.conv_pre = nn.Conv1d(sizes.latent, widths[0], 7, padding=3)
        self.cond = nn.Conv1d(sizes.conditioning, widths[0], 1)
        self.ups = nn.ModuleList(
            nn.ConvTranspose1d(w_in, w_out, kernel, rate, padding=(kernel - rate) // 2)
            for w_in, w_out, rate, kernel in zip(
                widths[:-1], widths[1:], sizes.rates, sizes.kernels, strict=True
            )
        )
        blocks = tuple(zip(sizes.block_kernels, sizes.block_dilations, strict=True))
        self.per_stage = len(blocks)
        self.resblocks = nn.ModuleList(
            ResBlock(width, kernel, dilations) for width in widths[1:] for kernel, dilations in blocks
        )
        self.conv_post = nn.Conv1d(widths[-1], 1, 7, padding=3, bias=False)
        self.m_source: Source | None = None
        if sizes.pitch:
            self.m_source = Source()
            strides = [math.prod(sizes.rates[stage + 1 :]) for stage in range(len(sizes.rates))]
            self.noise_convs = nn.ModuleList(
                _noise_conv(width, stride) for width, stride in zip(widths[1:], strides, strict=True)
            )

    def forward(self, latent: Tensor, excitation: Tensor | None, g: Tensor) -> Tensor:
        """latent (B, L, T), excitation (B, 1, T * hop) or None, g (B, G, 1) -> audio (B, 1, T * hop)."""
        source = None if self.m_source is None else self.m_source(excitation)
        x = self.conv_pre(latent) + self.cond(g)
        for stage, up in enumerate(self.ups):
            x = up(F.leaky_relu(x, _SLOPE))
            if source is not None:
                x = x + self.noise_convs[stage](source)
            blocks = self.resblocks[stage * self.per_stage : (stage + 1) * self.per_stage]
            total = blocks[0](x)
            for block in blocks[1:]:
                total = total + block(x)
            x = total / self.per_stage
        return torch.tanh(self.conv_post(F.leaky_relu(x, _LAST_SLOPE)))
