"""Causal building blocks. A state is a tensor the caller owns; all start at zero."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class CausalConv(nn.Conv1d):
    """Convolution over (B, T, C) that sees the past only; state (B, kernel - stride, C).

    Computed as one matrix product over stacked taps: the form that 8-bit runtimes are fast at.
    """

    def __init__(self, channels_in: int, channels_out: int, kernel: int, stride: int = 1) -> None:
        super().__init__(channels_in, channels_out, kernel, stride=stride)
        self.keep, self.taps, self.step = kernel - stride, kernel, stride

    def init_state(self, batch: int) -> Tensor:
        """Zeros (batch, kernel - stride, C)."""
        return torch.zeros(batch, self.keep, self.in_channels)

    def matrix(self) -> Tensor:
        """The kernel as (taps * C, C'), earliest tap first."""
        return self.weight.permute(2, 1, 0).reshape(-1, self.out_channels)

    def multiply(self, taps: Tensor) -> Tensor:
        """Stacked taps (B, T, taps * C), earliest first -> (B, T, C')."""
        assert self.bias is not None
        return taps @ self.matrix() + self.bias

    def stream(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """x (B, T, C), T a multiple of the stride -> (B, T / stride, C') and the next state."""
        past = torch.cat([state, x], dim=1)
        count = x.shape[1] // self.step
        last = (count - 1) * self.step + 1
        taps = torch.cat([past[:, k : k + last : self.step] for k in range(self.taps)], dim=2)
        return self.multiply(taps), past[:, -self.keep :]


class CausalBlock(nn.Module):
    """ConvNeXt block: causal depthwise convolution, conditioned LayerNorm, inverted bottleneck.

    After ConvNeXt (arXiv 2201.03545) as Vocos (arXiv 2306.00814) uses it. State: (B, kernel - 1, dim).
    """

    def __init__(self, dim: int, kernel: int, expansion: int) -> None:
        super().__init__()
        self.keep = kernel - 1
        self.dwconv = nn.Conv1d(dim, dim, kernel, groups=dim)
        self.norm = nn.LayerNorm(dim)
        self.pwconv1 = nn.Linear(dim, expansion * dim)
        self.pwconv2 = nn.Linear(expansion * dim, dim)
        self.gamma = nn.Parameter(torch.full((dim,), 0.1))

    def depthwise(self, past: Tensor, count: int) -> Tensor:
        """past (B, kernel - 1 + count, dim) -> (B, count, dim).

        A step or two are a weighted sum: a grouped convolution costs ten times as much there.
        """
        if count > 2:
            return self.dwconv(past.transpose(1, 2)).transpose(1, 2)
        assert self.dwconv.bias is not None
        taps = self.dwconv.weight.squeeze(1).T
        frames = [(past[:, t : t + self.keep + 1] * taps).sum(1, keepdim=True) for t in range(count)]
        return torch.cat(frames, dim=1) + self.dwconv.bias

    def forward(self, x: Tensor, state: Tensor, style: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """x (B, T, dim), style (B, 2 dim) scale and shift -> (B, T, dim) and the next state."""
        past = torch.cat([state, x], dim=1)
        h = self.norm(self.depthwise(past, x.shape[1]))
        if style is not None:
            scale, shift = style.unsqueeze(1).chunk(2, dim=-1)
            h = h * (1 + scale) + shift
        h = self.pwconv2(F.gelu(self.pwconv1(h)))
        return x + self.gamma * h, past[:, -self.keep :]


class CausalStack(nn.Module):
    """`blocks` CausalBlocks in a row; one state tensor (blocks, B, kernel - 1, dim) for all."""

    def __init__(self, dim: int, blocks: int, kernel: int, expansion: int) -> None:
        super().__init__()
        self.shape = (kernel - 1, dim)
        self.blocks = nn.ModuleList(CausalBlock(dim, kernel, expansion) for _ in range(blocks))

    def init_state(self, batch: int) -> Tensor:
        """Zeros (blocks, batch, kernel - 1, dim)."""
        return torch.zeros(len(self.blocks), batch, *self.shape)

    def forward(self, x: Tensor, state: Tensor, style: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """x (B, T, dim), style (B, blocks * 2 dim) -> (B, T, dim) and the next state."""
        styles = [None] * len(self.blocks) if style is None else style.chunk(len(self.blocks), dim=-1)
        states = []
        for index, block in enumerate(self.blocks):
            x, after = block(x, state[index], styles[index])
            states.append(after)
        return x, torch.stack(states)
