"""How high and how loud: streaming F0, voicing and energy."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from inference.networks.config import PitchConfig
from inference.networks.layers import CausalStack
from inference.networks.spectral import dft_matrix, frames_of
from inference.networks.timing import HOP, RATE
from inference.networks.transforms import (
    ENERGY_END,
    ENERGY_FLOOR,
    ENERGY_FRAME,
    POWER_FLOOR,
    energy_weights,
    hann,
    pitch_bins,
)

State = dict[str, Tensor]


class PitchTracker(nn.Module):
    """Audio -> F0, voicing, energy per hop, of the instant `PROSODY_LOOK_AHEAD` before the hop's end.

    F0 is read as the weighted mean around the strongest of `bins` classes `cents` apart. State:
    `audio` (B, frame - HOP), `blocks` of the stack.

    >>> prosody, state = tracker(audio, tracker.init_state(1))  # (1, T * 240) -> (1, T, 3)
    """

    dft: Tensor
    power_weights: Tensor
    log2_hz: Tensor

    def __init__(self, config: PitchConfig) -> None:
        super().__init__()
        self.config = config
        size = pitch_bins(config.frame, config.max_hz, RATE)
        self.register_buffer("dft", dft_matrix(config.frame, size, hann(config.frame)), persistent=False)
        power = torch.zeros(config.frame)
        last = config.frame - ENERGY_END
        power[last - ENERGY_FRAME : last] = torch.tensor(energy_weights(), dtype=torch.float32)
        self.register_buffer("power_weights", power, persistent=False)
        octaves = config.cents / 1200.0 * torch.arange(config.bins, dtype=torch.float32)
        log2_hz = octaves + float(np.log2(config.low_hz))
        self.register_buffer("log2_hz", log2_hz, persistent=False)
        self.project = nn.Linear(size, config.dim)
        self.stack = CausalStack(config.dim, config.blocks, config.kernel, 3)
        self.norm = nn.LayerNorm(config.dim)
        self.head = nn.Linear(config.dim, config.bins + 1)

    def init_state(self, batch: int = 1) -> State:
        """Zeros, shapes in the class docstring."""
        return {"audio": torch.zeros(batch, self.config.frame - HOP), "blocks": self.stack.init_state(batch)}

    def logits(self, x: Tensor, state: State) -> tuple[Tensor, Tensor, State]:
        """x (B, T * HOP) -> logits (B, T, bins + 1), the last for 'voiced', energy (B, T), next state."""
        past = torch.cat([state["audio"], x], dim=1)
        frames = frames_of(past, self.config.frame, HOP)
        real, imaginary = (frames @ self.dft).chunk(2, dim=-1)
        spectrum = 0.5 * torch.log(real * real + imaginary * imaginary + POWER_FLOOR)
        h, blocks = self.stack(self.project(spectrum), state["blocks"])
        energy = torch.log10((frames * frames * self.power_weights).sum(-1) + ENERGY_FLOOR)
        after = {"audio": past[:, HOP - self.config.frame :], "blocks": blocks}
        return self.head(self.norm(h)), energy, after

    def decode(self, logits: Tensor) -> tuple[Tensor, Tensor]:
        """Class logits (B, T, bins + 1) -> F0 in Hz (B, T), always positive, and voicing 0-1 (B, T)."""
        classes, voiced = logits[..., :-1], logits[..., -1]
        best = torch.argmax(classes, dim=-1, keepdim=True)
        index = torch.arange(self.config.bins, device=logits.device)
        near = (torch.abs(index - best) <= 4).to(logits.dtype)
        weight = torch.softmax(classes, dim=-1) * near
        log2_hz = (weight * self.log2_hz).sum(-1) / weight.sum(-1)
        return torch.exp(log2_hz * 0.6931471805599453), torch.sigmoid(voiced)

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """x (B, T * HOP) -> (B, T, 3) F0 in Hz, voicing 0-1, energy log10 of mean square; next state."""
        logits, energy, after = self.logits(x, state)
        f0, voicing = self.decode(logits)
        return torch.stack([f0, voicing, energy], dim=-1), after
