"""By hand: how close the Core ML programs come to torch, per precision and over minutes of speech.

    menura export --format coreml FOLDER
    python -m tests.tools.prove_coreml FOLDER [--drift FILE... --minutes 10] [--program FILE] [--json OUT]

Every program is executed op by op (tests/coreml/evaluator.py) on the fixture: 3 s of the bundled speech. With
--drift one program and ONNX Runtime also speak minutes of other speech, and each minute's SNR is told; torch,
the program and ONNX Runtime have a process each. --model names the folder of the networks that the programs
were made of where those are not the shipped ones.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing as mp
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from audio.files import read_mono
from audio.resample import resample_offline
from inference.converter import HOP, MODEL_RATE
from inference.coreml.certify import Candidate, try_candidate
from inference.coreml.fixture import Fixture, fixture_style, snr_db, spoken_hops
from inference.coreml.package import FIXTURE, Package, ProgramFile, model_checksum, read_package
from inference.coreml.runtime import CoreMLRuntime, Part
from inference.neural.converter import frequency_warp
from inference.neural.models import load_networks, model_folder
from inference.neural.runtime import Runtime
from inference.neural.torch_runtime import load_torch
from tests.coreml.evaluator import Program, read

_SECOND = MODEL_RATE // HOP
_MINUTE = 60 * _SECOND
_WAITING = 20
"""Seconds of speech that the reference may be ahead of the slowest."""
_PATIENCE_S = 600.0
"""A process that takes longer for a second of speech has failed."""


def opened(folder: Path, program: ProgramFile, model: Path) -> tuple[CoreMLRuntime, Program]:
    """A program under the evaluator as a runtime."""
    executed = read(folder / program.file)
    part = Part(executed, program.output, program.fed_back)
    pitch = part if program.network == "pitch" else None
    return CoreMLRuntime(load_networks(model), part, pitch, "evaluator"), executed


def parity(package: Package, model: Path) -> Iterator[dict[str, Any]]:
    """One row per program and for ONNX Runtime: SNR against torch on the fixture, ops, size."""
    fixture = Fixture.load(package.folder / FIXTURE)
    for network in ("hop", "pitch"):
        candidate = Candidate(network, "onnx", "cpu", partial(load_networks, model))
        yield {"program": "ONNX Runtime", "network": network, **_tried(candidate, fixture)}
    for program in package.programs:
        runtime, executed = opened(package.folder, program, model)
        candidate = Candidate(program.network, program.file, "evaluator", partial(_same, runtime))
        size = sum(
            path.stat().st_size for path in (package.folder / program.file).rglob("*") if path.is_file()
        )
        row = {"program": program.file, "network": program.network, **_tried(candidate, fixture)}
        yield row | {"mb": size / 1e6, "ops": executed.ops}


def _tried(candidate: Candidate, fixture: Fixture) -> dict[str, Any]:
    row = try_candidate(candidate, fixture, 1)
    return {"snr_db": row.snr_db, "p50_ms": row.p50_ms, "reason": row.reason}


def _same(runtime: Runtime) -> Runtime:
    return runtime


def drift(folder: Path, program: ProgramFile, model: Path, heard: np.ndarray) -> Iterator[dict[str, float]]:
    """SNR in dB of each minute of the program and of ONNX Runtime against torch, without a reset."""
    context = mp.get_context("spawn")
    asked = {program.file: program, "ONNX Runtime": None}
    hops = {name: context.Queue(_WAITING) for name in asked}
    minutes = {name: context.Queue() for name in asked}
    for name, each in asked.items():
        task = (folder, each, model, hops[name], minutes[name])
        context.Process(target=follow, args=task, daemon=True).start()
    reference = load_torch(model, device="cpu")
    # Silence decays into denormals, which cost torch a hundred times as much as other numbers.
    torch.set_flush_denormal(True)
    said = spoken_hops(reference, heard, fixture_style(reference))
    for count, second in enumerate(iter(lambda: list(islice(said, _SECOND)), []), 1):
        for queue in hops.values():
            queue.put(second, timeout=_PATIENCE_S)
        if count % 60 == 0:
            yield {name: queue.get(timeout=_PATIENCE_S) for name, queue in minutes.items()}


def follow(folder: Path, program: ProgramFile | None, model: Path, hops: Any, minutes: Any) -> None:
    """The process of one runtime: says what the reference said and puts each minute's SNR into `minutes`."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    runtime: Runtime = opened(folder, program, model)[0] if program else load_networks(model)
    stream, warp = runtime.stream(), frequency_warp(0.0)
    wanted: list[np.ndarray] = []
    found: list[np.ndarray] = []
    while True:
        for hop in hops.get():
            stream.listen(hop.audio[None])
            said = stream.speak(hop.prosody[None, None], hop.source[None], hop.style, warp)
            found.append(said[0].copy())
            wanted.append(hop.spoken)
        if runtime.failures:
            raise RuntimeError(f"{program.file if program else runtime.name} failed")
        if len(found) == _MINUTE:
            minutes.put(snr_db(np.stack(wanted), np.stack(found)))
            wanted, found = [], []


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
    parser.add_argument("--model", type=Path, default=model_folder())
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    # A second thread that waits for a core makes a hop ten times as long on a busy machine.
    torch.set_num_threads(1)
    package = read_package(args.folder)
    if package is None:
        parser.error(
            f"{args.folder} has no Core ML programs; run: menura export --format coreml {args.folder}"
        )
    if package.model != model_checksum(args.model):
        parser.error(f"The programs were not made of the networks in {args.model}; name those with --model")
    result: dict[str, Any] = {"model": package.model, "parity": []}
    for row in parity(package, args.model):
        result["parity"].append(row)
        print(json.dumps(row), flush=True)
    if args.drift:
        program = next(p for p in package.programs if p.file == args.program)
        heard = speech(args.drift, args.minutes)
        result["drift_db"] = []
        for minute in drift(args.folder, program, args.model, heard):
            result["drift_db"].append(minute)
            print(json.dumps({"minute": len(result["drift_db"]), **minute}), flush=True)
    if args.json:
        args.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
