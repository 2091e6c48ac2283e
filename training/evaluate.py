"""Measures the product on speakers it never met, and writes the table.

    python -m training.evaluate [--quick] [--label "what was trained"] [--out docs/evaluation.md] [--run RUN]

Every conversion goes through `inference.convert.convert_array`, the path of `menura convert`. The
matrix is that of training/pairs.py, the judges those of training/judges.py. Beside the page: all
figures as JSON and five spectrogram pictures. `--label` also keeps the summary as a point of the
curve over training. `--run` measures a training run in place of the shipped networks: its checkpoints, packed
or not, are exported to RUN/models; stages it has not come to are taken from training/checkpoints.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference.convert import convert_array
from inference.converter import Converter
from inference.enrolment import enroll, make_voice
from inference.neural.converter import NeuralConverter
from inference.neural.models import load_networks
from inference.registry import make_converter
from training.corpus import RATE, Clip, Corpus
from training.export import export
from training.judges import Judges, Verdict, follow, unit, word_error
from training.pack import SHIPPED, assemble
from training.pairs import Pair, enrolled, known_speakers, matrix, median_hz, sources, targets
from training.picture import write_spectrograms
from training.report import write_report
from voices.voice import Recipe, Voice, VoiceKind

_FORMANT_SHARE = 0.25
_FORMANT_LIMIT = 4.0
_PICTURES = 5
_QUICK_PAIRS = 12
_COPIES = 8
_COPY_S = 4.5

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Baseline:
    """Mean cosine of two recordings of one person, and of two people, for both encoders."""

    ge2e_same: float
    ge2e_stranger: float
    second_same: float
    second_stranger: float

    def ge2e(self, cosine: float) -> float:
        """0 for strangers, 1 for one person."""
        return (cosine - self.ge2e_stranger) / (self.ge2e_same - self.ge2e_stranger)

    def second(self, cosine: float) -> float:
        """0 for strangers, 1 for one person."""
        return (cosine - self.second_stranger) / (self.second_same - self.second_stranger)


@dataclass(frozen=True)
class Outcome:
    """Figures of one recording made of a source for a target.

    `similarity_*` compare it with the target, `leak_*` with the source; both normalised by the
    baselines. `pitch_offset` is the distance of its median F0 from the target's, in semitones.
    """

    system: str
    source: str
    target: str
    word_errors: int
    word_count: int
    ge2e: float
    second: float
    similarity_ge2e: float
    similarity_second: float
    leak_ge2e: float
    leak_second: float
    mos: float
    mos_source: float
    f0_correlation: float
    f0_gross: float
    pitch_offset: float
    words: str


@cache
def _corpus(folder: str) -> Corpus:
    return Corpus.open(folder)


@cache
def _judges(folder: str) -> Judges:
    return Judges(Path(folder))


class Bench:
    """The corpus, the judges and the baselines of one evaluation; cheap to pass to a process."""

    def __init__(self, corpus: str, judges: str, models: str = "") -> None:
        self.corpus_folder, self.judges_folder, self.models_folder = corpus, judges, models

    def make(self, voice: Voice) -> Converter:
        """A converter with the networks to be measured: the shipped ones unless others were named."""
        if not self.models_folder or voice.kind is not VoiceKind.NEURAL:
            return make_converter(voice)
        return NeuralConverter(voice, load_networks(Path(self.models_folder)))

    @property
    def corpus(self) -> Corpus:
        """Opened once a process."""
        return _corpus(self.corpus_folder)

    def verdict(self, x: Samples) -> Verdict:
        """The judges' verdict on x (n,) at 24 kHz."""
        return _judges(self.judges_folder).judge(x)

    def of_clip(self, clip: Clip) -> Verdict:
        """The judges' verdict on a clip of the corpus."""
        return self.verdict(self.corpus.audio(clip))

    def reference(self, clips: tuple[Clip, ...]) -> tuple[Samples, Samples, float]:
        """A speaker's mean embedding by each encoder, unit length, and median F0 in Hz."""
        found = [self.of_clip(clip) for clip in clips]
        f0 = median_hz(
            np.concatenate([verdict.f0 for verdict in found]),
            np.concatenate([verdict.f0_sure for verdict in found]),
        )
        return unit([v.ge2e for v in found]), unit([v.second for v in found]), f0


def baselines(bench: Bench) -> Baseline:
    """Cosines of natural recordings: with the speaker's own reference, and sources with all targets."""
    same = []
    for _, reference, clips in known_speakers(bench.corpus):
        ge2e, second, _ = bench.reference(reference)
        same += [(verdict.ge2e @ ge2e, verdict.second @ second) for verdict in map(bench.of_clip, clips)]
    stranger = []
    for target in targets(bench.corpus):
        ge2e, second, _ = bench.reference(target.judge)
        for source in sources(bench.corpus):
            if source.person != target.person:
                verdict = bench.of_clip(source.clip)
                stranger.append((verdict.ge2e @ ge2e, verdict.second @ second))
    own, others = np.mean(same, axis=0), np.mean(stranger, axis=0)
    return Baseline(float(own[0]), float(others[0]), float(own[1]), float(others[1]))


def neural_voice(bench: Bench, pair: Pair) -> Voice:
    """The enrolled target."""
    return make_voice(enrolled(bench.corpus, pair.target), "target", pair.target.name)


def model_free_voice(bench: Bench, pair: Pair) -> Voice:
    """The pitch of the source's median moved to the target's, formants by a quarter of that."""
    source = bench.of_clip(pair.source.clip)
    wanted, present = bench.reference(pair.target.judge)[2], median_hz(source.f0, source.f0_sure)
    pitch = 12 * float(np.log2(wanted / present)) if wanted and present else 0.0
    formant = float(np.clip(_FORMANT_SHARE * pitch, -_FORMANT_LIMIT, _FORMANT_LIMIT))
    recipe = Recipe(pitch_semitones=pitch, formant_semitones=formant)
    return Voice("target", pair.target.name, "", VoiceKind.MODEL_FREE, recipe)


def converted(bench: Bench, pair: Pair, system: str) -> Samples:
    """The source as the system says it in the target's voice: (n,) at 24 kHz."""
    x = bench.corpus.audio(pair.source.clip)
    if system == "plain copy":
        return x
    if system == "copy synthesis":
        # Repeated, because a short source alone would be refused.
        own = make_voice(enroll([(x, RATE)] * 3, trusted=True), "self", "self")
        return convert_array(x, RATE, own, make=bench.make)
    voice = (model_free_voice if system == "model-free" else neural_voice)(bench, pair)
    return convert_array(x, RATE, voice, make=bench.make, prepared=system != "neural")


def outcome(bench: Bench, base: Baseline, pair: Pair, system: str) -> Outcome:
    """Converts and judges one pair."""
    said = bench.verdict(converted(bench, pair, system))
    source = bench.of_clip(pair.source.clip)
    clips = (pair.source.clip,) if system == "copy synthesis" else pair.target.judge
    ge2e, second, target_hz = bench.reference(clips)
    errors, count = word_error(source.words, said.words)
    melody = follow(source, said)
    to_target = float(said.ge2e @ ge2e), float(said.second @ second)
    to_source = float(said.ge2e @ source.ge2e), float(said.second @ source.second)
    own_hz = median_hz(said.f0, said.f0_sure)
    return Outcome(
        system=system,
        source=pair.source.name,
        target=pair.source.name if system == "copy synthesis" else pair.target.name,
        word_errors=errors,
        word_count=count,
        ge2e=to_target[0],
        second=to_target[1],
        similarity_ge2e=base.ge2e(to_target[0]),
        similarity_second=base.second(to_target[1]),
        leak_ge2e=base.ge2e(to_source[0]),
        leak_second=base.second(to_source[1]),
        mos=said.mos_overall,
        mos_source=source.mos_overall,
        f0_correlation=melody.correlation,
        f0_gross=melody.gross,
        pitch_offset=12 * float(np.log2(own_hz / target_hz)) if own_hz and target_hz else 0.0,
        words=said.words,
    )


def speaks_neural(bench: Bench, pair: Pair) -> str:
    """Empty when this installation has a neural converter, else why not."""
    try:
        bench.make(neural_voice(bench, pair))
    except (ValueError, OSError, RuntimeError) as error:
        return str(error)
    return ""


def plan(pairs: list[Pair], neural: bool) -> list[tuple[Pair, str]]:
    """What to measure: the matrix, copy synthesis of sources long enough to enrol, reference rows."""
    first = {pair.source.name: pair for pair in reversed(pairs)}
    long = [pair for pair in first.values() if pair.source.clip.length > _COPY_S * RATE]
    jobs = [(pair, "plain copy") for pair in pairs]
    jobs += [(pair, "model-free") for pair in pairs[::4]]
    if neural:
        jobs += [(pair, "copy synthesis") for pair in long[:_COPIES]]
        jobs += [(pair, system) for pair in pairs for system in ("neural", "neural, file")]
    return jobs


def pictures(bench: Bench, pairs: list[Pair], system: str, folder: Path) -> list[str]:
    """Spectrograms of source, conversion and target of five pairs; returns the file names."""
    folder.mkdir(parents=True, exist_ok=True)
    names = []
    for pair in pairs[:: max(1, len(pairs) // _PICTURES)][:_PICTURES]:
        rows = [
            bench.corpus.audio(pair.source.clip),
            converted(bench, pair, system),
            bench.corpus.audio(pair.target.judge[0]),
        ]
        name = f"{pair.source.name}-{pair.target.name}.png".replace(" ", "_")
        write_spectrograms(folder / name, rows, RATE)
        names.append(name)
    return names


def run(
    bench: Bench, quick: bool, workers: int, note: Callable[[str], None]
) -> tuple[Baseline, list[Outcome]]:
    """Measures everything; `note` gets a line of progress now and then."""
    pairs = matrix(bench.corpus)
    pairs = pairs[:: len(pairs) // _QUICK_PAIRS][:_QUICK_PAIRS] if quick else pairs
    base = baselines(bench)
    note(f"baselines: {base}")
    why_not = speaks_neural(bench, pairs[0])
    if why_not:
        note(f"no neural rows: {why_not}")
    jobs = [(bench, base, pair, system) for pair, system in plan(pairs, not why_not)]
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        outcomes = pool.starmap(outcome, jobs, chunksize=4)
        pool.close()
        pool.join()
    return base, outcomes


def exported(run: Path, precision: str) -> Path:
    """Networks of a training run, packed or not and maybe unfinished, in RUN/models."""
    whole, models = run / "whole", run / "models"
    assemble(run, SHIPPED, whole)
    export(whole, models, precision, smoke=False)
    return models


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", default="cache/corpus")
    parser.add_argument("--judges", default="cache/judges")
    parser.add_argument("--out", type=Path, default=Path("docs/evaluation.md"))
    parser.add_argument("--quick", action="store_true", help="twelve pairs")
    parser.add_argument("--label", default="", help="keep the summary as a point of the curve")
    parser.add_argument("--run", type=Path, help="a training run to measure in place of what is shipped")
    parser.add_argument("--precision", choices=["int8", "half"], default="int8", help="of the run's networks")
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    started = time.monotonic()
    models = str(exported(args.run, args.precision)) if args.run else ""
    bench = Bench(args.corpus, args.judges, models)
    base, outcomes = run(bench, args.quick, args.workers, print)
    neural = any(result.system == "neural" for result in outcomes)
    folder = args.out.with_suffix("")
    names = pictures(bench, matrix(bench.corpus), "neural" if neural else "model-free", folder)
    figures = {"baseline": asdict(base), "outcomes": [asdict(result) for result in outcomes]}
    write_report(args.out, figures, [f"{folder.name}/{name}" for name in names], args.label, args.quick)
    print(args.out.read_text().split("## ")[1])
    print(f"evaluated in {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
