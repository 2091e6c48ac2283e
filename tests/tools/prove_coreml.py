"""By hand: how close the Core ML programs come to torch, per precision and over minutes of speech.

    menura export --format coreml FOLDER
    python -m tests.tools.prove_coreml FOLDER [--drift FILE... --minutes 10] [--program FILE] [--json OUT]

Every program is executed op by op (tests/coreml/evaluator.py) on the fixture: 3 s of the bundled speech. With
--drift one program and ONNX Runtime also speak minutes of other speech, and each minute's SNR is told.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from audio.files import read_mono
from audio.resample import resample_offline
from inference.converter import HOP, MODEL_RATE
from inference.coreml.certify import Candidate, try_candidate
from inference.coreml.fixture import Fixture, fixture_style, snr_db, spoken_hops
from inference.coreml.package import FIXTURE, Package, ProgramFile, read_package
from inference.coreml.runtime import CoreMLRuntime, Part
from inference.neural.converter import frequency_warp
from inference.neural.models import load_networks
from inference.neural.runtime import Runtime
from inference.neural.torch_runtime import load_torch
from tests.coreml.evaluator import Program, read

_MINUTE = 60 * MODEL_RATE // HOP


def opened(package: Package, program: ProgramFile) -> tuple[CoreMLRuntime, Program]:
    """A program under the evaluator as a runtime."""
    executed = read(package.folder / program.file)
    part = Part(executed, program.output, program.fed_back)
    pitch = part if program.network == "pitch" else None
    return CoreMLRuntime(load_networks(), part, pitch, "evaluator"), executed


def parity(package: Package) -> Iterator[dict[str, Any]]:
    """One row per program and for ONNX Runtime: SNR against torch on the fixture, ops, size."""
    fixture = Fixture.load(package.folder / FIXTURE)
    for network in ("hop", "pitch"):
        row = try_candidate(Candidate(network, "onnx", "cpu", load_networks), fixture, 1)
        yield {"program": "ONNX Runtime", "network": network, "snr_db": row.snr_db}
    for program in package.programs:
        runtime, executed = opened(package, program)
        candidate = Candidate(program.network, program.file, "evaluator", partial(_same, runtime))
        row = try_candidate(candidate, fixture, 1)
        size = sum(
            path.stat().st_size for path in (package.folder / program.file).rglob("*") if path.is_file()
        )
        facts = {"program": program.file, "network": program.network, "snr_db": row.snr_db}
        yield facts | {"reason": row.reason, "mb": size / 1e6, "ops": executed.ops}


def _same(runtime: Runtime) -> Runtime:
    return runtime


def drift(runtimes: dict[str, Runtime], heard: np.ndarray) -> Iterator[dict[str, float]]:
    """SNR in dB of each minute of each runtime against torch, without a reset; tells (name -> dB)."""
    reference = load_torch(device="cpu")
    style, warp = fixture_style(reference), frequency_warp(0.0)
    streams = {name: runtime.stream() for name, runtime in runtimes.items()}
    spoken: dict[str, list[np.ndarray]] = {"torch": [], **{name: [] for name in streams}}
    for hop in spoken_hops(reference, heard, style):
        spoken["torch"].append(hop.spoken)
        for name, stream in streams.items():
            stream.listen(hop.audio[None])
            spoken[name].append(
                stream.speak(hop.prosody[None, None], hop.source[None], style, warp)[0].copy()
            )
        if len(spoken["torch"]) == _MINUTE:
            minute = {name: np.stack(hops) for name, hops in spoken.items()}
            yield {name: snr_db(minute["torch"], minute[name]) for name in streams}
            spoken = {name: [] for name in spoken}


def speech(files: list[Path], minutes: float) -> np.ndarray:
    """The files one after the other at 24 kHz: (n,) float32, `minutes` long."""
    parts, wanted, have = [], int(minutes * 60 * MODEL_RATE), 0
    for path in files:
        samples, rate = read_mono(path)
        parts.append(resample_offline(samples, rate, MODEL_RATE))
        have += len(parts[-1])
        if have >= wanted:
            break
    return np.concatenate(parts)[:wanted]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--drift", type=Path, nargs="+", default=[])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--program", default="hop.mlpackage")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    package = read_package(args.folder)
    if package is None:
        parser.error(
            f"{args.folder} has no Core ML programs; run: menura export --format coreml {args.folder}"
        )
    result: dict[str, Any] = {"parity": []}
    for row in parity(package):
        result["parity"].append(row)
        print(json.dumps(row), flush=True)
    if args.drift:
        program = next(p for p in package.programs if p.file == args.program)
        runtimes = {program.file: opened(package, program)[0], "ONNX Runtime": load_networks()}
        result["drift_db"] = []
        for minute in drift(runtimes, speech(args.drift, args.minutes)):
            result["drift_db"].append(minute)
            print(json.dumps({"minute": len(result["drift_db"]), **minute}), flush=True)
    if args.json:
        args.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
