"""The speaker encoder in a form that a gradient passes.

GE2E (Wan et al. 2018), with the weights of the PyPI package Resemblyzer 0.1.4 (Apache-2.0).
`training.speaker` makes `assets/models/speaker.onnx` of it, which enrolment runs; `weights.load_speaker`
takes them back from there.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from inference.speech import ENCODER_RATE, PARTIAL, STEP, WINDOW, padding, partial_starts


class Spectrum(nn.Module):
    """Power spectrum by a fixed convolution: (batch, samples) -> (batch, 201, frames), no padding."""

    basis: Tensor

    def __init__(self, window: np.ndarray) -> None:
        super().__init__()
        phase = 2 * np.pi * np.outer(np.arange(WINDOW // 2 + 1), np.arange(WINDOW)) / WINDOW
        basis = np.concatenate([np.cos(phase), -np.sin(phase)]) * window
        self.register_buffer("basis", torch.tensor(basis[:, None], dtype=torch.float32), persistent=False)

    def forward(self, wave: Tensor) -> Tensor:
        """Frame t covers samples 160 t to 160 t + 400."""
        real, imaginary = F.conv1d(wave[:, None], self.basis, stride=STEP).chunk(2, dim=1)
        return real.square() + imaginary.square()


class GE2E(nn.Module):
    """Three LSTM layers of 256 over 40 mel bands; the last state, rectified and normalised."""

    mel: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.spectrum = Spectrum(_hann())
        self.register_buffer("mel", torch.tensor(slaney_mel(40), dtype=torch.float32), persistent=False)
        self.lstm = nn.LSTM(40, 256, 3, batch_first=True)
        self.linear = nn.Linear(256, 256)

    def train(self, mode: bool = True) -> GE2E:
        """Keeps the LSTM in training mode: it has no dropout, and cuDNN gives gradients only then."""
        super().train(mode)
        self.lstm.train(True)
        return self

    def forward(self, wave: Tensor) -> Tensor:
        """(batch, samples >= 400) at 16 kHz -> (batch, 256), unit length. Best near 1.6 s (`PARTIAL`)."""
        mels = torch.matmul(self.mel, self.spectrum(wave)).transpose(1, 2)
        states, _ = self.lstm(mels)
        return F.normalize(F.relu(self.linear(states[:, -1])), dim=1)

    @torch.no_grad()
    def embed(self, wave: Tensor, batch: int = 512) -> Tensor:
        """One utterance (samples,) -> (256,): the normalised mean over partials, 1.3 a second."""
        parts = partials(wave)
        found = [self(chunk) for chunk in parts.split(batch)]
        return F.normalize(torch.cat(found).mean(dim=0), dim=0)


def partials(wave: Tensor) -> Tensor:
    """Overlapping stretches of one utterance (samples,) -> (count, PARTIAL), zero-padded at both ends."""
    starts = partial_starts(len(wave))
    padded = F.pad(wave, padding(len(wave), starts))
    return torch.stack([padded[start : start + PARTIAL] for start in starts])


@cache
def resampling_kernel(taps: int = 96) -> Tensor:
    """Two phases of a windowed sinc from 24 to 16 kHz, cut-off 7.6 kHz: (2, 1, taps)."""
    cutoff = 2 * 7600 / 24000
    phases = []
    for centre in (taps / 2, taps / 2 + 1.5):  # where outputs 2k and 2k + 1 lie in the window of input 3k
        t = np.arange(taps) - centre
        window = np.i0(8.0 * np.sqrt(np.maximum(0, 1 - (2 * t / taps) ** 2)))
        phases.append(np.sinc(cutoff * t) * window)
    kernel = np.stack([phase / phase.sum() for phase in phases])
    return torch.tensor(kernel[:, None], dtype=torch.float32)


def resample_to_16k(wave: Tensor) -> Tensor:
    """(batch, n) at 24 kHz -> (batch, about 2 n / 3) at 16 kHz, aligned in time, differentiable."""
    kernel = resampling_kernel().to(wave)
    taps = kernel.shape[-1]
    padded = F.pad(wave[:, None], (taps // 2, taps // 2))
    return F.conv1d(padded, kernel, stride=3).transpose(1, 2).flatten(1)[:, : wave.shape[1] * 2 // 3]


def _hann() -> np.ndarray:
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)


def slaney_mel(bands: int) -> np.ndarray:
    """Mel filters of Slaney's Auditory Toolbox, area-normalised: (bands, 201) for 16 kHz, 0 to 8 kHz."""
    knee, log_step = 1000.0, np.log(6.4) / 27

    def to_hz(mel: np.ndarray) -> np.ndarray:
        return np.where(mel < 15, mel * 200 / 3, knee * np.exp(log_step * (mel - 15)))

    top = 15 + np.log(ENCODER_RATE / 2 / knee) / log_step
    edges = to_hz(np.linspace(0, top, bands + 2))
    bins = np.arange(WINDOW // 2 + 1) * ENCODER_RATE / WINDOW
    rising = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    return np.maximum(0, np.minimum(rising, falling)) * (2 / (edges[2:] - edges[:-2]))[:, None]
