"""Judges of the adversarial training: waveforms folded by periods, spectra at several resolutions.

After HiFi-GAN (arXiv 2010.05646) and UnivNet's multi-resolution judges as Vocos (arXiv 2306.00814)
trims them. They are trained here and not shipped.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm

PERIODS = (2, 3, 5, 7, 11)
RESOLUTIONS = ((512, 128), (1024, 256), (2048, 512))

Judged = list[tuple[Tensor, list[Tensor]]]


class PeriodJudge(nn.Module):
    """2-D convolutions over the waveform folded at one period."""

    def __init__(self, period: int, channels: list[int]) -> None:
        super().__init__()
        self.period = period
        widths = [1, *channels]
        pairs = pairwise(widths)
        self.convs = nn.ModuleList(
            weight_norm(nn.Conv2d(a, b, (5, 1), (3, 1), padding=(2, 0))) for a, b in pairs
        )
        self.convs.append(weight_norm(nn.Conv2d(channels[-1], channels[-1], (5, 1), padding=(2, 0))))
        self.last = weight_norm(nn.Conv2d(channels[-1], 1, (3, 1), padding=(1, 0)))

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """x (B, S) -> score map and the feature maps under it."""
        rows = x.shape[1] // self.period
        h = x[:, : rows * self.period].reshape(x.shape[0], 1, rows, self.period)
        maps = []
        for conv in self.convs:
            h = F.leaky_relu(conv(h), 0.1)
            maps.append(h)
        return self.last(h), maps


class SpectrumJudge(nn.Module):
    """2-D convolutions over the complex spectrum at one resolution."""

    def __init__(self, size: int, hop: int, channels: int) -> None:
        super().__init__()
        self.size, self.hop = size, hop
        self.register_buffer("window", torch.hann_window(size), persistent=False)
        shapes = [((3, 9), (1, 2)), ((3, 9), (1, 2)), ((3, 9), (1, 2)), ((3, 3), (1, 1))]
        self.convs = nn.ModuleList()
        width = 2
        for kernel, stride in shapes:
            padding = (kernel[0] // 2, kernel[1] // 2)
            self.convs.append(weight_norm(nn.Conv2d(width, channels, kernel, stride, padding)))
            width = channels
        self.last = weight_norm(nn.Conv2d(channels, 1, (3, 3), padding=(1, 1)))

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """x (B, S) -> score map and the feature maps under it."""
        with torch.autocast(x.device.type, enabled=False):
            spectrum = torch.stft(x.float(), self.size, self.hop, window=self.window, return_complex=True)
            parts = torch.view_as_real(spectrum).permute(0, 3, 2, 1)
            # Compressed magnitudes: quiet bands count too, and loud ones do not drown the rest.
            power = parts.square().sum(1, keepdim=True) + 1e-6
            h = parts * power.pow(-0.25)
        maps = []
        for conv in self.convs:
            h = F.leaky_relu(conv(h), 0.1)
            maps.append(h)
        return self.last(h), maps


class Judges(nn.Module):
    """All judges; calling them gives a list of (score map, feature maps)."""

    def __init__(self, channels: int, period_channels: list[int]) -> None:
        super().__init__()
        periods = [PeriodJudge(period, period_channels) for period in PERIODS]
        spectra = [SpectrumJudge(size, hop, channels) for size, hop in RESOLUTIONS]
        self.judges = nn.ModuleList([*periods, *spectra])

    def forward(self, x: Tensor) -> Judged:
        """x (B, S)."""
        return [judge(x) for judge in self.judges]


def judge_loss(real: Judged, fake: Judged) -> Tensor:
    """Least-squares loss of the judges."""
    parts = [
        (1 - r.float()).square().mean() + f.float().square().mean()
        for (r, _), (f, _) in zip(real, fake, strict=True)
    ]
    return torch.stack(parts).mean()


def fool_loss(fake: Judged, weight: Tensor) -> Tensor:
    """Least-squares loss of the generator; weight (B,) per item."""
    parts = [((1 - f.float()).square().flatten(1).mean(1) * weight).mean() for f, _ in fake]
    return torch.stack(parts).mean()


def feature_loss(real: Judged, fake: Judged, items: int) -> Tensor:
    """Relative L1 distance of feature maps over the first `items` of the batch."""
    parts = []
    for (_, ours), (_, theirs) in zip(real, fake, strict=True):
        for r, f in zip(ours, theirs, strict=True):
            scale = r[:items].detach().float().abs().mean() + 1e-4
            parts.append((r[:items].detach().float() - f[:items].float()).abs().mean() / scale)
    return torch.stack(parts).mean()
