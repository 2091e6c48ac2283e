"""Stage 1: codes of the full-context teacher for every clip, which the causal encoder learns to tell.

    python -m training.teach CACHE [--smoke]

writes `codes.npz` beside the cache: `codes` (tokens, books) int16, `start` (clips + 1,), and the
codebooks (books, codes, 384). Token k of a clip is the teacher's feature centred at sample
480 k - 180 of it: `TOKEN_LOOK_AHEAD` before the end of the audio that the student's token k has heard.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from inference.networks.timing import TOKEN_HOPS, TOKEN_LOOK_AHEAD
from training.config import Settings, load_config
from training.corpus import Corpus
from training.data import TOKEN
from training.whisper import Teacher, load_encoder

DELAY = TOKEN_LOOK_AHEAD - TOKEN
"""Silence put before each clip so that the teacher's tokens fall where the student's are due."""


PIECE = 1400
"""Tokens of a long clip that the teacher hears at once; it was made for 1,500."""


def token_count(length: int) -> int:
    """Content tokens of a clip of `length` samples."""
    return -(-length // TOKEN)


@torch.no_grad()
def features(corpus: Corpus, teacher: Teacher, blocks: list[int], device: torch.device) -> list[Tensor]:
    """Per clip (tokens, blocks, 384) half floats, each block's mean over the clip taken away."""
    pieces = [
        (i, at, min(PIECE, token_count(row.length) - at))
        for i, row in enumerate(corpus.rows)
        for at in range(0, token_count(row.length), PIECE)
    ]
    pieces.sort(key=lambda piece: piece[2])
    parts: dict[tuple[int, int], Tensor] = {}
    for start in range(0, len(pieces), 32):
        group = pieces[start : start + 32]
        x = torch.zeros(len(group), TOKEN * (group[-1][2] + 25))
        for row, (i, at, _) in enumerate(group):
            first = max(0, at * TOKEN - DELAY)
            audio = corpus.audio(corpus.rows[i], first, x.shape[1] - DELAY)
            lead = first - (at * TOKEN - DELAY)
            x[row, lead : lead + len(audio)] = torch.from_numpy(audio)
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            layers = teacher(x.to(device))
        stack = torch.stack([layers[b - 1].float() for b in blocks], dim=2)
        for row, (i, at, count) in enumerate(group):
            parts[i, at] = stack[row, :count]
    found: dict[int, Tensor] = {}
    for i, clip_row in enumerate(corpus.rows):
        starts = range(0, token_count(clip_row.length), PIECE)
        clip = torch.cat([parts[i, at] for at in starts])
        found[i] = (clip - clip.mean(0, keepdim=True)).half()
    return [found[i] for i in range(len(corpus.rows))]


def nearest(x: Tensor, centres: Tensor) -> Tensor:
    """Index of the nearest centre (codes, D) for each row of x (N, D): (N,)."""
    parts = []
    for chunk in x.split(100_000):
        score = chunk.float() @ centres.T - 0.5 * centres.square().sum(1)
        parts.append(score.argmax(1))
    return torch.cat(parts)


def cluster(x: Tensor, codes: int, iterations: int) -> Tensor:
    """k-means centres (codes, D) of x (N, D); an empty cluster restarts at a random row."""
    x = x.float()
    centres = x[torch.randperm(len(x), device=x.device)[:codes]]
    for _ in range(iterations):
        owner = nearest(x, centres)
        total = torch.zeros_like(centres).index_add_(0, owner, x)
        count = torch.bincount(owner, minlength=codes).unsqueeze(1)
        spare = x[torch.randint(len(x), (codes,), device=x.device)]
        centres = torch.where(count > 0, total / count.clamp(min=1), spare)
    return centres


def perplexity(codes: Tensor, size: int) -> float:
    """2 to the entropy of the codes (N,): how many are really used."""
    share = torch.bincount(codes.long(), minlength=size).double() / len(codes)
    return float(torch.exp(-(share * (share + 1e-12).log()).sum()))


def teach(folder: Path, settings: Settings, device: torch.device) -> None:
    """Runs the stage on the corpus cache in `folder`. Clusters are found on the train split only."""
    corpus = Corpus.open(folder)
    teacher = Teacher(load_encoder()).to(device)
    per_clip = features(corpus, teacher, settings["blocks"], device)
    train = torch.cat([per_clip[i] for i, row in enumerate(corpus.rows) if row.split == "train"])
    train = train[torch.randperm(len(train), device=device)[: settings["sample"]]]
    everything = torch.cat(per_clip)
    books, codes = [], []
    for b, block in enumerate(settings["blocks"]):
        centres = cluster(train[:, b], settings["codes"], settings["iterations"])
        codes.append(nearest(everything[:, b], centres))
        books.append(centres.cpu().numpy())
        print(f"block {block}: perplexity {perplexity(codes[-1], settings['codes']):.0f}", flush=True)
    counts = [token_count(row.length) for row in corpus.rows]
    np.savez(
        folder / "codes.npz",
        codes=torch.stack(codes, 1).short().cpu().numpy(),
        start=np.concatenate([[0], np.cumsum(counts)]),
        books=np.stack(books).astype(np.float16),
        hops=np.array(TOKEN_HOPS),
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cache", type=Path)
    parser.add_argument("--smoke", action="store_true")
    args = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    started = time.monotonic()
    teach(args.cache, load_config(args.smoke)["teacher"], device)
    print(f"taught in {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
