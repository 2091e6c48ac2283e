"""What the networks learn from beside the audio: F0, speaker embeddings, recording quality.

    python -m training.labels CACHE [--workers 16] [--device cuda]

writes next to the corpus cache `f0.npy` (Hz, 0 = unvoiced) and `reliable.npy`, one value a frame, all
clips end to end in the order of the index (training/pitch_labels.py says what a frame is), and
`labels.npz` with one row a clip. `Labels` reads them.

>>> labels = Labels.open("cache/corpus", corpus)
>>> f0, reliable = labels.f0(row), labels.reliable(row)      # (row.length // 240,) each
>>> labels.ge2e[labels.index[row.id]]                        # (256,), the clip's own
>>> labels.speaker_ge2e(row)                                 # (256,), the mean of the speaker's clips
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from inference.networks.speaker import partials, resample_to_16k
from inference.speech import trim_silence
from training.corpus import RATE, Clip, Corpus
from training.pitch_labels import HOP, label_f0
from training.speaker import load_ge2e, load_second

_CROP = 4 * 16_000
_SNR_FRAME = 480

Embeddings = NDArray[np.float32]


class Labels:
    """Labels of a corpus, read-only. `index` maps a clip's id to its row in the per-clip arrays.

    `ge2e` (clips, 256) and `second` (clips, 512) are unit length. `snr_db` (clips,) is the level of
    the loud tenth of frames over the quiet twentieth, 0 to 60; `bandwidth_hz` (clips,) is the corpus's.
    """

    def __init__(self, corpus: Corpus, folder: Path) -> None:
        arrays = np.load(folder / "labels.npz")
        if list(arrays["ids"]) != [row.id for row in corpus.rows]:
            raise ValueError(f"The labels in {folder} belong to another index: run training.labels again.")
        self.index = {row.id: i for i, row in enumerate(corpus.rows)}
        self.ge2e: Embeddings = arrays["ge2e"]
        self.second: Embeddings = arrays["second"]
        self.snr_db: NDArray[np.float32] = arrays["snr_db"]
        self.bandwidth_hz = np.array([row.bandwidth_hz for row in corpus.rows], np.float32)
        self._f0 = np.load(folder / "f0.npy", mmap_mode="r")
        self._reliable = np.load(folder / "reliable.npy", mmap_mode="r")
        self._start = np.concatenate([[0], np.cumsum([row.length // HOP for row in corpus.rows])])
        self._speakers = _speaker_means(corpus.rows, self.ge2e)

    @classmethod
    def open(cls, folder: str | Path, corpus: Corpus) -> Labels:
        """Reads the labels of `corpus` from its cache folder."""
        return cls(corpus, Path(folder))

    def f0(self, row: Clip) -> NDArray[np.float32]:
        """F0 in Hz per frame, 0 where unvoiced: (row.length // 240,)."""
        return np.array(self._f0[self._frames(row)])

    def reliable(self, row: Clip) -> NDArray[np.bool_]:
        """Whether both methods agreed on the frame's F0 or on its being unvoiced."""
        return np.array(self._reliable[self._frames(row)])

    def speaker_ge2e(self, row: Clip) -> NDArray[np.float32]:
        """Unit mean embedding of the clip's speaker, or the clip's own when its speaker is unlabelled."""
        if row.speaker is None:
            return self.ge2e[self.index[row.id]]
        return self._speakers[f"{row.source}/{row.speaker}"]

    def quality(self, row: Clip) -> NDArray[np.float32]:
        """Two scalars in [0, 1] that say how clean and how wide-band the recording is: (2,)."""
        i = self.index[row.id]
        return np.array([self.snr_db[i] / 60, self.bandwidth_hz[i] / (RATE / 2)], np.float32)

    def _frames(self, row: Clip) -> slice:
        i = self.index[row.id]
        return slice(self._start[i], self._start[i + 1])


def make_labels(folder: Path, workers: int, device: str) -> None:
    """Computes every label of the cache in `folder` anew and writes them there."""
    corpus = Corpus.open(folder)
    jobs = [(str(folder), i) for i in range(len(corpus.rows))]
    context = multiprocessing.get_context("spawn")
    with context.Pool(workers or os.cpu_count(), initializer=torch.set_num_threads, initargs=(1,)) as pool:
        tracks = pool.starmap(_label_clip, jobs, chunksize=16)
    f0, reliable, snr = zip(*tracks, strict=True)
    voiced = np.concatenate(f0) > 0
    print(f"{voiced.size} frames, {voiced.mean():.1%} voiced, {np.concatenate(reliable).mean():.1%} reliable")
    np.save(folder / "f0.npy", np.concatenate(f0))
    np.save(folder / "reliable.npy", np.concatenate(reliable))
    ge2e, second = embed_clips(corpus, corpus.rows, device)
    ids = np.array([row.id for row in corpus.rows])
    snr_db = np.array(snr, np.float32)
    np.savez(folder / "labels.npz", ids=ids, ge2e=ge2e, second=second, snr_db=snr_db)


def _label_clip(folder: str, i: int) -> tuple[NDArray[np.float32], NDArray[np.bool_], float]:
    corpus = _opened(folder)
    x = corpus.audio(corpus.rows[i])
    f0, reliable = label_f0(x)
    return f0, reliable, snr_db(x)


_CORPORA: dict[str, Corpus] = {}


def _opened(folder: str) -> Corpus:
    if folder not in _CORPORA:
        _CORPORA[folder] = Corpus.open(folder)
    return _CORPORA[folder]


def snr_db(x: NDArray[np.float32]) -> float:
    """Level of the loud tenth of 20 ms frames over the quiet twentieth, dB, 0 to 60."""
    count = len(x) // _SNR_FRAME
    if count < 2:
        return 0.0
    power = np.square(x[: count * _SNR_FRAME].reshape(count, _SNR_FRAME)).mean(axis=1)
    loud, quiet = np.percentile(10 * np.log10(power + 1e-9), [90, 5])
    return float(np.clip(loud - quiet, 0, 60))


@torch.no_grad()
def embed_clips(corpus: Corpus, rows: list[Clip], device: str) -> tuple[Embeddings, Embeddings]:
    """Embeddings of each clip by both encoders: (clips, 256) and (clips, 512), unit length.

    GE2E sees the whole clip without its silences; the second encoder a crop of 4 s from its middle
    (shorter clips are repeated).
    """
    ge2e, second = load_ge2e().to(device), load_second().to(device)
    ours = np.zeros((len(rows), 256), np.float32)
    theirs = np.zeros((len(rows), 512), np.float32)
    for start in range(0, len(rows), 64):
        waves = []
        for row in rows[start : start + 64]:
            x = corpus.audio(row)
            spoken = trim_silence(x, RATE)
            wave = torch.from_numpy(spoken if len(spoken) >= RATE // 2 else x).to(device)
            waves.append(resample_to_16k(wave[None])[0])
        parts = [partials(wave) for wave in waves]
        owner = torch.repeat_interleave(torch.arange(len(parts)), torch.tensor([len(p) for p in parts]))
        total = torch.zeros(len(parts), 256, device=device)
        total.index_add_(0, owner.to(device), ge2e(torch.cat(parts)))
        stop = start + len(parts)
        ours[start:stop] = F.normalize(total, dim=1).cpu().numpy()
        theirs[start:stop] = second(torch.stack([_crop(wave) for wave in waves])).cpu().numpy()
    return ours, theirs


def _crop(wave: torch.Tensor) -> torch.Tensor:
    if len(wave) < _CROP:
        return wave.repeat(-(-_CROP // max(1, len(wave))))[:_CROP]
    start = (len(wave) - _CROP) // 2
    return wave[start : start + _CROP]


def _speaker_means(rows: list[Clip], embeddings: Embeddings) -> dict[str, NDArray[np.float32]]:
    groups: dict[str, list[int]] = defaultdict(list)
    for i, row in enumerate(rows):
        if row.speaker is not None:
            groups[f"{row.source}/{row.speaker}"].append(i)
    means = {name: embeddings[members].mean(axis=0) for name, members in groups.items()}
    return {name: mean / np.linalg.norm(mean) for name, mean in means.items()}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cache", type=Path)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    args = parser.parse_args()
    started = time.monotonic()
    make_labels(args.cache, args.workers, args.device)
    print(f"labelled in {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
