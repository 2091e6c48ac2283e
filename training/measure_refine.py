"""Measures what refining does for voices no network was trained on, and writes the curve.

    python -m training.measure_refine [--seconds 120] [--count 8] [--steps 160] [--at 20 80] [SOURCE...]

Each speaker's clips are parted: two thirds to enrol and refine from, one third to measure against. Unseen
sources (`training.pairs`) are converted through the path of `menura convert` without refinement, after
each number of steps `--at`, and with what the job would keep. GE2E takes part in the tuning, the second
encoder does not; words are Whisper's, against its reading of the source.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from inference.convert import convert_array
from inference.enrolment import enroll, make_voice
from inference.refine.material import Material, gather
from inference.refine.networks import load_frozen
from inference.refine.tuner import Settings, Tuner
from training.corpus import RATE, Corpus
from training.judges import Judges, Verdict, unit, word_error
from training.pairs import Source, sources
from voices.refinement import Refinement
from voices.voice import Voice

SPEAKERS = ("ast_it_IT_m_Carlo", "ast_fr_CA_f_June")

_PAUSE_S, _RECORDING_S = 0.5, 200.0
_JUDGED = 6

Samples = NDArray[np.float32]


def parted(corpus: Corpus, source: str) -> tuple[list[Samples], list[Samples]]:
    """Clips of a speaker to refine from, and longer ones to measure against."""
    rows = sorted(
        (row for row in corpus.rows if row.source == source and row.length > RATE), key=lambda r: r.id
    )
    held = [row for row in rows[::3] if row.length > 3 * RATE][:_JUDGED]
    own = [row for row in rows if row not in rows[::3]]
    return [corpus.audio(row) for row in own], [corpus.audio(row) for row in held]


def joined(clips: list[Samples]) -> list[tuple[Samples, int]]:
    """Clips as recordings of a few minutes with pauses between, as somebody reads them."""
    recordings: list[list[Samples]] = [[]]
    pause = np.zeros(round(_PAUSE_S * RATE), np.float32)
    for clip in clips:
        if sum(map(len, recordings[-1])) > _RECORDING_S * RATE:
            recordings.append([])
        recordings[-1] += [clip, pause]
    return [(np.concatenate(parts), RATE) for parts in recordings]


def chosen(corpus: Corpus, source: str, count: int) -> list[Source]:
    """Unseen utterances of other people, spread over the kinds."""
    found = [one for one in sources(corpus) if one.clip.source != source]
    return found[:: max(1, len(found) // count)][:count]


class Listener:
    """Judges conversions to one speaker by the speaker's held-out clips."""

    def __init__(self, judges: Judges, corpus: Corpus, pairs: list[Source], held: list[Samples]) -> None:
        self._judges, self._corpus, self._pairs = judges, corpus, pairs
        verdicts = [judges.judge(x) for x in held]
        self._ge2e, self._second = unit([v.ge2e for v in verdicts]), unit([v.second for v in verdicts])
        self._sources = [judges.judge(corpus.audio(pair.clip)) for pair in pairs]
        self.same = self._alike([_without(verdicts, i) for i in range(len(verdicts))], verdicts)
        self.stranger = self._alike([(self._ge2e, self._second)] * len(pairs), self._sources)

    def _alike(self, references: list[tuple[Samples, Samples]], found: list[Verdict]) -> tuple[float, float]:
        pairs = list(zip(references, found, strict=True))
        ge2e = float(np.mean([v.ge2e @ ge2e for (ge2e, _), v in pairs]))
        return ge2e, float(np.mean([v.second @ second for (_, second), v in pairs]))

    def measure(self, voice: Voice) -> dict[str, float]:
        """Cosines and their place between stranger (0) and the speaker (1), word error, opinion score."""
        said = [
            self._judges.judge(convert_array(self._corpus.audio(pair.clip), RATE, voice))
            for pair in self._pairs
        ]
        cosines = self._alike([(self._ge2e, self._second)] * len(said), said)
        marks = zip(cosines, self.stranger, self.same, strict=True)
        ge2e, second = ((cosine - low) / (high - low) for cosine, low, high in marks)
        words = [word_error(a.words, b.words) for a, b in zip(self._sources, said, strict=True)]
        return {
            "cosine_ge2e": cosines[0],
            "cosine_second": cosines[1],
            "ge2e": ge2e,
            "second": second,
            "word_error": sum(e for e, _ in words) / max(1, sum(n for _, n in words)),
            "mos": float(np.mean([v.mos_overall for v in said])),
        }


def _without(verdicts: list[Verdict], index: int) -> tuple[Samples, Samples]:
    others = [v for i, v in enumerate(verdicts) if i != index]
    return unit([v.ge2e for v in others]), unit([v.second for v in others])


def refined(voice: Voice, tuner: Tuner, base: str) -> Voice:
    """The voice with the best change so far."""
    return replace(voice, refinement=Refinement(base, Refinement.pack(tuner.change.tolist())))


def curve(
    voice: Voice, material: Material, listener: Listener, at: list[int], steps: int
) -> list[dict[str, float]]:
    """Figures without refinement, after `at` steps, and with what is kept; `seconds` of tuning so far."""
    frozen = load_frozen()
    tuner = Tuner(frozen, voice.embedding, Settings(steps=steps))
    begun = time.monotonic()
    for _ in tuner.listen(material):
        pass
    tuner.score()
    points = [{"step": 0, "seconds": 0.0, "distance": tuner.first, **listener.measure(voice)}]
    spent = time.monotonic() - begun
    points[0]["listening_s"] = spent
    tuned = 0.0
    while not tuner.done:
        begun = time.monotonic()
        tuner.step()
        tuned += time.monotonic() - begun
        if tuner.at in at or tuner.done:
            figures = listener.measure(refined(voice, tuner, frozen.base))
            points.append({"step": tuner.at, "seconds": tuned, "distance": tuner.best, **figures})
            print(points[-1], flush=True)
    return points


def table(found: dict[str, list[dict[str, float]]]) -> str:
    """The figures as a page shows them."""
    lines = [
        "| voice | steps | distance | GE2E | second encoder | word error | DNSMOS |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, points in found.items():
        for p in points:
            alike = [f"{p[key]:.2f} ({p[f'cosine_{key}']:.3f})" for key in ("ge2e", "second")]
            figures = [f"{p['step']:.0f}", f"{p['distance']:.3f}", *alike, f"{p['word_error']:.3f}"]
            lines.append("| " + " | ".join([name, *figures, f"{p['mos']:.2f}"]) + " |")
    return "\n".join(lines)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("speakers", nargs="*", default=SPEAKERS, help="sources of the corpus")
    parser.add_argument("--corpus", default="cache/corpus")
    parser.add_argument("--judges", type=Path, default=Path("cache/judges"))
    parser.add_argument("--out", type=Path, default=Path("docs/refine.json"))
    parser.add_argument("--count", type=int, default=14, help="utterances to convert")
    parser.add_argument("--seconds", type=float, default=240.0, help="of recordings to refine from")
    parser.add_argument("--steps", type=int, default=Settings.steps)
    parser.add_argument(
        "--at", type=int, nargs="*", default=[20, 80], help="steps after which to measure too"
    )
    args = parser.parse_args()
    torch.set_flush_denormal(True)
    corpus, judges = Corpus.open(args.corpus), Judges(args.judges)
    found = json.loads(args.out.read_text()) if args.out.exists() else {}
    for source in args.speakers:
        own, held = parted(corpus, source)
        own = own[: int(np.searchsorted(np.cumsum([len(x) for x in own]), args.seconds * RATE)) + 1]
        recordings = joined(own)
        voice = make_voice(enroll(recordings, trusted=True), source, source)
        material = gather(recordings, voice)
        listener = Listener(judges, corpus, chosen(corpus, source, args.count), held)
        found[source] = curve(voice, material, listener, args.at, args.steps)
        args.out.write_text(json.dumps(found, indent=1) + "\n")
    print(table(found))


if __name__ == "__main__":
    main()
