"""Who speaks in a batch: embeddings and pitch ranges of every clip at every playing speed."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from inference.networks.speaker import GE2E, resampling_kernel
from inference.speech import PARTIAL
from training.data import Speech
from training.speaker import Res2NetSpeaker
from training.train_pitch import PitchLabels


class To16k(nn.Module):
    """24 to 16 kHz with its kernel on the device, where a CUDA graph needs it."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("kernel", resampling_kernel().clone(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, n) -> (B, about 2 n / 3), as training.speaker.resample_to_16k."""
        half = self.kernel.shape[-1] // 2
        padded = F.pad(x[:, None], (half, half))
        y = F.conv1d(padded, self.kernel, stride=3).transpose(1, 2).flatten(1)
        return y[:, : x.shape[1] * 2 // 3]


@torch.no_grad()
def embeddings(speech: Speech, encoder: GE2E, ratios: list[float], windows: int = 5) -> Tensor:
    """GE2E of every clip played at each ratio, over evenly spread windows: (clips, ratios, 256)."""
    to_16k = To16k().to(speech.device)
    size = PARTIAL * 3 // 2
    clips = len(speech.rows)
    table = torch.zeros(clips, len(ratios), 256, device=speech.device)
    for column, ratio in enumerate(ratios):
        for at in range(0, clips, 256):
            clip = torch.arange(at, min(at + 256, clips), device=speech.device)
            room = (speech.length[clip] - size * ratio).clamp(min=0)
            share = torch.linspace(0, 1, windows, device=speech.device)
            start = (room[:, None] * share).long().flatten()
            each = clip.repeat_interleave(windows)
            rate = torch.full_like(each, 1, dtype=torch.float32) * ratio
            found = encoder(to_16k(speech.read(each, start, rate, size)))
            table[clip, column] = F.normalize(found.reshape(len(clip), windows, 256).mean(1), dim=1)
    return table


def median_octaves(speech: Speech, labels: PitchLabels) -> Tensor:
    """(clips,) log2 of each clip's median F0 in Hz; 150 Hz where hardly anything is voiced."""
    f0 = labels.f0.cpu()
    middle = []
    for start, count in zip(labels.start.tolist(), labels.count.tolist(), strict=True):
        voiced = f0[start : start + count]
        voiced = voiced[voiced > 0]
        middle.append(float(voiced.median()) if len(voiced) > 10 else 150.0)
    return torch.log2(torch.tensor(middle, device=speech.device))


class Identity(nn.Module):
    """Distance between who is heard and who should be, by the second encoder."""

    def __init__(self, encoder: Res2NetSpeaker) -> None:
        super().__init__()
        self.encoder = encoder
        self.to_16k = To16k()

    def forward(self, x: Tensor) -> Tensor:
        """x (B, S) at 24 kHz -> (B, 512), unit length."""
        return self.encoder(self.to_16k(x))
