"""Causal building blocks. A state is a tensor the caller owns; all start at zero."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class CausalConv(nn.Conv1d):
    """Convolution over (B, C, T) that sees the past only; state (B, C, kernel - stride)."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int, stride: int = 1) -> None:
        super().__init__(channels_in, channels_out, kernel, stride=stride)
        self.keep = kernel - stride

    def init_state(self, batch: int) -> Tensor:
        """Zeros (batch, C, kernel - stride)."""
        return torch.zeros(batch, self.in_channels, self.keep)

    def stream(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """x (B, C, T), T a multiple of the stride -> (B, C', T / stride) and the next state."""
        past = torch.cat([state, x], dim=2)
        return super().forward(past), past[:, :, past.shape[2] - self.keep :]


class CausalBlock(nn.Module):
    """ConvNeXt block: causal depthwise convolution, conditioned LayerNorm, inverted bottleneck.

    After ConvNeXt (arXiv 2201.03545) as Vocos (arXiv 2306.00814) uses it. State: (B, dim, kernel - 1).
    """

    def __init__(self, dim: int, kernel: int, expansion: int) -> None:
        super().__init__()
        self.keep = kernel - 1
        self.dwconv = nn.Conv1d(dim, dim, kernel, groups=dim)
        self.norm = nn.LayerNorm(dim)
        self.pwconv1 = nn.Linear(dim, expansion * dim)
        self.pwconv2 = nn.Linear(expansion * dim, dim)
        self.gamma = nn.Parameter(torch.full((dim,), 0.1))

    def forward(self, x: Tensor, state: Tensor, style: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """x (B, T, dim), style (B, 2 dim) scale and shift -> (B, T, dim) and the next state."""
        past = torch.cat([state, x.transpose(1, 2)], dim=2)
        h = self.norm(self.dwconv(past).transpose(1, 2))
        if style is not None:
            scale, shift = style.unsqueeze(1).chunk(2, dim=-1)
            h = h * (1 + scale) + shift
        h = self.pwconv2(F.gelu(self.pwconv1(h)))
        return x + self.gamma * h, past[:, :, past.shape[2] - self.keep :]


class CausalStack(nn.Module):
    """`blocks` CausalBlocks in a row; one state tensor (blocks, B, dim, kernel - 1) for all."""

    def __init__(self, dim: int, blocks: int, kernel: int, expansion: int) -> None:
        super().__init__()
        self.shape = (dim, kernel - 1)
        self.blocks = nn.ModuleList(CausalBlock(dim, kernel, expansion) for _ in range(blocks))

    def init_state(self, batch: int) -> Tensor:
        """Zeros (blocks, batch, dim, kernel - 1)."""
        return torch.zeros(len(self.blocks), batch, *self.shape)

    def forward(self, x: Tensor, state: Tensor, style: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """x (B, T, dim), style (B, blocks * 2 dim) -> (B, T, dim) and the next state."""
        styles = [None] * len(self.blocks) if style is None else style.chunk(len(self.blocks), dim=-1)
        states = []
        for index, block in enumerate(self.blocks):
            x, after = block(x, state[index], styles[index])
            states.append(after)
        return x, torch.stack(states)
