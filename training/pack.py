"""Checkpoints as small files that travel: half precision, no optimiser moments, each under 16 MiB.

    python -m training.pack pack RUN OUT       # RUN/{content,pitch,decoder}.pt -> OUT/*.pt
    python -m training.pack unpack OUT RUN     # the way back, for `--resume`

A resumed stage then starts with fresh optimiser moments and everything else as it was.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import torch

from training.loop import load, save

FILES = {
    "content_average": ("content", "average", "encoder."),
    "content_head": ("content", "average", "head."),
    "pitch_average": ("pitch", "average", ""),
    "decoder_average": ("decoder", "average", ""),
    "decoder_live": ("decoder", "decoder", ""),
    "judges": ("decoder", "judges", ""),
}
"""File name: stage, entry of its checkpoint, prefix of the names taken."""

SHIPPED = Path(__file__).parent / "checkpoints"
"""The packed checkpoints of the networks that ship."""

SCALARS = {"content": ("step", "books", "codes"), "pitch": ("step",), "decoder": ("step", "progress")}


def pack(run: Path, out: Path) -> None:
    """Writes what exists of a run to `out`."""
    for name, (stage, entry, prefix) in FILES.items():
        source = run / f"{stage}.pt"
        if not source.exists():
            continue
        state = load(source, torch.device("cpu"))
        weights = {k: v.half() for k, v in state[entry].items() if k.startswith(prefix)}
        path = out / f"{name}.pt"
        save(path, {"weights": weights, **{k: state[k] for k in SCALARS[stage]}})
        print(f"{path.name}: {path.stat().st_size / 2**20:.1f} MiB", flush=True)


def unpack(packed: Path, run: Path) -> None:
    """Rebuilds `RUN/*.pt` in float32; live weights that were left out start from the average."""
    parts: dict[str, dict] = {}
    for name, (stage, entry, _) in FILES.items():
        path = packed / f"{name}.pt"
        if not path.exists():
            continue
        state = load(path, torch.device("cpu"))
        target = parts.setdefault(stage, {})
        target.setdefault(entry, {}).update({k: v.float() for k, v in state["weights"].items()})
        target.update({k: state[k] for k in SCALARS[stage]})
    for stage, state in parts.items():
        if stage == "content":
            for key in ("encoder", "head"):
                chosen = {k: v for k, v in state["average"].items() if k.startswith(key + ".")}
                state[key] = {k.removeprefix(key + "."): v for k, v in chosen.items()}
        if stage == "pitch":
            state["tracker"] = state["average"]
        if stage == "decoder":
            state.setdefault("decoder", state["average"])
        save(run / f"{stage}.pt", state)


def assemble(run: Path, base: Path, out: Path) -> None:
    """Checkpoints of all stages in `out`: those of `run`, packed or not, else of the packed `base`."""
    unpack(base, out)
    unpack(run, out)
    for stage in SCALARS:
        if (run / f"{stage}.pt").exists():
            shutil.copyfile(run / f"{stage}.pt", out / f"{stage}.pt")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("way", choices=["pack", "unpack"])
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    args = parser.parse_args()
    (pack if args.way == "pack" else unpack)(args.source, args.target)


if __name__ == "__main__":
    main()
