"""RVC voices of all released sizes with random weights: written, imported, compared with torch.

`python -m tests.tools.rvc_sizes [FOLDER]` prints a table; with a folder it leaves the `.pth` files there.
"""

from __future__ import annotations

import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from inference.networks.rvc.export import programs
from inference.networks.rvc.sizes import RvcSizes
from inference.rvc.checkpoint import read_checkpoint
from inference.rvc.config import released_sizes
from inference.rvc.convert import convert
from inference.rvc.excitation import sine_source
from inference.rvc.model import RvcModel

FRAMES, SPEAKERS = 50, 3
NORMED = re.compile(r"(dec\.(ups|resblocks)|flow\.flows\.\d\.enc)\..*\.weight")
"""What released voices hold as gain and direction."""


def write_voice(sizes: RvcSizes, path: Path) -> None:
    """A voice with random weights in the layout of released ones."""
    torch.manual_seed(0)
    saved: dict[str, Any] = {"emb_g.weight": torch.randn(SPEAKERS, sizes.conditioning).half()}
    for program in programs(sizes).values():
        for name, value in program.state_dict().items():
            if NORMED.fullmatch(name):
                gain = value.flatten(1).norm(dim=1).reshape(-1, *[1] * (value.dim() - 1))
                saved |= {f"{name}_g": gain.half(), f"{name}_v": value.half()}
            else:
                saved[name] = value.half()
    spectrum = 513 if sizes.sample_rate == 32_000 else 1025
    widths = [sizes.latent, sizes.hidden, sizes.filter, sizes.heads, sizes.layers, sizes.kernel]
    blocks = [list(sizes.block_kernels), [list(row) for row in sizes.block_dilations]]
    stages = [list(sizes.rates), sizes.initial, list(sizes.kernels)]
    config = [spectrum, 32, *widths, 0, "1", *blocks, *stages, 109, sizes.conditioning, sizes.sample_rate]
    torch.save({"weight": saved, "config": config, "info": "random", "f0": int(sizes.pitch)}, path)


@torch.no_grad()
def difference(path: Path, model: RvcModel) -> dict[str, float]:
    """Largest differences of the imported programs from torch, by program."""
    checkpoint = read_checkpoint(path)
    made = programs(checkpoint.sizes)
    for program in made.values():
        program.load_state_dict({k: torch.from_numpy(checkpoint.weight(k)) for k in program.state_dict()})
    facts, random = model.facts, np.random.default_rng(1)
    phone = random.standard_normal((FRAMES, facts.content_channels), np.float32)
    coarse = random.integers(1, 255, FRAMES)
    source, _, _ = sine_source(np.full(FRAMES, 180.0), 0.0, facts.sample_rate, facts.hop)
    g = torch.from_numpy(model.speakers[1])[None, :, None]
    driven = [torch.from_numpy(source)[None, None]] if facts.has_pitch else []
    tuned = [torch.from_numpy(coarse)[None]] if facts.has_pitch else []
    mean, _ = made["prior"](torch.from_numpy(phone)[None], *tuned)
    latent = made["flow"](mean, g)
    audio = made["decoder"](latent, g, *driven)
    pairs = {
        "prior": (model.prior(phone, coarse)[0], mean),
        "flow": (model.flow(mean[0].numpy(), 1), latent),
        "decoder": (model.decode(latent[0].numpy(), source, 1), audio.flatten()),
    }
    return {name: float(np.abs(ours - theirs.numpy()).max()) for name, (ours, theirs) in pairs.items()}


def main(folder: Path) -> None:
    """Prints a line for each size."""
    for sizes in released_sizes():
        version = "v1" if sizes.content == 256 else "v2"
        name = f"{version}-{sizes.sample_rate // 1000}k" + "-nof0" * (not sizes.pitch)
        path = folder / f"{name}.pth"
        write_voice(sizes, path)
        begun = time.perf_counter()
        made, _ = convert(path, folder / "models", lambda what, share: None)
        took = time.perf_counter() - begun
        size = sum(file.stat().st_size for file in made.iterdir()) / 1e6
        found = ", ".join(f"{k} {v:.1e}" for k, v in difference(path, RvcModel.load(made)).items())
        print(f"{name:<12} {path.stat().st_size / 1e6:5.1f} MB -> {size:5.1f} MB in {took:4.1f} s; {found}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as made_here:
            main(Path(made_here))
