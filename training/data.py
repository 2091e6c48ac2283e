"""The corpus on the training device: all audio and labels in memory, crops by index arithmetic.

Nothing here synchronises with the host after construction, so that a whole training step, sampling
included, can be captured as one CUDA graph.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from inference.networks.timing import HOP, RATE
from training.config import Settings
from training.corpus import Clip, Corpus

TOKEN = 2 * HOP


@dataclass
class Crops:
    """A drawn batch. `clip` (B,) indexes the corpus rows; `start` (B,) is in samples of the clip;
    `ratio` (B,) is how fast the clip was played; audio (B, S) float32, zero after the clip's end."""

    clip: Tensor
    start: Tensor
    ratio: Tensor
    audio: Tensor


def draw_weights(rows: list[Clip], settings: Settings) -> np.ndarray:
    """(rows,) probabilities: sources by minutes ** balance times their boost, clips by length within."""
    minutes: dict[str, float] = defaultdict(float)
    for row in rows:
        minutes[row.source] += row.length / RATE / 60
    weight = np.array(
        [
            settings["boost"].get(row.source, 1.0)
            * minutes[row.source] ** (settings["balance"] - 1.0)
            * row.length
            for row in rows
        ]
    )
    return weight / weight.sum()


class Speech:
    """Clips of one split, ready to be cropped on `device`."""

    def __init__(self, corpus: Corpus, split: str, settings: Settings, device: torch.device) -> None:
        self.device = device
        self.positions = [i for i, row in enumerate(corpus.rows) if row.split == split]
        self.rows = [corpus.rows[i] for i in self.positions]
        samples = np.memmap(corpus.folder / "audio.i16", dtype=np.int16, mode="r")
        self.audio = torch.from_numpy(np.array(samples)).to(device)
        self.start = torch.tensor([row.start for row in self.rows], device=device)
        self.length = torch.tensor([row.length for row in self.rows], device=device)
        weights = np.cumsum(draw_weights(self.rows, settings))
        self.cumulative = torch.tensor(weights / weights[-1], dtype=torch.float32, device=device)

    def draw(self, batch: int) -> Tensor:
        """Row numbers (batch,) drawn by weight, with replacement."""
        point = torch.rand(batch, device=self.device)
        return torch.searchsorted(self.cumulative, point).clamp(max=len(self.rows) - 1)

    def crops(self, batch: int, samples: int, ratio: Tensor | None = None) -> Crops:
        """Random crops of `samples`, starting on a token; shorter clips are followed by silence.

        ratio (batch,) plays each clip that much faster: pitch, formants and tempo rise together.
        """
        clip = self.draw(batch)
        ratio = torch.ones(batch, device=self.device) if ratio is None else ratio
        room = self.length[clip] - samples * ratio
        start = torch.rand(batch, device=self.device) * (room.clamp(min=0) / TOKEN + 1)
        start = torch.floor(start).long() * TOKEN
        return Crops(clip, start, ratio, self.read(clip, start, ratio, samples))

    def read(self, clip: Tensor, start: Tensor, ratio: Tensor, samples: int) -> Tensor:
        """(B, samples) float32, by cubic interpolation where ratio is not 1."""
        place = ratio[:, None].double() * torch.arange(samples, device=self.device)
        whole = torch.floor(place)
        t = (place - whole).float()
        index = start[:, None] + whole.long()
        limit = self.length[clip][:, None]
        base = self.start[clip][:, None]

        def tap(offset: int) -> Tensor:
            i = index + offset
            inside = (i >= 0) & (i < limit)
            value = self.audio[(base + i.clamp(min=0)).clamp(max=len(self.audio) - 1)]
            return value.float() * inside / 32768.0

        a, b, c, d = (tap(k) for k in (-1, 0, 1, 2))
        return b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
