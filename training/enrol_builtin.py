"""Enrols the built-in neural voices from the corpus: openly licensed recordings and synthetic speakers.

    python -m training.enrol_builtin [--corpus cache/corpus]      # -> assets/voices/enrolled.json

Chosen far apart: greedily, each the candidate whose nearest chosen voice is farthest by GE2E cosine
and pitch, among the CC0 speakers and the synthetic speakers of kokoro.
"""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import asdict
from pathlib import Path

from inference.enrolment import enroll, make_voice
from training.corpus import RATE, Clip, Corpus
from voices.voice import Voice

OUT = Path(__file__).parents[1] / "assets" / "voices" / "enrolled.json"

_ENOUGH_S = 18.0

_SYNTHETIC = "Synthetic speaker: a mixture of Kokoro-82M styles, nobody's voice"

_CAST: tuple[tuple[str, str, str, str, str, str, str], ...] = (
    # corpus source and speaker, id, name, description, where from, colour
    ("kathleen_en", "", "marlow", "Marlow", "A calm woman's voice of middle pitch.", "kathleen", "#d98e73"),
    ("flemishguy_nl", "", "anton", "Anton", "A light man's voice, quick and clear.", "flemishguy", "#5b8c9e"),
    ("kerstin_de", "", "greta", "Greta", "A woman's voice, composed and close.", "kerstin", "#b07aa1"),
    ("kokoro", "kok004", "bruno", "Bruno", "A deep man's voice.", "", "#4e6e58"),
    ("kokoro", "kok118", "felix", "Felix", "A man's voice, low and bright.", "", "#c2a83e"),
    ("kokoro", "kok154", "tomas", "Tomas", "A man's voice of middle pitch.", "", "#7d8cc4"),
    ("kokoro", "kok034", "nora", "Nora", "A bright woman's voice.", "", "#e07a5f"),
    ("kokoro", "kok129", "pia", "Pia", "A high, light voice.", "", "#f4a6c0"),
)


def builtin_voices(corpus: Corpus) -> list[Voice]:
    """The cast, enrolled from about 18 s each."""
    return [_enrol(corpus, *entry) for entry in _CAST]


def _enrol(
    corpus: Corpus, source: str, speaker: str, id_: str, name: str, about: str, dataset: str, colour: str
) -> Voice:
    rows = [row for row in corpus.select("train", source) if not speaker or row.speaker == speaker]
    clips = _first(rows)
    origin = f"Recordings of rhasspy/dataset-voice-{dataset}, given to the public" if dataset else _SYNTHETIC
    found = enroll([(corpus.audio(row), RATE) for row in clips])
    voice = make_voice(found, id_, name, about, source=origin, licence=clips[0].license)
    rounded = tuple(round(value, 5) for value in voice.embedding)
    look = {
        "embedding": rounded,
        "f0_median_hz": round(voice.f0_median_hz, 1),
        "colour": colour,
        "builtin": True,
    }
    return Voice(**{**vars(voice), **look})


def _first(rows: list[Clip]) -> list[Clip]:
    chosen: list[Clip] = []
    for row in rows:
        if sum(clip.length for clip in chosen) < _ENOUGH_S * RATE:
            chosen.append(row)
    return chosen


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", default="cache/corpus")
    corpus = Corpus.open(parser.parse_args().corpus)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    entries = [{k: v for k, v in asdict(voice).items() if k != "recipe"} for voice in builtin_voices(corpus)]
    temporary = OUT.with_suffix(".tmp")
    temporary.write_text("[\n" + ",\n".join(json.dumps(entry) for entry in entries) + "\n]\n")
    os.replace(temporary, OUT)
    for entry in entries:
        print(entry["id"], entry["f0_median_hz"], entry["licence"], entry["source"])


if __name__ == "__main__":
    main()
