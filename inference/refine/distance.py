"""Distances between spoken and wanted audio."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from inference.networks.spectral import mel_filterbank
from inference.networks.timing import RATE

RESOLUTIONS = ((256, 64, 20), (512, 128, 40), (1024, 256, 80), (2048, 512, 120))
"""Window, hop, mel bands."""


def wide_filterbank(mels: int, size: int) -> Tensor:
    """(bins, mels) mel filters up to 12 kHz: Whisper's, stretched, with rows normalised to peak 1."""
    bank = mel_filterbank(mels, size // 2 + 1, 8000.0 / (size // 2))
    return bank / bank.amax(0, keepdim=True).clamp(min=1e-8)


class MelDistance(nn.Module):
    """Mean L1 distance of log mel magnitudes at four resolutions, up to the full band."""

    def __init__(self) -> None:
        super().__init__()
        for size, _, mels in RESOLUTIONS:
            self.register_buffer(f"bank_{size}", wide_filterbank(mels, size), persistent=False)
            self.register_buffer(f"window_{size}", torch.hann_window(size), persistent=False)

    def log_mel(self, x: Tensor, size: int, hop: int) -> Tensor:
        """x (B, S) -> (B, mels, frames)."""
        window = getattr(self, f"window_{size}")
        spectrum = torch.stft(x, size, hop, window=window, return_complex=True)
        magnitude = (spectrum.real.square() + spectrum.imag.square() + 1e-8).sqrt()
        bands = getattr(self, f"bank_{size}").T @ magnitude
        return torch.log(bands * (100.0 / size) + 3e-4)

    def forward(self, spoken: Tensor, wanted: Tensor) -> Tensor:
        """Both (B, S) at `RATE`."""
        parts = [
            (self.log_mel(spoken, size, hop) - self.log_mel(wanted, size, hop)).abs().mean()
            for size, hop, _ in RESOLUTIONS
        ]
        return torch.stack(parts).mean()


assert RATE == 24_000  # the filterbank's stretch takes Whisper's 8 kHz to 12 kHz
