"""Mel analysis and short-time Fourier transforms as real matrix products.

Matrix products convert to every runtime, where complex FFTs do not.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from inference.networks.timing import FRAME, FRAME_HOP, HOP, RATE
from inference.networks.transforms import MEL_BINS, MEL_FLOOR, MEL_FRAME, MEL_SCALE, hann, mel_bands


def dft_matrix(size: int, bins: int, window: np.ndarray) -> Tensor:
    """(size, 2 bins) float32: real parts of the windowed DFT, then imaginary parts."""
    angle = 2 * np.pi * np.outer(np.arange(size), np.arange(bins)) / size
    matrix = np.concatenate([np.cos(angle), -np.sin(angle)], 1) * window[:, None]
    return torch.tensor(matrix, dtype=torch.float32)


def mel_filterbank(mels: int, bins: int, bin_hz: float) -> Tensor:
    """`mel_bands` as (bins, mels) float32."""
    return torch.tensor(mel_bands(mels, bins, bin_hz), dtype=torch.float32)


def frames_of(x: Tensor, size: int, hop: int) -> Tensor:
    """Overlapping frames of x (B, S): (B, 1 + (S - size) / hop, size). The sizes must fit.

    Built from whole hops and concatenation, which converts where `unfold` does not.
    """
    count = 1 + (x.shape[1] - size) // hop
    if count <= 2:
        return torch.stack([x[:, i * hop : i * hop + size] for i in range(count)], dim=1)
    pieces = []
    for start in range(0, size, hop):
        width = min(hop, size - start)
        part = x[:, start : start + (count - 1) * hop + width]
        part = torch.nn.functional.pad(part, (0, hop - width)) if width < hop else part
        pieces.append(part.reshape(x.shape[0], count, hop)[:, :, :width])
    return torch.cat(pieces, dim=2)


class LogMel(nn.Module):
    """Whisper's log-mel spectrogram from 24 kHz audio, causal, one frame per hop.

    State: the last `MEL_FRAME - HOP` samples (B, 360). Frame j ends with the hop's last sample, so it
    is centred 12.5 ms before it.
    """

    dft: Tensor
    bank: Tensor

    def __init__(self, mels: int) -> None:
        super().__init__()
        scale = MEL_SCALE * hann(MEL_FRAME)
        self.register_buffer("dft", dft_matrix(MEL_FRAME, MEL_BINS, scale), persistent=False)
        self.register_buffer("bank", mel_filterbank(mels, MEL_BINS, RATE / MEL_FRAME), persistent=False)

    def init_state(self, batch: int) -> Tensor:
        """Zeros (batch, 360)."""
        return torch.zeros(batch, MEL_FRAME - HOP)

    def power(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """x (B, T * HOP) -> power spectrum (B, T, 201) and the next state."""
        past = torch.cat([state, x], dim=1)
        real, imaginary = (frames_of(past, MEL_FRAME, HOP) @ self.dft).chunk(2, dim=-1)
        return real * real + imaginary * imaginary, past[:, HOP - MEL_FRAME :]

    def log_mel(self, power: Tensor) -> Tensor:
        """Power spectrum (B, T, 201) -> (B, T, mels), scaled as Whisper expects it."""
        return (torch.log10(torch.clamp(power @ self.bank, min=10.0**MEL_FLOOR)) + 4.0) / 4.0

    def forward(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """x (B, T * HOP) in [-1, 1] -> (B, T, mels) and the next state."""
        power, state = self.power(x, state)
        return self.log_mel(power), state


class Synthesis(nn.Module):
    """Filters two excitations by spectra and overlap-adds: the time-domain end of the decoder.

    State `past`: the last FRAME - FRAME_HOP samples of both excitations (B, 2, 360); state `tail`:
    unfinished output (B, 3, FRAME_HOP).
    """

    bins = FRAME // 2 + 1

    dft: Tensor
    idft: Tensor

    def __init__(self) -> None:
        super().__init__()
        window = hann(FRAME)
        self.register_buffer("dft", dft_matrix(FRAME, self.bins, window), persistent=False)
        weight = np.full((self.bins, 1), 2.0)
        weight[0] = weight[-1] = 1.0
        inverse = dft_matrix(FRAME, self.bins, window / 1.5).numpy().T * np.tile(weight, (2, 1)) / FRAME
        self.register_buffer("idft", torch.tensor(inverse, dtype=torch.float32), persistent=False)

    def init_state(self, batch: int) -> tuple[Tensor, Tensor]:
        """Zeros (past, tail)."""
        return torch.zeros(batch, 2, FRAME - FRAME_HOP), torch.zeros(batch, 3, FRAME_HOP)

    def analyse(self, source: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """source (B, 2, T * HOP) -> spectra (B, 2, 2T, 2 * bins) and the next `past`."""
        batch = source.shape[0]
        whole = torch.cat([past, source], dim=2)
        frames = frames_of(whole.reshape(batch * 2, -1), FRAME, FRAME_HOP) @ self.dft
        return frames.reshape(batch, 2, -1, 2 * self.bins), whole[:, :, FRAME_HOP - FRAME :]

    def overlap_add(self, spectra: Tensor, tail: Tensor) -> tuple[Tensor, Tensor]:
        """spectra (B, 2T, 2 * bins) -> audio (B, T * HOP) and the next `tail`."""
        frames = spectra @ self.idft
        parts = frames.reshape(frames.shape[0], frames.shape[1], 4, FRAME_HOP)
        total = torch.nn.functional.pad(tail, (0, 0, 0, frames.shape[1]))
        for q in range(4):
            total = total + torch.nn.functional.pad(parts[:, :, q], (0, 0, q, 3 - q))
        done = frames.shape[1]
        return total[:, :done].reshape(total.shape[0], -1), total[:, done:]
