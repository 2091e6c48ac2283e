"""Text encoder: content features and coarse pitch -> the prior of the latent."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from inference.networks.rvc.sizes import PITCH_BINS, RvcSizes

_WINDOW = 10
"""Relative positions are learned up to this many frames to either side (arXiv 1803.02155)."""

_SLOPE = 0.1


def skew(scores: Tensor) -> Tensor:
    """Scores by offset (B, h, T, 2w+1) -> by position (B, h, T, T), 0 beyond the window.

    Row i moves right by i - w: with a row of T zeros appended, reading the same memory in rows one
    element shorter does that, for any T and without an index matrix.
    """
    batch, heads, frames, offsets = scores.shape
    zeros = scores.new_zeros(batch, heads, frames, frames)
    flat = torch.cat([scores, zeros], -1).reshape(batch, heads, -1)
    width = frames + offsets - 1
    rows = flat[:, :, : frames * width].reshape(batch, heads, frames, width)
    return rows[:, :, :, _WINDOW : _WINDOW + frames]


def unskew(weights: Tensor) -> Tensor:
    """Weights by position (B, h, T, T) -> by offset (B, h, T, 2w+1): the inverse of `skew`."""
    batch, heads, frames, _ = weights.shape
    flat = F.pad(weights, (_WINDOW, _WINDOW)).reshape(batch, heads, -1)
    flat = torch.cat([flat, flat.new_zeros(batch, heads, frames)], -1)
    rows = flat.reshape(batch, heads, frames, frames + 2 * _WINDOW + 1)
    return rows[:, :, :, : 2 * _WINDOW + 1]


class RelativeAttention(nn.Module):
    """Self-attention with learned relative keys and values, shared by all heads."""

    def __init__(self, hidden: int, heads: int) -> None:
        super().__init__()
        self.heads, self.depth = heads, hidden // heads
        self.emb_rel_k = nn.Parameter(torch.zeros(1, 2 * _WINDOW + 1, self.depth))
        self.emb_rel_v = nn.Parameter(torch.zeros(1, 2 * _WINDOW + 1, self.depth))
        self.conv_q = nn.Conv1d(hidden, hidden, 1)
        self.conv_k = nn.Conv1d(hidden, hidden, 1)
        self.conv_v = nn.Conv1d(hidden, hidden, 1)
        self.conv_o = nn.Conv1d(hidden, hidden, 1)

    def forward(self, x: Tensor) -> Tensor:
        """x (B, H, T) -> (B, H, T)."""
        query, key, value = (self._split(conv(x)) for conv in (self.conv_q, self.conv_k, self.conv_v))
        query = query / math.sqrt(self.depth)
        near = skew(query @ self.emb_rel_k.transpose(1, 2))
        weights = torch.softmax(query @ key.transpose(2, 3) + near, -1)
        heard = weights @ value + unskew(weights) @ self.emb_rel_v
        return self.conv_o(heard.transpose(2, 3).reshape(x.shape))

    def _split(self, x: Tensor) -> Tensor:
        """(B, H, T) -> (B, heads, T, depth)."""
        return x.reshape(x.shape[0], self.heads, self.depth, x.shape[2]).transpose(2, 3)


class ChannelNorm(nn.Module):
    """Layer norm over the channels of (B, H, T)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(channels))
        self.beta = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """x (B, H, T) -> (B, H, T)."""
        normed = F.layer_norm(x.transpose(1, 2), self.gamma.shape, self.gamma, self.beta, 1e-5)
        return normed.transpose(1, 2)


class FeedForward(nn.Module):
    """Two convolutions that keep the length."""

    def __init__(self, hidden: int, filter_: int, kernel: int) -> None:
        super().__init__()
        self.padding = ((kernel - 1) // 2, kernel // 2)
        self.conv_1 = nn.Conv1d(hidden, filter_, kernel)
        self.conv_2 = nn.Conv1d(filter_, hidden, kernel)

    def forward(self, x: Tensor) -> Tensor:
        """x (B, H, T) -> (B, H, T)."""
        x = torch.relu(self.conv_1(F.pad(x, self.padding)))
        return self.conv_2(F.pad(x, self.padding))


class Transformer(nn.Module):
    """Post-norm layers of attention and feed-forward."""

    def __init__(self, sizes: RvcSizes) -> None:
        super().__init__()
        layers, hidden = range(sizes.layers), sizes.hidden
        self.attn_layers = nn.ModuleList(RelativeAttention(hidden, sizes.heads) for _ in layers)
        self.norm_layers_1 = nn.ModuleList(ChannelNorm(hidden) for _ in layers)
        self.ffn_layers = nn.ModuleList(FeedForward(hidden, sizes.filter, sizes.kernel) for _ in layers)
        self.norm_layers_2 = nn.ModuleList(ChannelNorm(hidden) for _ in layers)

    def forward(self, x: Tensor) -> Tensor:
        """x (B, H, T) -> (B, H, T)."""
        layers = zip(self.attn_layers, self.norm_layers_1, self.ffn_layers, self.norm_layers_2, strict=True)
        for attend, norm_1, feed, norm_2 in layers:
            x = norm_1(x + attend(x))
            x = norm_2(x + feed(x))
        return x


class TextEncoder(nn.Module):
    """Embeds content and pitch, attends, projects to mean and log-scale."""

    def __init__(self, sizes: RvcSizes) -> None:
        super().__init__()
        self.hidden = sizes.hidden
        self.emb_phone = nn.Linear(sizes.content, sizes.hidden)
        self.emb_pitch = nn.Embedding(PITCH_BINS, sizes.hidden) if sizes.pitch else None
        self.encoder = Transformer(sizes)
        self.proj = nn.Conv1d(sizes.hidden, 2 * sizes.latent, 1)

    def forward(self, phone: Tensor, coarse: Tensor | None) -> tuple[Tensor, Tensor]:
        """phone (B, T, C), coarse (B, T) int64 or None -> mean and log-scale (B, L, T)."""
        x = self.emb_phone(phone)
        if self.emb_pitch is not None:
            x = x + self.emb_pitch(coarse)
        x = F.leaky_relu(x * math.sqrt(self.hidden), _SLOPE)
        mean, log_scale = self.proj(self.encoder(x.transpose(1, 2))).chunk(2, 1)
        return mean, log_scale
