"""How well the quality card judges: errors, false alarms and misses on speech whose truth is known.

    python -m tests.tools.calibrate_quality SHARDS [--clips 30]

SHARDS is a folder as `training.corpus` reads it. Speakers: evaluation and demo speakers only, of whom no
limit was taken (those rest on libri_clean100, kokoro and the single-speaker sets). Music is made of numbers.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.signal import fftconvolve

from audio.resample import resample_offline
from inference.converter import MODEL_RATE
from inference.quality.acoustics import bandwidth_hz, decay_s, snr_db
from inference.quality.examine import examine
from inference.speech import speech_mask, trim_silence, voice_activity
from tests.music import KINDS

Signal = NDArray[np.float32]

SOURCES = ("nabucasa", "libri_dev", "vctk_demo", "libritts_demo", "aishell3_demo", "ast_", "nathalie_nl")
_CLIP_S = 14
_GAP_S = 0.4


def speakers(shards: Path) -> dict[str, Signal]:
    """Speech of each speaker, up to half a minute, with short pauses between utterances."""
    entries = {e["id"]: e for e in map(json.loads, (shards / "manifest.jsonl").read_text().splitlines())}
    wanted = {i: e for i, e in entries.items() if e["source"].startswith(SOURCES)}
    found: dict[str, list[Signal]] = {}
    for shard in sorted({e["shard"] for e in wanted.values()}):
        with tarfile.open(shards / shard) as tar:
            for member in tar:
                entry = wanted.get(Path(member.name).stem)
                if entry is None or not member.isfile():
                    continue
                parts = found.setdefault(entry["speaker"] or entry["id"], [])
                if sum(map(len, parts)) < 30 * MODEL_RATE:
                    raw = tar.extractfile(member)
                    assert raw is not None
                    parts += [soundfile.read(io.BytesIO(raw.read()), dtype="float32")[0], _silence(_GAP_S)]
    joined = {name: np.concatenate(parts) for name, parts in found.items()}
    return {
        name: _level(x) for name, x in joined.items() if len(trim_silence(x, MODEL_RATE)) > 6 * MODEL_RATE
    }


def mixtures(people: dict[str, Signal], count: int, rng: np.random.Generator) -> Iterator[Signal]:
    """Two people after each other, one for a short while at the end, and taking turns of 3 s."""
    voices = list(people.values())
    for number in range(count):
        first, second = (voices[i] for i in rng.choice(len(voices), 2, replace=False))
        size = min(len(first), len(second), _CLIP_S * MODEL_RATE)
        if number % 3 == 0:
            yield np.concatenate([first[: size // 2], second[: size // 2]])
        elif number % 3 == 1:
            yield np.concatenate([first[:size], second[: 4 * MODEL_RATE]])
        else:
            turn = 3 * MODEL_RATE
            yield np.concatenate(
                [x[i : i + turn] for i in range(0, size - turn + 1, turn) for x in (first, second)]
            )


def room(seconds: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """A room's impulse response: the direct sound, and as much energy dying away by 60 dB in `seconds`."""
    t = np.arange(round(1.2 * seconds * MODEL_RATE)) / MODEL_RATE
    tail = rng.standard_normal(len(t)) * 10 ** (-3 * t / seconds) * (t > 0.002)
    response = tail / np.sqrt(np.sum(tail**2))
    response[0] = 1.0
    return response


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shards", type=Path)
    parser.add_argument("--clips", type=int, default=30)
    args = parser.parse_args()
    rng = np.random.default_rng(1)
    people = speakers(args.shards)
    names = list(people)
    picked = [people[names[i]][: _CLIP_S * MODEL_RATE] for i in rng.permutation(len(names))[: args.clips]]
    _say(f"{len(people)} speakers, {len(picked)} of them in each row\n")
    _speakers(picked, list(mixtures(people, args.clips, rng)), rng)
    _music(picked, args.clips, rng)
    _measures(picked, rng)


def _speakers(singles: list[Signal], mixed: list[Signal], rng: np.random.Generator) -> None:
    _say("second speaker              refused  warned")
    rows: list[tuple[str, Callable[[Signal], Signal], list[Signal]]] = [
        ("one speaker", lambda x: x, singles),
        ("one, noise 20 dB below", lambda x: _with_noise(x, 20, rng), singles),
        ("one, reverberant (0.5 s)", lambda x: _in_room(x, 0.5, rng), singles),
        ("two speakers", lambda x: x, mixed),
    ]
    for name, change, clips in rows:
        cards = [examine(change(x), MODEL_RATE) for x in clips]
        _say(f"{name:26} {_share('More than one', cards)}  {_warned('Speakers', cards)}")


def _music(singles: list[Signal], count: int, rng: np.random.Generator) -> None:
    _say("\nmusic                       refused  warned")
    rows: list[tuple[str, list[Signal]]] = [("speech alone", singles)]
    rows.append(("speech, room of 0.5 s", [_in_room(x, 0.5, rng) for x in singles]))
    rows.append(("speech, hum 30 dB below", [x + _hum(len(x), 0.1 * 10**-1.5) for x in singles]))
    rows += [(kind, [make(_CLIP_S, 500 + i) for i in range(count)]) for kind, make in KINDS.items()]
    for ratio in (5, 10, 15, 20):
        under = [KINDS["band"](30, 700 + i)[: len(x)] * 10 ** (-ratio / 20) for i, x in enumerate(singles)]
        mixed = [x + music for x, music in zip(singles, under, strict=True)]
        rows.append((f"speech, band {ratio} dB below", mixed))
    for name, clips in rows:
        cards = [examine(x.astype(np.float32), MODEL_RATE) for x in clips]
        _say(f"{name:26} {_share('music', cards)}  {_warned('Music', cards)}")


def _measures(singles: list[Signal], rng: np.random.Generator) -> None:
    clean = [x for x in singles if snr_db(x, voice_activity(x, MODEL_RATE)) > 40]
    _say(f"\nnoise, {len(clean)} clips above 40 dB   5th, median, 95th percentile; then the share of the")
    _say("                            pauses that is taken for speech by the VAD and by level alone")
    for wanted in (30, 20, 10):
        noisy = [_with_noise(x, wanted, rng) for x in clean]
        masks = [voice_activity(x, MODEL_RATE) for x in noisy]
        found = [snr_db(x, mask) for x, mask in zip(noisy, masks, strict=True)]
        truth = [~speech_mask(x, MODEL_RATE) for x in clean]
        vad = np.mean([mask[pause].mean() for mask, pause in zip(masks, truth, strict=True)])
        level = np.mean([speech_mask(x, MODEL_RATE)[p].mean() for x, p in zip(noisy, truth, strict=True)])
        _say(f"SNR {wanted} dB                   {_spread(found)}   {vad:.2f}  {level:.2f}")
    _say("\nroom                        5th, median, 95th percentile of the decay in s")
    _say(f"as recorded                {_spread([decay_s(x) for x in singles])}")
    for seconds in (0.3, 0.5, 0.8, 1.2):
        found = [decay_s(_in_room(x, seconds, rng)) for x in singles]
        _say(f"RT60 {seconds} s                 {_spread(found)}")
    _say("\nbandwidth                   5th, median, 95th percentile in Hz")
    _say(f"as recorded                {_spread([bandwidth_hz(x, MODEL_RATE) for x in singles])}")
    for rate in (16_000, 11_025, 8_000):
        cut = [resample_offline(resample_offline(x, MODEL_RATE, rate), rate, 48_000) for x in singles]
        _say(f"through {rate} Hz         {_spread([bandwidth_hz(x, 48_000) for x in cut])}")


def _share(word: str, cards: list) -> str:
    refused = sum(word in card.refusal for card in cards)
    return f"{refused:3d}/{len(cards)}"


def _warned(name: str, cards: list) -> str:
    warned = sum(line.name == name and line.grade == "fair" for card in cards for line in card.lines)
    return f"{warned:3d}/{len(cards)}"


def _spread(values: list) -> str:
    return "  ".join(f"{value:8.2f}" for value in np.percentile(values, (5, 50, 95)))


def _level(x: Signal) -> Signal:
    spoken = trim_silence(x, MODEL_RATE)
    return (x * (0.1 / np.sqrt(np.mean(spoken**2) + 1e-12))).astype(np.float32)


def _silence(seconds: float) -> Signal:
    return np.zeros(round(seconds * MODEL_RATE), np.float32)


def _with_noise(x: Signal, ratio_db: float, rng: np.random.Generator) -> Signal:
    spoken = trim_silence(x, MODEL_RATE)
    noise = rng.standard_normal(len(x)) * np.sqrt(np.mean(spoken**2)) * 10 ** (-ratio_db / 20)
    return (x + noise).astype(np.float32)


def _in_room(x: Signal, seconds: float, rng: np.random.Generator) -> Signal:
    return fftconvolve(x, room(seconds, rng))[: len(x)].astype(np.float32)


def _hum(count: int, level: float) -> Signal:
    t = np.arange(count) / MODEL_RATE
    return (level * sum(np.sin(2 * np.pi * 50 * k * t) / k for k in (1, 2, 3, 5))).astype(np.float32)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
