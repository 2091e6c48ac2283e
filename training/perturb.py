"""What is done to speech so that the networks learn what must not matter.

`degrade` treats audio as rooms, microphones and telephones do. `SpeakerPerturbation`, which changes the
speaker, lies in `inference.refine.perturbation`: fine-tuning on the user's machine needs it too.
"""

from __future__ import annotations

import torch
from torch import Tensor

from inference.networks.timing import RATE
from inference.refine.perturbation import chance, uniform


def coloured_noise(like: Tensor) -> Tensor:
    """Unit-power noise (B, S) whose spectrum falls or rises by a random power of frequency."""
    spectrum = torch.fft.rfft(torch.randn_like(like))
    hz = torch.arange(spectrum.shape[1], device=like.device) * (RATE / like.shape[1]) + 50.0
    shaped = torch.fft.irfft(spectrum * (hz / 1000.0) ** uniform(-1.2, 0.3, like), n=like.shape[1])
    return shaped / (shaped.square().mean(1, keepdim=True).sqrt() + 1e-9)


def random_response(like: Tensor) -> Tensor:
    """Magnitude responses (B, S // 2 + 1): smooth equaliser, sometimes a telephone's or old codec's band."""
    bins = like.shape[1] // 2 + 1
    octave = torch.log2(torch.arange(bins, device=like.device) * (RATE / like.shape[1]) / 50.0 + 1.0)
    decibel = torch.zeros(like.shape[0], bins, device=like.device)
    for _ in range(4):
        centre, width = uniform(0.0, 8.0, like), uniform(0.5, 2.0, like)
        decibel = decibel + uniform(-8.0, 8.0, like) * torch.exp(-0.5 * ((octave - centre) / width) ** 2)
    hz = torch.arange(bins, device=like.device) * (RATE / like.shape[1])
    top = 3300.0 * torch.exp2(1.4 * torch.rand(like.shape[0], 1, device=like.device))
    bottom = chance(0.5, like) * uniform(80.0, 350.0, like)
    band = torch.sigmoid((top - hz) / 80.0) * torch.sigmoid((hz - bottom) / 30.0)
    limited = chance(0.3, like)
    return torch.pow(10.0, decibel / 20.0) * (limited * band + (1.0 - limited))


def room_response(like: Tensor) -> Tensor:
    """Spectra (B, S // 2 + 1) of a direct sound and an exponentially dying tail of noise."""
    t = torch.arange(like.shape[1], device=like.device) / RATE
    decay = torch.exp(-6.9 * t / uniform(0.1, 0.5, like)) * (t > 0.002) * (t < 0.5)
    tail = torch.randn_like(like) * decay
    tail = tail / (tail.square().sum(1, keepdim=True).sqrt() + 1e-9) * uniform(0.1, 0.7, like)
    return 1.0 + torch.fft.rfft(tail) * chance(0.3, like)


def degrade(x: Tensor, noise: float = 0.5, gain_db: tuple[float, float] = (-14.0, 8.0)) -> Tensor:
    """x (B, S) as heard through a random room, equaliser, band, level and, with chance `noise`, noise."""
    spectrum = torch.fft.rfft(x) * random_response(x) * room_response(x)
    y = torch.fft.irfft(spectrum, n=x.shape[1])
    level = x.square().mean(1, keepdim=True).sqrt()
    y = y * level / (y.square().mean(1, keepdim=True).sqrt() + 1e-6)
    babble = torch.roll(x, 1, 0) * (level / (torch.roll(level, 1, 0) + 1e-6))
    other = torch.where(chance(0.25, x) > 0, babble, coloured_noise(x) * level)
    y = y + chance(noise, x) * other * torch.pow(10.0, -uniform(6.0, 40.0, x) / 20.0)
    return torch.clamp(y * torch.pow(10.0, uniform(*gain_db, x) / 20.0), -1.0, 1.0)
