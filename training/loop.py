"""What every training stage shares: the loop within a budget, moving averages, checkpoints, CUDA graphs."""

from __future__ import annotations

import argparse
import copy
import json
import math
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from training.config import load_config

Values = dict[str, Tensor]

_SYNC_EVERY = 50
_SAVE_EVERY_S = 120.0


class Schedule:
    """Progress of a stage from 0 to 1, by wall clock or by steps, whichever is further."""

    def __init__(self, seconds: float, steps: int, done: float = 0.0) -> None:
        self.seconds, self.steps, self.done = seconds, steps, done
        self.started = time.monotonic()

    def progress(self, step: int) -> float:
        """Share of the budget that is spent, including what earlier calls spent (`done`)."""
        share = max((time.monotonic() - self.started) / self.seconds, step / self.steps)
        return min(1.0, self.done + (1.0 - self.done) * share)


def cosine_rate(progress: float, final: float, warm: float = 0.01) -> float:
    """Learning-rate factor: linear over the first `warm`, then a cosine down to `final`."""
    if progress < warm:
        return max(0.02, progress / warm)
    return final + (1 - final) * 0.5 * (1 + math.cos(math.pi * (progress - warm) / (1 - warm)))


def stage_arguments(description: str) -> argparse.ArgumentParser:
    """The command line that every training stage shares."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("cache", type=Path, help="the corpus cache with its labels")
    parser.add_argument("out", type=Path, help="where checkpoints and logs lie")
    parser.add_argument("--smoke", action="store_true", help="the tiny run of the tests")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint in out")
    parser.add_argument("--resume-at", type=float, help="share of the schedule to go on from, 0 to 1")
    parser.add_argument("--seconds", type=float, help="budget instead of the configuration's")
    parser.add_argument("--until", type=float, help="end at this epoch second instead")
    return parser


def budget(args: argparse.Namespace, settings: dict[str, Any]) -> float:
    """Seconds the stage may still run, asked when everything is ready to start."""
    if args.until is not None:
        return max(1.0, args.until - time.time())
    return args.seconds or settings["seconds"]


class Average:
    """Exponential moving average of a module's weights; `module` holds it."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.module = copy.deepcopy(module).eval().requires_grad_(False)
        self.decay = decay
        self._theirs = [p.data for p in module.parameters()]
        self._ours = [p.data for p in self.module.parameters()]

    @torch.no_grad()
    def update(self) -> None:
        """Moves the average towards the module's present weights."""
        torch._foreach_mul_(self._ours, self.decay)
        torch._foreach_add_(self._ours, self._theirs, alpha=1.0 - self.decay)


def optimiser(groups: list[dict], weight_decay: float, betas: tuple[float, float]) -> torch.optim.AdamW:
    """AdamW that can be captured in a CUDA graph; each group's `lr` becomes a tensor on its device."""
    device = groups[0]["params"][0].device
    for group in groups:
        group["lr"] = torch.tensor(float(group["lr"]), device=device)
        group["base_lr"] = float(group["lr"])
    cuda = device.type == "cuda"
    return torch.optim.AdamW(groups, betas=betas, weight_decay=weight_decay, capturable=cuda, fused=cuda)


def set_rate(optimizer: torch.optim.Optimizer, factor: float) -> None:
    """Scales every group's learning rate in place, which a captured graph sees."""
    for group in optimizer.param_groups:
        group["lr"].fill_(group["base_lr"] * factor)


def captured(step: Callable[[], Values], device: torch.device) -> Callable[[], Values]:
    """The step as one CUDA graph launch, or the step itself where that fails (it says so)."""
    if device.type != "cuda" or os.environ.get("MENURA_NO_GRAPH"):
        return step
    try:
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(4):
                step()
        torch.cuda.current_stream().wait_stream(stream)
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            values = step()
    except (RuntimeError, torch.AcceleratorError) as error:
        print(f"no CUDA graph, running eagerly: {str(error)[:400]}", flush=True)
        return step

    def replay() -> Values:
        graph.replay()
        return values

    return replay


def start_of(network: Any, batch: int, device: torch.device) -> dict[str, Tensor]:
    """A network's initial state, made on the device: a CUDA graph cannot copy it from the host."""
    with torch.device(device):
        return network.init_state(batch)


def save(path: Path, state: dict) -> None:
    """Writes a checkpoint whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    torch.save(state, temporary)
    os.replace(temporary, path)


def load(path: Path, device: torch.device) -> dict:
    """Reads a checkpoint; only tensors and plain values are accepted."""
    return torch.load(path, map_location=device, weights_only=True)


class Log:
    """Prints and appends one JSON line per report."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.file = path.open("a")
        self.started = time.monotonic()

    def write(self, step: int, values: dict[str, float | Tensor]) -> None:
        """Values become floats, which waits for the device: call it rarely."""
        line = {k: round(float(v), 4) for k, v in values.items()}
        text = json.dumps({"step": step, "seconds": round(time.monotonic() - self.started, 1), **line})
        print(text, flush=True)
        self.file.write(text + "\n")
        self.file.flush()


class Stage(Protocol):
    """What a training stage brings to `run_stage`."""

    report_every: int

    def schedule(self, progress: float) -> None:
        """Sets rates and weights that change over the budget, progress 0 to 1."""

    def validate(self, step: int) -> Values:
        """Errors on held-out clips, where it is time for them; they go into the log."""

    def state(self, step: int, progress: float) -> dict:
        """Everything needed to go on."""

    def restore(self, state: dict) -> None:
        """The inverse of `state`; optimisers are optional, since packed checkpoints leave them out."""


Phase = tuple[Callable[[], Values], float]
"""A step and the share of the budget until which it is taken."""


def run_stage(args: argparse.Namespace, name: str, stage: Stage, phases: Sequence[Phase]) -> None:
    """Trains until the budget is spent; writes `NAME.pt` (also every two minutes) and `NAME.jsonl` to `out`.

    A checkpoint that says how far it was is gone on from there, or from `--resume-at`; others start the
    schedule anew.
    """
    device = stage_device()
    settings = load_config(args.smoke)[name]
    path, done = args.out / f"{name}.pt", 0.0
    if args.resume and path.exists():
        state = load(path, device)
        stage.restore(state)
        done = min(0.9, state.get("progress", 0.0) if args.resume_at is None else args.resume_at)
    log = Log(args.out / f"{name}.jsonl")
    schedule = Schedule(budget(args, settings), settings["steps"], done)
    count, progress, saved = 0, schedule.progress(0), time.monotonic()
    stage.schedule(progress)
    for kind, until in phases:
        if progress >= until:
            continue
        step = captured(kind, device)
        while progress < until:
            progress = schedule.progress(count)
            stage.schedule(progress)
            values = step()
            count += 1
            if count % _SYNC_EVERY == 0 and device.type == "cuda":
                torch.cuda.synchronize()
            if count % stage.report_every == 0 or count == 1:
                log.write(count, {"progress": progress, **values, **stage.validate(count)})
            if time.monotonic() - saved > _SAVE_EVERY_S:
                save(path, stage.state(count, progress))
                saved = time.monotonic()
        log.write(count, {"progress": progress, **values, **stage.validate(0)})
    save(path, stage.state(count, progress))


def stage_device() -> torch.device:
    """The GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
