"""Speech as another, invented speaker would say it, in Whisper's power spectrum.

There no phase has to be invented: envelope and fine structure are stretched along frequency separately, as
formants and pitch of another speaker would be.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from inference.networks.spectral import dft_matrix, frames_of
from inference.networks.timing import HOP
from inference.networks.transforms import MEL_BINS, MEL_FRAME, hann

WIDE_BINS = MEL_FRAME // 2 + 1


def chance(probability: float, like: Tensor) -> Tensor:
    """(B, 1) of ones and zeros on the device of like (B, ...)."""
    return (torch.rand(like.shape[0], 1, device=like.device) < probability).to(like.dtype)


def uniform(low: float, high: float, like: Tensor) -> Tensor:
    """(B, 1) uniform numbers on the device of like (B, ...)."""
    return low + (high - low) * torch.rand(like.shape[0], 1, device=like.device)


class SpeakerPerturbation(nn.Module):
    """Whisper-scaled power spectra of another, invented speaker saying the same."""

    dft: Tensor
    smooth: Tensor
    bins: Tensor

    def __init__(self, envelope: float = 0.24, fine: float = 0.45, smoothing_bins: float = 4.5) -> None:
        super().__init__()
        self.envelope, self.fine = envelope, fine
        window = (400.0 / 600.0) * hann(MEL_FRAME)
        self.register_buffer("dft", dft_matrix(MEL_FRAME, WIDE_BINS, window), persistent=False)
        bins = torch.arange(WIDE_BINS, dtype=torch.float32)
        kernel = torch.exp(-0.5 * ((bins[:, None] - bins[None, :]) / smoothing_bins) ** 2)
        self.register_buffer("smooth", kernel / kernel.sum(0, keepdim=True), persistent=False)
        self.register_buffer("bins", bins, persistent=False)

    def stretch(self, x: Tensor, factor: Tensor) -> Tensor:
        """Moves what is at bin k of x (B, T, bins) to bin k * factor; factor (B, 1)."""
        place = (self.bins / factor).clamp(max=WIDE_BINS - 1.001)
        low = torch.floor(place).long()
        weight = (place - low).unsqueeze(1)
        low = low.unsqueeze(1).expand(-1, x.shape[1], -1)
        return torch.gather(x, 2, low) * (1 - weight) + torch.gather(x, 2, low + 1) * weight

    def forward(self, x: Tensor, probability: float = 1.0) -> Tensor:
        """x (B, T * HOP) -> power (B, T, 201) framed as LogMel frames it from an empty past."""
        past = torch.nn.functional.pad(x, (MEL_FRAME - HOP, 0))
        real, imaginary = (frames_of(past, MEL_FRAME, HOP) @ self.dft).chunk(2, dim=-1)
        level = torch.log(real * real + imaginary * imaginary + 1e-9)
        envelope = level @ self.smooth
        on = chance(probability, x)
        envelope_factor = torch.exp(on * uniform(-self.envelope, self.envelope, x))
        fine_factor = torch.exp(on * uniform(-self.fine, self.fine, x))
        turned = self.stretch(envelope, envelope_factor) + self.stretch(level - envelope, fine_factor)
        slope = on * uniform(-1.0, 1.0, x) * math.log(10.0) / 10.0
        tilt = slope.unsqueeze(-1) * 6.0 * (self.bins / WIDE_BINS - 0.3)
        return torch.exp(turned + tilt)[:, :, :MEL_BINS]
