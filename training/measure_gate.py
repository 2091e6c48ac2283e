"""Measures the gates of the chain on noise and on noisy speech; docs/audio-path.md quotes the tables.

First, noise alone at -45 dBFS: how often a minute, and for how many seconds of it, the converted voice is
above -60 dBFS with gates off and on. Then word error of Whisper-tiny on converted speech, clean and with
noise 15 dB below it, against its own reading of the untouched speech.

    python -m training.measure_gate CACHE [--clips 8] [--seconds 60] [--voice deep] [--suppression 0]

CACHE is what `python -m training.corpus` wrote.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audio.gate import OFF_DB
from audio.levels import db_to_gain
from inference.convert import convert_array
from inference.converter import HOP, MODEL_RATE
from inference.engine.messages import EngineParams
from training.corpus import Corpus
from training.judges import Judges, word_error
from training.measure_modelfree import ENGLISH, choose
from voices.builtin import find_voice
from voices.voice import Voice

Samples = NDArray[np.float32]

NOISE_DB = -45.0
AUDIBLE_DB = -60.0
SNR_DB = 15.0
_SETTLING_S = 2.0
"""What the gate needs to know a noise that begins with the stream; not counted."""


def noises(count: int) -> dict[str, Samples]:
    """Noise of every kind, RMS 1: (count,) each at `MODEL_RATE`."""
    rng = np.random.default_rng(6)
    time = np.arange(count) / MODEL_RATE
    fan = _coloured(rng, count, 1.5) * (1 + 0.15 * np.sin(2 * np.pi * 0.7 * time))
    fan += sum(a * np.sin(2 * np.pi * 118 * k * time + k) for k, a in ((1, 0.5), (2, 0.3), (3, 0.15)))
    hum = sum(np.sin(2 * np.pi * 50 * k * time + k) / k for k in (1, 2, 3, 5, 7, 9))
    room = 0.03 * _coloured(rng, count, 1.0)
    made = {
        "white": _coloured(rng, count, 0.0),
        "pink": _coloured(rng, count, 1.0),
        "brown": _coloured(rng, count, 2.0),
        "fan": fan,
        "mains hum": hum + room,
        "keyboard": _strokes(rng, count) + room,
    }
    return {name: (x / x.std()).astype(np.float32) for name, x in made.items()}


def _coloured(rng: np.random.Generator, count: int, slope: float) -> NDArray[np.float64]:
    """Noise whose power falls with frequency to the power of `slope` above 20 Hz; RMS 1."""
    spectrum = np.fft.rfft(rng.standard_normal(count))
    hz = np.maximum(np.arange(len(spectrum)) * MODEL_RATE / count, 20.0)
    x = np.fft.irfft(spectrum / hz ** (slope / 2), count)
    return x / x.std()


def _strokes(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    """A fast typist: bursts that decay in 2 to 6 ms, a key's way up half as loud as its way down."""
    x = np.zeros(count)
    length, place = round(0.03 * MODEL_RATE), 0
    while place + 0.2 * MODEL_RATE < count:
        for later, level in ((0, 1.0), (round(rng.uniform(0.06, 0.11) * MODEL_RATE), 0.5)):
            decay = np.exp(-np.arange(length) / (MODEL_RATE * rng.uniform(0.002, 0.006)))
            burst = level * rng.uniform(0.5, 1.0) * decay * rng.standard_normal(length)
            x[place + later : place + later + length] += burst
        place += round(rng.uniform(0.08, 0.35) * MODEL_RATE)
    return x


def activity(y: Samples) -> tuple[float, float]:
    """Per minute: how often `y` becomes audible, and for how many seconds it is."""
    hops = y[round(_SETTLING_S * MODEL_RATE) :]
    hops = hops[: len(hops) // HOP * HOP].reshape(-1, HOP)
    audible = (hops**2).mean(axis=1) > db_to_gain(AUDIBLE_DB) ** 2
    begins = int(np.sum(audible[1:] & ~audible[:-1])) + int(audible[0])
    return begins * 6000 / len(audible), 60 * float(audible.mean())


def noise_table(voice: Voice, seconds: float, suppression: float) -> None:
    """Prints false activity for each noise."""
    print("| noise alone | onsets a minute, off | on | audible seconds a minute, off | on |")
    print("|---|---|---|---|---|")
    for name, x in noises(round(seconds * MODEL_RATE)).items():
        cells = [_converted(x * db_to_gain(NOISE_DB), voice, gate, suppression) for gate in (False, True)]
        (off, off_s), (on, on_s) = (activity(y) for y in cells)
        print(f"| {name} | {off:.0f} | {on:.0f} | {off_s:.1f} | {on_s:.1f} |", flush=True)


def word_table(voice: Voice, speech: list[Samples], judges: Judges, suppression: float) -> None:
    """Prints word errors, clean and with noise."""
    reference = [judges.words(x) for x in speech]
    longest = max(len(x) for x in speech)
    dirt = noises(longest)
    print("| speech | word error, gates off | on |")
    print("|---|---|---|")
    for name in ("clean", "pink", "fan", "keyboard"):
        cells = []
        for gate in (False, True):
            wrong = words = 0
            for x, wanted in zip(speech, reference, strict=True):
                level = 0.0 if name == "clean" else float(x.std()) * db_to_gain(-SNR_DB)
                noisy = x + level * dirt[name if level else "pink"][: len(x)]
                heard = judges.words(_converted(noisy, voice, gate, suppression))
                errors, count = word_error(wanted, heard)
                wrong, words = wrong + errors, words + count
            cells.append(f"{wrong / words:.1%} ({wrong}/{words})")
        print(f"| {name} | {cells[0]} | {cells[1]} |", flush=True)


def _converted(x: Samples, voice: Voice, gate: bool, suppression: float) -> Samples:
    gate_db = EngineParams().gate_db if gate else OFF_DB
    return convert_array(
        x.astype(np.float32), MODEL_RATE, voice, noise_suppression=suppression, gate_db=gate_db
    )


def main() -> None:
    """Prints both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cache", type=Path)
    parser.add_argument("--clips", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--voice", default="deep")
    parser.add_argument("--suppression", type=float, default=0.0)
    parser.add_argument("--judges", type=Path, default=Path("cache/judges"))
    options = parser.parse_args()
    voice = find_voice(options.voice)
    noise_table(voice, options.seconds, options.suppression)
    corpus = Corpus.open(options.cache)
    speech = [corpus.audio(clip) for clip in choose(corpus, ENGLISH, options.clips)]
    print()
    word_table(voice, speech, Judges(options.judges), options.suppression)


if __name__ == "__main__":
    main()
