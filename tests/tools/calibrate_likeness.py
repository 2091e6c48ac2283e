"""Measures the constants of inference/likeness.py on the corpus, and how far its words can be trusted.

    python -m tests.tools.calibrate_likeness [--clips 14] [--cache cache]

Likeness: cosines of 3 s windows of natural recordings with voices enrolled from other clips. Clarity: a
matrix of clean and damaged conversions, judged by Whisper tiny (training/judges.py); prints the word errors
behind each word and by score.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.signal import fftconvolve

from inference.convert import convert_array
from inference.enrolment import EnrolmentError, enroll
from inference.likeness import CLEAR, FAIR, WINDOW_S, cosine, follow
from inference.speech import trim_silence
from training.corpus import RATE, Corpus
from training.judges import Judges, word_error
from training.pairs import known_speakers, sources
from voices.builtin import find_voice
from voices.tuning import Tuning

VOICES = ("marlow", "greta", "bruno", "pia", "deep", "giant", "monster", "whisper", "robot", "child")
TUNED = (("marlow", Tuning(12)), ("bruno", Tuning(-12)), ("giant", Tuning(formant_semitones=-10)))
Samples = NDArray[np.float32]


def windows(x: Samples) -> Iterator[Samples]:
    """Speech of each whole window of a clip."""
    size = round(WINDOW_S * RATE)
    for start in range(0, len(x) - size + 1, size):
        speech = trim_silence(x[start : start + size], RATE)
        if len(speech) > 0.6 * size:
            yield speech


def likeness_marks(corpus: Corpus) -> None:
    """Prints the two cosines."""
    people = []
    for name, reference, others in known_speakers(corpus):
        try:
            found = enroll([(corpus.audio(clip), RATE) for clip in reference])
        except EnrolmentError:
            continue
        people.append((name, found.embedding, [w for c in others for w in windows(corpus.audio(c))]))
    same, stranger = [], []
    for (name, embedding, _), (other, _, heard) in product(people, people):
        (same if name == other else stranger).extend(cosine(x, embedding) for x in heard)
    for title, found in (("same speaker", same), ("stranger", stranger)):
        spread = np.percentile(found, (5, 50, 95)).round(3)
        print(f"{title}: mean {np.mean(found):.3f}, 5/50/95 % {spread}, {len(found)} windows")


def damaged(x: Samples, random: np.random.Generator) -> Iterator[tuple[str, Samples]]:
    """Speech with noise, reverberation and gaps."""
    for snr in (10, 0, -5):
        noise = random.standard_normal(len(x)) * np.sqrt(np.mean(x**2) / 10 ** (snr / 10))
        yield f"noise {snr} dB", (x + noise).astype(np.float32)
    tail = random.standard_normal(round(0.9 * RATE)) * np.exp(-np.arange(round(0.9 * RATE)) / (0.18 * RATE))
    tail[0] = 1.0
    wet = fftconvolve(x, tail)[: len(x)]
    yield "reverberation", (wet * np.sqrt(np.mean(x**2) / np.mean(wet**2))).astype(np.float32)
    open_ = np.repeat(random.random(len(x) // 1200 + 1) > 0.45, 1200)[: len(x)]
    yield "gaps", (x * open_).astype(np.float32)


def versions(x: Samples, turn: int, random: np.random.Generator) -> Iterator[tuple[str, Samples]]:
    """Conversions, every second one in turn, and the damaged speech."""
    wanted = [(name, Tuning()) for name in VOICES] + list(TUNED)
    for name, tuning in wanted[turn % 2 :: 2]:
        yield f"{name} {tuning.pitch_semitones:+g}", convert_array(x, RATE, find_voice(name), tuning)
    yield from damaged(x, random)


def clarity_rows(corpus: Corpus, judges: Judges, clips: int) -> list[tuple[str, float, float]]:
    """What was done, word error, score."""
    random, rows = np.random.default_rng(0), []
    for turn, source in enumerate(sources(corpus)[::2][:clips]):
        x = corpus.audio(source.clip)[: 9 * RATE]
        reference = judges.judge(x).words
        for name, y in versions(x, turn, random):
            errors, count = word_error(reference, judges.judge(y).words)
            score = follow(x, y)
            if count > 2 and score is not None:
                rows.append((name, min(1.0, errors / count), score))
    return rows


def clarity_marks(rows: list[tuple[str, float, float]]) -> None:
    """Prints what the shipped marks are worth, and word errors by score to choose others from."""
    wrong, score = (np.array([row[i] for row in rows]) for i in (1, 2))
    print(f"{len(rows)} recordings, correlation with word error {np.corrcoef(score, wrong)[0, 1]:.2f}")
    for name, low, high in (("clear", CLEAR, 1.1), ("fair", FAIR, CLEAR), ("unclear", -1.1, FAIR)):
        _print_errors(f"'{name}'", wrong[(score >= low) & (score < high)])
    for low in np.arange(0, 1, 0.1):
        _print_errors(f"score {low:.1f} to {low + 0.1:.1f}", wrong[(score >= low) & (score < low + 0.1)])


def _print_errors(title: str, errors: NDArray[np.float64]) -> None:
    if len(errors):
        print(f"  {title}: {len(errors)} recordings, mean word error {errors.mean():.0%}")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--clips", type=int, default=14)
    parser.add_argument("--cache", type=Path, default=Path("cache"))
    args = parser.parse_args()
    corpus = Corpus.open(args.cache / "corpus")
    likeness_marks(corpus)
    clarity_marks(clarity_rows(corpus, Judges(args.cache / "judges"), args.clips))


if __name__ == "__main__":
    main()
