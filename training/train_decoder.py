"""Stage 4: the decoder learns to speak, against judges, as itself and as somebody else.

    python -m training.train_decoder CACHE OUT [--smoke] [--resume] [--seconds N | --until EPOCH]

needs `content.pt` and `pitch.pt` in OUT, or waits for them, and with `--after` for files that say that they
are final; both stay frozen.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from inference.networks.content import ContentEncoder
from inference.networks.decoder import Decoder, hop_units
from inference.networks.excitation import pulse_train
from inference.networks.pitch import PitchTracker
from inference.networks.timing import HOP, LATENCY, TOKEN_HOPS
from inference.refine.distance import MelDistance
from inference.refine.perturbation import SpeakerPerturbation, chance, uniform
from training.config import Settings, load_config, network_sizes
from training.corpus import Corpus
from training.data import TOKEN, Crops, Speech
from training.discriminators import Judged, Judges, feature_loss, fool_loss, judge_loss
from training.labels import Labels
from training.loop import (
    Average,
    Values,
    cosine_rate,
    load,
    optimiser,
    run_stage,
    set_rate,
    stage_arguments,
    stage_device,
    start_of,
)
from training.perturb import degrade
from training.speaker import load_ge2e, load_second
from training.speakers import Identity, embeddings, median_octaves
from training.train_content import CodeHead, Codes, random_start
from training.train_pitch import PitchLabels

WARM_TOKENS = 5
"""Tokens at the start of what the decoder says that no loss looks at: it begins without a past."""

COLD_TOKENS = 8
"""Tokens the content encoder hears of spoken audio before its opinion counts."""


@dataclass
class Task:
    """One batch: what the decoder is given, what it should say, as whom."""

    crops: Crops
    frames: Tensor
    source: Tensor
    style: Tensor
    wanted: Tensor
    target: Tensor


class Listeners(nn.Module):
    """The frozen networks of the earlier stages."""

    def __init__(self, out: Path, smoke: bool, device: torch.device) -> None:
        super().__init__()
        sizes = network_sizes(smoke)
        content = load(out / "content.pt", device)
        self.encoder = ContentEncoder(sizes.content)
        self.head = CodeHead(sizes.content.units, content["books"], content["codes"])
        nn.ModuleDict({"encoder": self.encoder, "head": self.head}).load_state_dict(content["average"])
        self.tracker = PitchTracker(sizes.pitch)
        self.tracker.load_state_dict(load(out / "pitch.pt", device)["average"])
        self.to(device).eval().requires_grad_(False)


def await_files(*paths: Path) -> None:
    """Returns when all exist: the stage gets ready while the earlier ones still train."""
    for path in paths:
        while not path.exists():
            print(f"waiting for {path.name}", flush=True)
            time.sleep(2.0)


class DecoderTraining:
    """Networks, data and the steps of the stage."""

    report_every = 500

    def __init__(
        self,
        folder: Path,
        out: Path,
        settings: Settings,
        smoke: bool,
        device: torch.device,
        after: Sequence[Path] = (),
    ) -> None:
        self.settings, self.device = settings, device
        corpus = Corpus.open(folder)
        self.speech = Speech(corpus, "train", load_config(smoke)["data"], device)
        self.codes = Codes(folder, self.speech)
        self.ratios = torch.tensor(settings["warps"], device=device)
        self.speakers = embeddings(self.speech, load_ge2e().to(device), settings["warps"], 3)
        self.octaves = median_octaves(self.speech, PitchLabels(folder, corpus, self.speech))
        labels = Labels.open(folder, corpus)
        quality = np.stack([labels.quality(row) for row in self.speech.rows])
        self.quality = torch.from_numpy(quality).to(device)
        await_files(*after, out / "content.pt", out / "pitch.pt")
        self.listeners = Listeners(out, smoke, device)
        self.decoder = Decoder(network_sizes(smoke).decoder).to(device)
        self.judges = Judges(settings["channels"], settings["period_channels"]).to(device)
        self.average = Average(self.decoder, settings["ema"])
        self.perturb = SpeakerPerturbation().to(device)
        self.mel = MelDistance().to(device)
        self.identity = Identity(load_second()).to(device)
        self.speaking = [{"params": list(self.decoder.parameters()), "lr": settings["rate"]}]
        self.optimizer = optimiser(self.speaking, settings["weight_decay"], (0.8, 0.99))
        judging = [{"params": list(self.judges.parameters()), "lr": settings["judge_rate"]}]
        self.judge_optimizer = optimiser(judging, settings["weight_decay"], (0.8, 0.99))
        self.adversarial = torch.zeros((), device=device)
        self.converting = torch.zeros((), device=device)

    def hear(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Units (B, K, U) and prosody (B, T, 3) of audio x, as another speaker in another place."""
        settings, listeners = self.settings, self.listeners
        heard = torch.where(chance(settings["perturbed"], x) > 0, degrade(x, 0.35, (-3.0, 3.0)), x)
        mel = listeners.encoder.log_mel.log_mel(self.perturb(heard, settings["perturbed"]))
        with torch.autocast(self.device.type, torch.bfloat16, cache_enabled=False):
            units, _ = listeners.encoder.encode(mel, random_start(listeners.encoder, len(x), self.device))
        noisy = x + chance(0.3, x) * torch.randn_like(x) * torch.pow(10.0, uniform(-80.0, -50.0, x) / 20.0)
        prosody, _ = listeners.tracker(noisy, start_of(listeners.tracker, len(x), self.device))
        return units.float(), prosody

    @torch.no_grad()
    def task(self) -> Task:
        """Draws a batch; its last `converted` items shall be spoken by somebody else."""
        s = self.settings
        batch, context, hops = s["batch"], s["context_hops"], s["hops"]
        warp = torch.randint(len(self.ratios), (batch,), device=self.device)
        crops = self.speech.crops(batch, (context + hops) * HOP, self.ratios[warp])
        gain = torch.pow(10.0, uniform(-10.0, 5.0, crops.audio) * chance(0.5, crops.audio) / 20.0)
        x = torch.clamp(crops.audio * gain, -1.0, 1.0)
        place = torch.arange(x.shape[1], device=self.device)
        middle = uniform(context * HOP, x.shape[1], x)
        muted = (torch.abs(place - middle) < uniform(0.05, 0.3, x) * 24_000) & (chance(0.12, x) > 0)
        x = x * ~muted
        units, prosody = self.hear(x)
        converted = torch.arange(batch, device=self.device) >= batch - s["converted"]
        person = torch.where(converted, torch.arange(batch, device=self.device) - s["converted"], 0)
        person = torch.where(converted, person, torch.arange(batch, device=self.device))
        octave = self.octaves[crops.clip] + torch.log2(crops.ratio)
        shift = torch.exp2((octave[person] - octave).clamp(-1.5, 1.5))
        hz = torch.where(prosody[..., 1] > 0.5, prosody[..., 0] * shift[:, None], 0.0).clamp(max=1400.0)
        held, fresh = hop_units(units)
        spoken = torch.stack([hz, prosody[..., 1], prosody[..., 2]], -1)[:, context:]
        frames = self.decoder.frames(held[:, context:], fresh[:, context:], spoken)
        speaker = self.speakers[crops.clip, warp][person]
        nothing = torch.zeros(batch, 1, device=self.device, dtype=torch.float64)
        phase = torch.rand(batch, 1, device=self.device, dtype=torch.float64)
        with torch.device(self.device):
            pulses, _ = pulse_train(hz[:, context:].double(), nothing, phase, torch)
        source = torch.stack([pulses.float(), torch.randn(batch, hops * HOP, device=self.device)], 1)
        start = context * HOP + WARM_TOKENS * TOKEN
        wanted = x[:, start : start + self.heard_samples()]
        style = torch.cat([speaker, self.quality[crops.clip][person]], -1)
        return Task(crops, frames, source, style, wanted, person)

    def heard_samples(self) -> int:
        """Length of what is compared: whole tokens after the warm-up and the latency."""
        spare = self.settings["hops"] * HOP - LATENCY - WARM_TOKENS * TOKEN
        return spare // TOKEN * TOKEN

    def speak(self, task: Task) -> Tensor:
        """What the decoder says, cut to where `wanted` is."""
        state = start_of(self.decoder, len(task.frames), self.device)
        with torch.autocast(self.device.type, torch.bfloat16, cache_enabled=False):
            style = self.decoder.condition(task.style[:, :256], task.style[:, 256:])
            parts, _ = self.decoder.parts(task.frames, style, state)
        audio, _ = self.decoder.speak(parts.float(), task.source, state)
        start = LATENCY + WARM_TOKENS * TOKEN
        return audio[:, start : start + task.wanted.shape[1]]

    def understood(self, spoken: Tensor, task: Task) -> Tensor:
        """(B,) cross-entropy (nats) of the teacher's codes as the content encoder hears them in speech."""
        encoder = self.listeners.encoder
        mel, _ = encoder.log_mel(spoken, torch.zeros(len(spoken), 360, device=self.device))
        with torch.autocast(self.device.type, torch.bfloat16, cache_enabled=False):
            units, _ = encoder.encode(mel, random_start(encoder, len(spoken), self.device))
            logits = self.listeners.head(units)
        skip = self.settings["context_hops"] // TOKEN_HOPS + WARM_TOKENS
        codes, inside = self.codes.of(task.crops, logits.shape[1], skip)
        inside = inside * (torch.arange(logits.shape[1], device=self.device) >= COLD_TOKENS)
        loss = F.cross_entropy(logits.flatten(0, 2).float(), codes.flatten(), reduction="none")
        loss = loss.reshape(codes.shape).mean(-1)
        return (loss * inside).sum(1) / inside.sum(1).clamp(min=1.0)

    def recognised(self, spoken: Tensor, task: Task) -> tuple[Tensor, Tensor]:
        """(B,) similarity of the voice heard to the target's by the second encoder, and (B,) trust."""
        with torch.no_grad():
            real = self.identity(task.wanted)
            loud = (task.wanted.reshape(len(spoken), -1, TOKEN).square().mean(-1) > 1e-5).float().mean(1)
        trust = ((loud > 0.5) & (loud[task.target] > 0.5)).float()
        return (self.identity(spoken) * real[task.target]).sum(1), trust

    def judged(self, x: Tensor, offset: Tensor) -> Judged:
        """The judges' opinion of `judged_samples` of x from a random offset on."""
        size = min(self.settings["judged_samples"], x.shape[1])
        index = (offset * (x.shape[1] - size)).long() + torch.arange(size, device=self.device)
        with torch.autocast(self.device.type, torch.bfloat16, cache_enabled=False):
            return self.judges(x[:, index])

    def mel_step(self) -> Values:
        """One step without judges: only the first, non-converted items count."""
        task = self.task()
        spoken = self.speak(task)
        own = len(spoken) - self.settings["converted"]
        mel = self.mel(spoken[:own], task.wanted[:own])
        content = self.understood(spoken, task)[:own].mean()
        loss = self.settings["mel_weight"] * mel + self.settings["content_weight"] * content
        norm = self.descend(loss)
        return {"mel": mel.detach(), "content": content.detach(), "norm": norm}

    def descend(self, loss: Tensor) -> Tensor:
        """Optimiser step of the decoder; returns the gradient norm."""
        self.optimizer.zero_grad(set_to_none=False)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.decoder.parameters(), 100.0, foreach=True)
        self.optimizer.step()
        self.average.update()
        return norm.detach()

    def full_step(self) -> Values:
        """One step of judges and decoder."""
        s = self.settings
        task = self.task()
        spoken = self.speak(task)
        own = len(spoken) - s["converted"]
        is_own = torch.arange(len(spoken), device=self.device) < own
        weight = torch.where(is_own, 1.0, self.converting)
        offset = torch.rand(1, device=self.device)

        self.judges.requires_grad_(True)
        real = self.judged(task.wanted, offset)
        judging = judge_loss(real, self.judged(spoken.detach(), offset))
        self.judge_optimizer.zero_grad(set_to_none=False)
        judging.backward()
        self.judge_optimizer.step()

        self.judges.requires_grad_(False)
        fake = self.judged(spoken, offset)
        mel = self.mel(spoken[:own], task.wanted[:own])
        matching = feature_loss(real, fake, own)
        fooling = fool_loss(fake, weight)
        content = self.understood(spoken, task)
        alike, trust = self.recognised(spoken, task)
        identity = ((1 - alike) * weight * trust).sum() / len(alike)
        loss = (
            s["mel_weight"] * mel
            + self.adversarial * (s["feature_weight"] * matching + s["fool_weight"] * fooling)
            + s["content_weight"] * (content * weight).mean()
            + s["speaker_weight"] * identity
        )
        norm = self.descend(loss)
        values = {"mel": mel, "matching": matching, "fooling": fooling, "judging": judging, "norm": norm}
        for name, mask in (("own", is_own), ("converted", ~is_own)):
            share = (mask * trust).sum().clamp(min=1.0)
            values[f"content_{name}"] = (content * mask).sum() / mask.sum()
            values[f"alike_{name}"] = (alike * mask * trust).sum() / share
        return {name: value.detach() for name, value in values.items()}

    def schedule(self, progress: float) -> None:
        """See `Stage`."""
        s = self.settings
        self.adversarial.fill_(min(1.0, max(0.0, (progress - s["mel_only"]) / 0.04)))
        span = s["convert_full"] - s["convert_from"]
        self.converting.fill_(min(1.0, max(0.0, (progress - s["convert_from"]) / span)))
        factor = cosine_rate(progress, s["final_rate"])
        set_rate(self.optimizer, factor)
        set_rate(self.judge_optimizer, factor)

    def validate(self, step: int) -> Values:
        """Nothing: `training.evaluate` listens to whole conversions instead."""
        return {}

    def state(self, step: int, progress: float) -> dict:
        """See `Stage`."""
        return {
            "step": step,
            "progress": progress,
            "decoder": self.decoder.state_dict(),
            "average": self.average.module.state_dict(),
            "judges": self.judges.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "judge_optimizer": self.judge_optimizer.state_dict(),
        }

    def restore(self, state: dict) -> None:
        """See `Stage`."""
        self.decoder.load_state_dict(state["decoder"])
        self.average.module.load_state_dict(state["average"])
        self.judges.load_state_dict(state["judges"])
        if "optimizer" in state:
            self.optimizer.load_state_dict(state["optimizer"])
            self.judge_optimizer.load_state_dict(state["judge_optimizer"])


def train(args: argparse.Namespace) -> None:
    """Runs the stage; writes `decoder.pt` and `decoder.jsonl` to `out`."""
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.benchmark_limit = 4
    settings = load_config(args.smoke)["decoder"]
    training = DecoderTraining(args.cache, args.out, settings, args.smoke, stage_device(), args.after)
    phases = [(training.mel_step, settings["mel_only"]), (training.full_step, 1.0)]
    run_stage(args, "decoder", training, phases)


def main() -> None:
    """The command line."""
    parser = stage_arguments(__doc__.splitlines()[0])
    parser.add_argument("--after", type=Path, nargs="*", default=[], help="files to wait for before learning")
    train(parser.parse_args())


if __name__ == "__main__":
    main()
