"""Stage 2: the causal content encoder learns the teacher's codes from perturbed speech.

python -m training.train_content CACHE OUT [--smoke] [--resume] [--seconds N | --until EPOCH]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from inference.networks.content import ContentEncoder
from inference.refine.perturbation import SpeakerPerturbation
from training.config import Settings, load_config, network_sizes
from training.corpus import Corpus
from training.data import TOKEN, Crops, Speech
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
from training.whisper import load_encoder, start_student


class CodeHead(nn.Module):
    """Units -> logits of each codebook: (B, T, units) -> (B, T, books, codes)."""

    def __init__(self, units: int, books: int, codes: int) -> None:
        super().__init__()
        self.shape = (books, codes)
        self.hidden = nn.Linear(units, 512)
        self.norm = nn.LayerNorm(512)
        self.out = nn.Linear(512, books * codes)

    def forward(self, units: Tensor) -> Tensor:
        """See the class."""
        logits = self.out(self.norm(F.gelu(self.hidden(units))))
        return logits.reshape(*units.shape[:2], *self.shape)


class Codes:
    """The teacher's codes of one split's clips, on the device."""

    def __init__(self, folder: Path, speech: Speech) -> None:
        with np.load(folder / "codes.npz") as arrays:
            self.books, self.size = arrays["books"].shape[:2]
            self.codes = torch.from_numpy(arrays["codes"].astype(np.int64)).to(speech.device)
            start = arrays["start"][speech.positions]
            count = arrays["start"][np.array(speech.positions) + 1] - start
        self.start = torch.from_numpy(start).to(speech.device)
        self.count = torch.from_numpy(count).to(speech.device)

    def of(self, crops: Crops, tokens: int, skip: int = 0) -> tuple[Tensor, Tensor]:
        """Codes (B, tokens, books) from token `skip` of the crop on, and (B, tokens) 1 inside the clip.

        A crop that is played faster or slower takes the nearest code in its own time.
        """
        place = torch.arange(tokens, device=crops.clip.device) + skip
        index = torch.round(crops.start[:, None] / TOKEN + place * crops.ratio[:, None]).long()
        inside = (index < self.count[crops.clip][:, None]).float()
        index = (self.start[crops.clip][:, None] + index).clamp(max=len(self.codes) - 1)
        return self.codes[index], inside


def code_loss(logits: Tensor, codes: Tensor, inside: Tensor) -> Tensor:
    """Mean cross-entropy (nats) over books and tokens inside the clip."""
    loss = F.cross_entropy(logits.flatten(0, 2).float(), codes.flatten(), reduction="none")
    loss = loss.reshape(codes.shape).mean(-1)
    return (loss * inside).sum() / inside.sum().clamp(min=1.0)


def new_encoder(smoke: bool) -> ContentEncoder:
    """A causal encoder; the full-sized one starts from Whisper's weights."""
    sizes = network_sizes(smoke).content
    encoder = ContentEncoder(sizes)
    if not smoke:
        start_student(encoder, load_encoder())
    return encoder


def random_start(encoder: ContentEncoder, batch: int, device: torch.device) -> dict[str, Tensor]:
    """An empty state whose clock stands anywhere, so that no position is special."""
    state = start_of(encoder, batch, device)
    state["position"] = torch.floor(torch.rand(1, device=device) * encoder.config.periods)
    return state


_HELD_OUT_BATCHES = 4


class ContentTraining:
    """Networks, data and one step of the stage."""

    report_every = 1000

    def __init__(self, folder: Path, settings: Settings, smoke: bool, device: torch.device) -> None:
        data = load_config(smoke)["data"]
        self.settings, self.device = settings, device
        corpus = Corpus.open(folder)
        self.speech = Speech(corpus, "train", data, device)
        self.codes = Codes(folder, self.speech)
        self.held_out = None
        if any(row.split == "held_out" for row in corpus.rows):
            self.held_out = Speech(corpus, "held_out", data, device)
            self.held_codes = Codes(folder, self.held_out)
        self.encoder = new_encoder(smoke).to(device)
        self.head = CodeHead(self.encoder.config.units, self.codes.books, self.codes.size).to(device)
        self.perturb = SpeakerPerturbation().to(device)
        self.both = nn.ModuleDict({"encoder": self.encoder, "head": self.head})
        self.average = Average(self.both, settings["ema"])
        fresh = [*self.head.parameters(), *self.encoder.units.parameters()]
        trunk = [p for n, p in self.encoder.named_parameters() if not n.startswith("units.")]
        self.optimizer = optimiser(
            [
                {"params": trunk, "lr": settings["trunk_rate"]},
                {"params": fresh, "lr": settings["head_rate"]},
            ],
            settings["weight_decay"],
            (0.9, 0.98),
        )

    def logits(self, both: nn.ModuleDict, mel: Tensor, noise: float) -> Tensor:
        """Code logits of log-mels (B, 2T, mels), with noise on the units."""
        state = random_start(both["encoder"], len(mel), self.device)
        with torch.autocast(self.device.type, torch.bfloat16, cache_enabled=False):
            units, _ = both["encoder"].encode(mel, state)
            return both["head"](units + noise * torch.randn_like(units))

    def step(self) -> Values:
        """One optimiser step."""
        tokens = self.settings["crop_tokens"]
        batch = self.settings["batch"]
        ratio = torch.exp2(self.settings["tempo_octaves"] * (2 * torch.rand(batch, device=self.device) - 1))
        ratio = torch.where(torch.rand(batch, device=self.device) < 0.5, torch.ones_like(ratio), ratio)
        crops = self.speech.crops(batch, tokens * TOKEN, ratio)
        with torch.no_grad():
            power = self.perturb(degrade(crops.audio), 0.85)
            mel = self.encoder.log_mel.log_mel(power)
        codes, inside = self.codes.of(crops, tokens)
        logits = self.logits(self.both, mel, self.settings["unit_noise"])
        loss = code_loss(logits, codes, inside)
        self.optimizer.zero_grad(set_to_none=False)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.both.parameters(), 5.0, foreach=True)
        self.optimizer.step()
        self.average.update()
        hit = ((logits.argmax(-1) == codes).float().mean(-1) * inside).sum() / inside.sum()
        return {"loss": loss.detach(), "accuracy": hit.detach()}

    @torch.no_grad()
    def validate(self, step: int) -> Values:
        """Every second report: accuracy per codebook of the averaged weights on clean held-out clips."""
        if self.held_out is None or step % (2 * self.report_every):
            return {}
        hits = []
        for _ in range(_HELD_OUT_BATCHES):
            crops = self.held_out.crops(self.settings["batch"], self.settings["crop_tokens"] * TOKEN)
            codes, inside = self.held_codes.of(crops, self.settings["crop_tokens"])
            past = self.encoder.log_mel.init_state(len(crops.audio)).to(self.device)
            mel, _ = self.encoder.log_mel(crops.audio, past)
            right = (self.logits(self.average.module, mel, 0.0).argmax(-1) == codes).float()
            hits.append((right * inside.unsqueeze(-1)).sum((0, 1)) / inside.sum())
        means = torch.stack(hits).mean(0)
        return {f"held_out_{i}": value for i, value in enumerate(means)}

    def schedule(self, progress: float) -> None:
        """See `Stage`."""
        set_rate(self.optimizer, cosine_rate(progress, 0.02))

    def state(self, step: int, progress: float) -> dict:
        """See `Stage`: no progress, so that a resumed run gets a whole schedule."""
        return {
            "step": step,
            "encoder": self.encoder.state_dict(),
            "head": self.head.state_dict(),
            "average": self.average.module.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "books": self.codes.books,
            "codes": self.codes.size,
        }

    def restore(self, state: dict) -> None:
        """See `Stage`."""
        self.encoder.load_state_dict(state["encoder"])
        self.head.load_state_dict(state["head"])
        self.average.module.load_state_dict(state["average"])
        if "optimizer" in state:
            self.optimizer.load_state_dict(state["optimizer"])


def train(args: argparse.Namespace) -> None:
    """Runs the stage; writes `content.pt` and `content.jsonl` to `out`."""
    settings = load_config(args.smoke)["content"]
    training = ContentTraining(args.cache, settings, args.smoke, stage_device())
    run_stage(args, "content", training, [(training.step, 1.0)])


def main() -> None:
    """The command line."""
    train(stage_arguments(__doc__.splitlines()[0]).parse_args())


if __name__ == "__main__":
    main()
