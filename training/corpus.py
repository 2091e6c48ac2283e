"""Speech for training and evaluation: Opus shards decoded once into one memory-mapped file.

A shard folder holds `manifest.jsonl` and tar files of `source/id.opus`; both may arrive in portions,
and every call decodes only what is new. The cache is `audio.i16` (int16, 24 kHz, mono, clips end to
end) and `index.json` (one row a clip).

    python -m training.corpus SHARDS OUT [--workers 16]

>>> corpus = Corpus.open("cache/corpus")
>>> x = corpus.audio(corpus.rows[0])           # (length,) float32 in [-1, 1)
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import os
import tarfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

RATE = 24_000
"""Sample rate of the cache, Hz."""

HELD_OUT = Path(__file__).parent / "held_out.json"
"""Speaker name by clip id of the training clips kept for evaluation: their split reads `held_out`.

Five of barista_en's unlabelled people: compact clusters (average linkage) of both encoders' similarity.
"""

_AUDIO = "audio.i16"
_INDEX = "index.json"
_FFT = 1024
_FLOOR_DB = -58.0


@dataclass(frozen=True)
class Clip:
    """One utterance. `start` and `length` are samples in the cache; `speaker` is None when unlabelled.

    `split` is train, eval or held_out. `bandwidth_hz` is the highest frequency at which the clip's
    long-term spectrum still carries sound (a hint: 4 kHz for telephone speech, 12 kHz for studio).
    """

    id: str
    source: str
    speaker: str | None
    split: str
    start: int
    length: int
    text: str | None
    license: str
    lang: str
    bandwidth_hz: int


class CorpusError(RuntimeError):
    """A shard folder or cache that cannot be read."""


class Corpus:
    """A cache opened for reading; cheap to open in many processes."""

    def __init__(self, rows: list[Clip], samples: NDArray[np.int16], folder: Path) -> None:
        self.rows = rows
        self.folder = folder
        self._samples = samples

    @classmethod
    def open(cls, folder: str | Path) -> Corpus:
        """Opens a cache that `build_cache` wrote. Raises CorpusError where there is none."""
        folder = Path(folder)
        rows = _read_index(folder)
        if not rows:
            raise CorpusError(f"{folder} holds no corpus: run `python -m training.corpus SHARDS OUT`.")
        held_out = json.loads(HELD_OUT.read_text())
        rows = [
            replace(row, split="held_out", speaker=held_out[row.id]) if row.id in held_out else row
            for row in rows
        ]
        return cls(rows, np.memmap(folder / _AUDIO, dtype=np.int16, mode="r"), folder)

    def audio(self, row: Clip, offset: int = 0, length: int | None = None) -> NDArray[np.float32]:
        """Samples of a clip, or of `length` samples of it from `offset` on: (n,) float32 in [-1, 1)."""
        start = row.start + offset
        stop = row.start + row.length if length is None else min(start + length, row.start + row.length)
        return self._samples[start:stop].astype(np.float32) / np.float32(32768)

    def select(self, split: str | None = None, source: str | None = None) -> list[Clip]:
        """Rows of a split and of the sources whose name starts with `source`."""
        return [
            row
            for row in self.rows
            if (split is None or row.split == split) and (source is None or row.source.startswith(source))
        ]


def build_cache(shards: str | Path, out: str | Path, workers: int = 0) -> int:
    """Decodes every clip that the shards hold and the cache lacks; returns how many that were.

    `workers` processes decode (0: one a core). A clip of another rate or with several channels is an
    error of the shard and raises CorpusError; the cache then keeps what it had.
    """
    shards, out = Path(shards), Path(out)
    out.mkdir(parents=True, exist_ok=True)
    rows = _read_index(out)
    known = {row.id for row in rows}
    end = sum(row.length for row in rows)
    jobs = _new_clips(shards, known)
    # Not forked: a fork beside other threads (torch, pytest) can wait for their locks for ever.
    context = multiprocessing.get_context("spawn")
    with context.Pool(workers or os.cpu_count()) as pool, open(out / _AUDIO, "ab") as audio:
        audio.truncate(2 * end)  # what an interrupted call had appended without indexing it
        for entry, pcm, bandwidth in pool.imap(_decode, jobs, chunksize=8):
            audio.write(pcm.tobytes())
            rows.append(_clip(entry, end, len(pcm), bandwidth))
            end += len(pcm)
    added = len(rows) - len(known)
    if added:
        _write_index(out, rows)
    return added


def bandwidth_hz(x: NDArray[np.float32], rate: int = RATE) -> int:
    """Highest frequency at which the louder half of x has more than -58 dB of its peak band's power."""
    count = len(x) // _FFT
    if count == 0:
        return rate // 2
    frames = x[: count * _FFT].reshape(count, _FFT)
    energy = np.square(frames).sum(axis=1)
    loud = frames[energy >= np.median(energy)]
    power = np.square(np.abs(np.fft.rfft(loud * np.hanning(_FFT), axis=1))).mean(axis=0)
    smooth = np.convolve(power, np.ones(9) / 9, mode="same") + 1e-20
    above = np.flatnonzero(smooth > smooth.max() * 10 ** (_FLOOR_DB / 10))
    return int(above[-1] * rate / _FFT)


def _new_clips(shards: Path, known: set[str]) -> Iterator[tuple[dict, bytes]]:
    """Manifest entry and Opus bytes of each clip present in a tar and not known yet."""
    manifest = shards / "manifest.jsonl"
    if not manifest.exists():
        raise CorpusError(f"{shards} has no manifest.jsonl.")
    entries = {e["id"]: e for e in map(json.loads, manifest.read_text().splitlines())}
    for path in sorted(shards.glob("*.tar")):
        with tarfile.open(path) as tar:
            for member in tar:
                entry = entries.get(Path(member.name).stem)
                if entry is None or entry["id"] in known or not member.isfile():
                    continue
                handle = tar.extractfile(member)
                if handle is not None:
                    yield entry, handle.read()


def _decode(job: tuple[dict, bytes]) -> tuple[dict, NDArray[np.int16], int]:
    entry, opus = job
    x, rate = soundfile.read(io.BytesIO(opus), dtype="float32", always_2d=True)
    if rate != RATE or x.shape[1] != 1:
        shape = f"{x.shape[1]} channels at {rate} Hz"
        raise CorpusError(f"Clip {entry['id']} has {shape}; shards hold 24 kHz mono.")
    mono = x[:, 0]
    pcm = np.clip(np.rint(mono * 32768), -32768, 32767).astype(np.int16)
    return entry, pcm, bandwidth_hz(mono)


def _clip(entry: dict, start: int, length: int, bandwidth: int) -> Clip:
    return Clip(
        id=entry["id"],
        source=entry["source"],
        speaker=entry["speaker"],
        split=entry["split"],
        start=start,
        length=length,
        text=entry.get("text"),
        license=entry["license"],
        lang=entry["lang"],
        bandwidth_hz=bandwidth,
    )


def _read_index(folder: Path) -> list[Clip]:
    path = folder / _INDEX
    return [Clip(**row) for row in json.loads(path.read_text())["rows"]] if path.exists() else []


def _write_index(folder: Path, rows: list[Clip]) -> None:
    temporary = folder / (_INDEX + ".tmp")
    with open(temporary, "w") as handle:
        json.dump({"rate": RATE, "rows": [asdict(row) for row in rows]}, handle)
        handle.flush()
        os.fsync(handle.fileno())
    os.replace(temporary, folder / _INDEX)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shards", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--workers", type=int, default=0)
    args = parser.parse_args()
    started = time.monotonic()
    added = build_cache(args.shards, args.out, args.workers)
    rows = _read_index(args.out)
    hours = sum(row.length for row in rows) / RATE / 3600
    print(f"{added} clips added, {len(rows)} in all, {hours:.2f} h, {time.monotonic() - started:.1f} s")


if __name__ == "__main__":
    main()
