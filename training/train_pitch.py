"""Stage 3: the pitch tracker learns the labels that two methods agree on, at every speed of playing.

python -m training.train_pitch CACHE OUT [--smoke] [--resume] [--seconds N | --until EPOCH]
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from inference.networks.pitch import PitchTracker
from inference.networks.timing import HOP, PROSODY_LOOK_AHEAD
from training.config import Settings, load_config, network_sizes
from training.corpus import Corpus
from training.data import Crops, Speech
from training.loop import (
    Average,
    Values,
    cosine_rate,
    optimiser,
    run_stage,
    set_rate,
    stage_arguments,
    stage_device,
    start_of,
)
from training.perturb import degrade

LABEL_CENTRE = 120
"""Sample of a clip that its pitch label 0 describes; labels are HOP apart."""

Truth = tuple[Tensor, Tensor]


class PitchLabels:
    """F0 labels of one split's clips on the device."""

    def __init__(self, folder: Path, corpus: Corpus, speech: Speech) -> None:
        self.f0 = torch.from_numpy(np.load(folder / "f0.npy")).float().to(speech.device)
        self.reliable = torch.from_numpy(np.load(folder / "reliable.npy")).float().to(speech.device)
        counts = np.array([row.length // HOP for row in corpus.rows])
        start = np.concatenate([[0], np.cumsum(counts)])[:-1]
        self.start = torch.from_numpy(start[speech.positions]).to(speech.device)
        self.count = torch.from_numpy(counts[speech.positions]).to(speech.device)

    def of(self, crops: Crops, hops: int) -> Truth:
        """F0 in Hz (B, hops), 0 = unvoiced, of the instants the tracker is asked about, and trust 0 or 1.

        Between two voiced labels the pitch is interpolated; at a boundary the nearer label decides.
        """
        instant = (torch.arange(hops, device=crops.clip.device) + 1) * HOP - PROSODY_LOOK_AHEAD
        place = (crops.start[:, None] + instant * crops.ratio[:, None] - LABEL_CENTRE) / HOP
        low = torch.floor(place).long()
        weight = (place - low).float()
        last = self.count[crops.clip][:, None] - 1
        inside = ((low >= 0) & (low + 1 <= last)).float()
        first = self.start[crops.clip][:, None]
        a_index, b_index = (
            (first + torch.minimum((low + k).clamp(min=0), last.clamp(min=0))).clamp(max=len(self.f0) - 1)
            for k in (0, 1)
        )
        a, b = self.f0[a_index], self.f0[b_index]
        between = torch.exp(torch.log(a.clamp(min=1)) * (1 - weight) + torch.log(b.clamp(min=1)) * weight)
        hz = torch.where((a > 0) & (b > 0), between, torch.where(weight < 0.5, a, b)) * crops.ratio[:, None]
        return hz * inside, self.reliable[a_index] * self.reliable[b_index] * inside


def pitch_loss(tracker: PitchTracker, logits: Tensor, truth: Truth) -> tuple[Tensor, Values]:
    """Cross-entropy to blurred pitch classes where voiced plus voicing entropy, on trusted frames."""
    hz, trust = truth
    config = tracker.config
    voiced = (hz > 0).float()
    place = torch.log2(hz.clamp(min=config.low_hz) / config.low_hz) * 1200.0 / config.cents
    classes = torch.arange(config.bins, device=hz.device)
    target = torch.exp(-0.5 * ((classes - place.unsqueeze(-1)) / 1.2) ** 2)
    target = target / target.sum(-1, keepdim=True).clamp(min=1e-6)
    entropy = -(target * F.log_softmax(logits[..., :-1].float(), -1)).sum(-1)
    voicing = F.binary_cross_entropy_with_logits(logits[..., -1].float(), voiced, reduction="none")
    good = (voiced * trust).sum().clamp(min=1)
    loss = (entropy * voiced * trust).sum() / good + 2 * (voicing * trust).sum() / trust.sum().clamp(min=1)
    with torch.no_grad():
        found, probability = tracker.decode(logits.float())
        far = (torch.abs(torch.log2(found / hz.clamp(min=1))) > math.log2(1.2)).float()
        octave = (torch.abs(torch.log2(found / hz.clamp(min=1))).sub(1).abs() < 0.1).float()
        wrong = ((probability > 0.5).float() != voiced).float()
    return loss, {
        "loss": loss.detach(),
        "gross": (far * voiced * trust).sum() / good,
        "octave": (octave * voiced * trust).sum() / good,
        "voicing_error": (wrong * trust).sum() / trust.sum().clamp(min=1),
    }


class PitchTraining:
    """Network, data and one step of the stage."""

    report_every = 1000

    def __init__(self, folder: Path, settings: Settings, smoke: bool, device: torch.device) -> None:
        data = load_config(smoke)["data"]
        self.settings, self.device = settings, device
        corpus = Corpus.open(folder)
        self.speech = Speech(corpus, "train", data, device)
        self.labels = PitchLabels(folder, corpus, self.speech)
        self.held_out = None
        if any(row.split == "held_out" for row in corpus.rows):
            self.held_out = Speech(corpus, "held_out", data, device)
            self.held_labels = PitchLabels(folder, corpus, self.held_out)
        self.tracker = PitchTracker(network_sizes(smoke).pitch).to(device)
        self.average = Average(self.tracker, settings["ema"])
        groups = [{"params": list(self.tracker.parameters()), "lr": settings["rate"]}]
        self.optimizer = optimiser(groups, settings["weight_decay"], (0.9, 0.98))

    def logits(self, tracker: PitchTracker, x: Tensor) -> Tensor:
        """Class logits (B, T, bins + 1) of audio from an empty past."""
        return tracker.logits(x, start_of(tracker, len(x), self.device))[0]

    def step(self) -> Values:
        """One optimiser step."""
        batch, hops = self.settings["batch"], self.settings["crop_hops"]
        ratio = torch.exp2(0.75 * (2 * torch.rand(batch, device=self.device) - 1))
        ratio = torch.where(torch.rand(batch, device=self.device) < 0.4, torch.ones_like(ratio), ratio)
        crops = self.speech.crops(batch, hops * HOP, ratio)
        truth = self.labels.of(crops, hops)
        logits = self.logits(self.tracker, degrade(crops.audio, noise=0.6, gain_db=(-24.0, 8.0)))
        loss, values = pitch_loss(self.tracker, logits, truth)
        self.optimizer.zero_grad(set_to_none=False)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.tracker.parameters(), 5.0, foreach=True)
        self.optimizer.step()
        self.average.update()
        return values

    @torch.no_grad()
    def validate(self, step: int) -> Values:
        """Errors of the averaged weights on clean held-out clips."""
        if self.held_out is None:
            return {}
        hops = self.settings["crop_hops"]
        crops = self.held_out.crops(4 * self.settings["batch"], hops * HOP)
        logits = self.logits(self.average.module, crops.audio)
        _, values = pitch_loss(self.average.module, logits, self.held_labels.of(crops, hops))
        return {f"held_out_{name}": value for name, value in values.items()}

    def schedule(self, progress: float) -> None:
        """See `Stage`."""
        set_rate(self.optimizer, cosine_rate(progress, 0.02))

    def state(self, step: int, progress: float) -> dict:
        """See `Stage`: no progress, so that a resumed run gets a whole schedule."""
        return {
            "step": step,
            "tracker": self.tracker.state_dict(),
            "average": self.average.module.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }

    def restore(self, state: dict) -> None:
        """See `Stage`."""
        self.tracker.load_state_dict(state["tracker"])
        self.average.module.load_state_dict(state["average"])
        if "optimizer" in state:
            self.optimizer.load_state_dict(state["optimizer"])


def train(args: argparse.Namespace) -> None:
    """Runs the stage; writes `pitch.pt` and `pitch.jsonl` to `out`."""
    settings = load_config(args.smoke)["pitch"]
    training = PitchTraining(args.cache, settings, args.smoke, stage_device())
    run_stage(args, "pitch", training, [(training.step, 1.0)])


def main() -> None:
    """The command line."""
    train(stage_arguments(__doc__.splitlines()[0]).parse_args())


if __name__ == "__main__":
    main()
