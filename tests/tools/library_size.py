"""How long a large library takes to open and how much memory it needs.

    python -m tests.tools.library_size [--voices 500] [--json FILE]

Writes the voices (each with a picture and a 30 s clip at 48 kHz) into a temporary folder, then opens it
in fresh processes: everything imported before the clock starts, files in the system's cache.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from inference.sample import bundled_speech
from voices.archive import SUFFIX, Clip, Consent, VoiceArchive, write_archive
from voices.builtin import builtin_picture
from voices.builtin_neural import builtin_neural_voices

_PROBE = """
import json, os, sys, time
import psutil
from voices.library import Library
memory = psutil.Process().memory_info
Library.open(sys.argv[1] + "-empty")
before, start, busy = memory().rss, time.perf_counter(), time.process_time()
library = Library.open(sys.argv[1])
opened, busy, after = time.perf_counter() - start, time.process_time() - busy, memory().rss
start = time.perf_counter()
library.refresh()
looked = time.perf_counter() - start
own = [voice for voice in library.voices() if not voice.builtin]
start = time.perf_counter()
library.picture(own[0].id)
picture = time.perf_counter() - start
start = time.perf_counter()
library.rename(own[0].id, own[0].name + " again")
renamed = time.perf_counter() - start
print(json.dumps({
    "voices": len(own), "open_ms": 1000 * opened, "open_cpu_ms": 1000 * busy,
    "memory_mb": (after - before) / 2**20,
    "refresh_ms": 1000 * looked, "picture_ms": 1000 * picture, "rename_ms": 1000 * renamed,
}))
"""


def fill(folder: Path, count: int) -> None:
    """Writes `count` voices like those that users enrol: random embeddings, a picture, a 30 s clip."""
    rng = np.random.default_rng(1)
    base = builtin_neural_voices()[0]
    clip = Clip.from_samples(np.tile(bundled_speech(48_000), 5), 48_000, "read aloud")
    consent = Consent("Ada Nowak", "2026-11-22", "recorded at home", "I agree.")
    for number in range(count):
        vector = rng.normal(size=256)
        voice = replace(
            base,
            id=f"voice-{number}",
            name=f"Voice {number}",
            embedding=tuple(vector / np.linalg.norm(vector)),
            builtin=False,
        )
        archive = VoiceArchive(voice, consent, (clip,), builtin_picture(base.id))
        write_archive(folder / f"{voice.id}{SUFFIX}", archive)


def measure(folder: Path, runs: int) -> dict[str, float]:
    """Medians over fresh processes."""
    results = []
    for _ in range(runs):
        done = subprocess.run([sys.executable, "-c", _PROBE, str(folder)], capture_output=True, check=True)
        results.append(json.loads(done.stdout))
    return {key: round(statistics.median(result[key] for result in results), 2) for key in results[0]}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--voices", type=int, default=500)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="menura-library-"))
    try:
        fill(folder, arguments.voices)
        size = sum(path.stat().st_size for path in folder.iterdir()) / 2**20
        first = measure(folder, 1)["open_ms"]
        found = {
            **measure(folder, arguments.runs),
            "open_without_index_ms": first,
            "folder_mb": round(size, 1),
        }
    finally:
        shutil.rmtree(folder)
        shutil.rmtree(f"{folder}-empty", ignore_errors=True)
    for key, value in found.items():
        print(f"{key:<12} {value}")
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
