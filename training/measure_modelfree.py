"""Measures the model-free converter on real speech and prints a table (docs/model-free.md quotes it).

For every setting: word error of Whisper-tiny between the conversion and its own reading of the source,
DNSMOS overall of the conversion, error of the pitch shift in semitones, RMS difference in dB. Before
that: gross pitch and voicing errors of the live F0 tracker against SwiftF0, and time per hop.

    python -m training.measure_modelfree CACHE [--clips 24] [--judges cache/judges] [--only NAME,...]

CACHE is what `python -m training.corpus` wrote.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from inference.convert import convert_array
from inference.converter import HOP, MODEL_RATE
from inference.f0 import F0Tracker
from inference.modelfree.converter import ModelFreeConverter
from inference.networks.speaker import resample_to_16k
from training.corpus import Clip, Corpus
from training.judges import Judges, Verdict, follow, word_error
from voices.builtin import builtin_voices
from voices.tuning import Tuning
from voices.voice import Recipe, Voice, VoiceKind

Samples = NDArray[np.float32]

ENGLISH = ("libri_clean100", "vctk_demo", "kathleen_en", "barista_en")
TRACKED = (*ENGLISH, "flemishguy_nl", "joe", "kokoro", "libritts_demo")

SETTINGS: dict[str, Recipe] = {
    "unchanged": Recipe(),
    "+5": Recipe(5.0),
    "-5": Recipe(-5.0),
    "+5 formants +3": Recipe(5.0, 3.0),
    "-5 formants -3": Recipe(-5.0, -3.0),
    "+12": Recipe(12.0),
    "-12": Recipe(-12.0),
    **{voice.id: voice.recipe for voice in builtin_voices() if voice.kind is VoiceKind.MODEL_FREE},
}


def choose(corpus: Corpus, sources: tuple[str, ...], count: int) -> list[Clip]:
    """The same `count` clips of 3 to 14 s every time, sources and speakers in turn."""
    queues: list[list[Clip]] = []
    for source in sources:
        rows = [r for r in corpus.select(source=source) if 3 * MODEL_RATE < r.length < 14 * MODEL_RATE]
        random.Random(source).shuffle(rows)
        queues.append(rows)
    turns = [row for turn in zip(*queues, strict=False) for row in turn]
    return turns[:count]


def hops(x: Samples) -> Iterator[Samples]:
    """The whole hops of `x`."""
    yield from x[: x.size // HOP * HOP].reshape(-1, HOP)


def tracker_errors(corpus: Corpus, clips: list[Clip]) -> str:
    """Gross pitch, missed and false voicing of the live tracker against SwiftF0, one line."""
    from swift_f0 import SwiftF0

    judge = SwiftF0()
    gross = voiced = missed = unvoiced = false = both = 0
    for clip in clips:
        x = corpus.audio(clip)
        wide = resample_to_16k(torch.from_numpy(x)[None])[0].numpy()
        truth = judge.detect(wide, 16_000)
        tracker = F0Tracker()
        f0 = np.array([tracker.step(hop)[0] for hop in hops(x)])
        # The estimate describes the sound 15 ms before the end of its hop.
        moment = (np.arange(f0.size) + 1) * HOP / MODEL_RATE - 0.0155
        sure = np.interp(moment, truth.timestamps, truth.confidence)
        pitch = truth.pitch_hz[np.abs(truth.timestamps[:, None] - moment).argmin(axis=0)]
        is_voiced, is_unvoiced = sure > 0.9, sure < 0.1
        compared = is_voiced & (f0 > 0)
        gross += int((np.abs(f0[compared] / pitch[compared] - 1) > 0.2).sum())
        both += int(compared.sum())
        voiced, missed = voiced + int(is_voiced.sum()), missed + int((is_voiced & (f0 == 0)).sum())
        unvoiced, false = unvoiced + int(is_unvoiced.sum()), false + int((is_unvoiced & (f0 > 0)).sum())
    wrong = (missed + false) / (voiced + unvoiced)
    return (
        f"F0 against SwiftF0, {len(clips)} clips: gross error {gross / both:.2%}, missed voicing "
        f"{missed / voiced:.2%}, false voicing {false / unvoiced:.2%}, voicing error {wrong:.2%}"
    )


def hop_times(x: Samples) -> str:
    """CPU time per hop of converter and tracker, one line."""
    converter = ModelFreeConverter(Recipe(5.0, 3.0))
    converter.warm_up()
    tracker = F0Tracker()
    converting, tracking = [], []
    for hop in hops(x):
        begin = time.thread_time()
        converter.process(hop, Tuning())
        middle = time.thread_time()
        tracker.step(hop)
        converting.append(middle - begin)
        tracking.append(time.thread_time() - middle)
    whole, part = np.array(converting) * 1e3, np.array(tracking) * 1e3
    return (
        f"CPU per hop: converter median {np.median(whole):.2f} ms, p99 {np.percentile(whole, 99):.2f} ms; "
        f"of it F0 median {np.median(part):.2f} ms"
    )


def row(name: str, recipe: Recipe, speech: list[tuple[Samples, Verdict]], judges: Judges) -> str:
    """One line of the table."""
    voice = Voice(name, name, "", VoiceKind.MODEL_FREE, recipe)
    wrong = words = 0
    quality, level, shift = [], [], []
    for x, source in speech:
        y = convert_array(x, MODEL_RATE, voice)
        verdict = judges.judge(y)
        errors, count = word_error(source.words, verdict.words)
        wrong, words = wrong + errors, words + count
        quality.append(verdict.mos_overall)
        level.append(20 * np.log10(y.std() / x.std()))
        shift.append(12 * follow(source, verdict).shift_octaves)
    pitch = "" if recipe.whisper or recipe.fixed_pitch_hz else f"{np.median(shift):+.2f}"
    return (
        f"| {name} | {wrong / words:.1%} ({wrong}/{words}) | {np.mean(quality):.2f} | {pitch} "
        f"| {min(level):+.1f} ... {max(level):+.1f} |"
    )


def main() -> None:
    """Prints the measurements."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cache", type=Path)
    parser.add_argument("--clips", type=int, default=24)
    parser.add_argument("--judges", type=Path, default=Path("cache/judges"))
    parser.add_argument("--only", default=",".join(SETTINGS))
    options = parser.parse_args()
    corpus = Corpus.open(options.cache)
    clips = choose(corpus, ENGLISH, options.clips)
    print(hop_times(np.concatenate([corpus.audio(clip) for clip in clips[:4]])))
    print(tracker_errors(corpus, choose(corpus, TRACKED, 2 * options.clips)))
    judges = Judges(options.judges)
    speech = [(x, judges.judge(x)) for x in map(corpus.audio, clips)]
    speakers = len({clip.speaker or clip.source for clip in clips})
    print(f"\n{len(clips)} clips of at least {speakers} speakers; source DNSMOS overall ", end="")
    print(f"{np.mean([verdict.mos_overall for _, verdict in speech]):.2f}\n")
    print("| setting | word error | DNSMOS overall | pitch moved by, semitones | level, dB |")
    print("|---|---|---|---|---|")
    for name, recipe in SETTINGS.items():
        if name in options.only.split(","):
            print(row(name, recipe, speech, judges), flush=True)


if __name__ == "__main__":
    main()
