"""`menura bench --rvc`: what an RVC voice of full size costs here, stage by stage, and the block that allows.

Weights are random: what is computed is noise, but it takes as long.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from inference.bench import Figures, machine
from inference.converter import HOP, MODEL_RATE
from inference.rvc.build import choose, spare_threads, wait_hops
from inference.rvc.config import released_sizes
from inference.rvc.content import ContentEncoder, Program
from inference.rvc.content_files import PRECISIONS, TABLE, ContentWeights, program_name
from inference.rvc.content_install import program_folder, write_weights
from inference.rvc.facts import FLOW_CONTEXT, SPEAKERS, RvcError, RvcFacts, write_facts
from inference.rvc.index import Retrieval
from inference.rvc.model import RvcModel
from inference.rvc.pitch import PitchFollower
from inference.rvc.stream import Plan, RvcStream
from inference.rvc.synthesis import Array, Synthesis, Timbre
from inference.rvc.templates import find_programs, shipped_folder
from inference.sample import bundled_speech
from voices.tuning import Tuning

_VERSION, _RATE = "v2", 40_000
_BLOCK = 20
_BLOCKS_TIMED = 5
_INDEX_VECTORS = 30_000
_STAGES = ("pitch", "content", "index", "prior", "flow", "decoder", "joining")
_SMALL = 0.02


def run_rvc_bench(tell: Callable[[str], None]) -> Figures:
    """Measures a v2 voice at 40 kHz with an index of 30,000 vectors; figures ready for JSON.

    `tell` gets the lines of a table. `load` is time over the length of a block, per stage.
    """
    figures: Figures = {"machine": machine(), "threads": spare_threads(), "precisions": {}}
    tell("  ".join(f"{name} {value}" for name, value in figures["machine"].items()))
    tell(f"RVC v2 at 40 kHz, random weights, {figures['threads']} threads, blocks of {10 * _BLOCK} ms")
    tell(f"{'content model':<16}" + "".join(f"{stage:>10}" for stage in (*_STAGES, "all")))
    with tempfile.TemporaryDirectory(prefix="menura-bench-") as folder:
        place = Path(folder)
        random_voice(place / "voice")
        random_content(place / "content")
        for precision in PRECISIONS:
            synthesis = _synthesis(place, precision)
            loads = measure_stages(synthesis)
            tell(f"{precision:<16}" + "".join(f"{value:10.3f}" for value in loads.values()))
            live = measure_live(synthesis)
            tell(f"{'':<16}  {live['words']}")
            figures["precisions"][precision] = {"load": loads, "live": live}
    return figures


def measure_stages(synthesis: Synthesis, block: int = _BLOCK) -> dict[str, float]:
    """Time of each stage over the length of the speech, in a stream with blocks of `block` frames."""
    spent = dict.fromkeys(_STAGES, 0.0)
    model = _Timed(synthesis.model, {"prior": "prior", "flow": "flow", "decode": "decoder"}, spent)
    content = _Timed(synthesis.content, {"features": "content"}, spent)
    retrieval = _Timed(synthesis.retrieval, {"blend": "index"}, spent)
    stream = RvcStream(Synthesis(model, content, retrieval), Plan(block))
    follower = PitchFollower(0.0)
    speech = bundled_speech(MODEL_RATE)[: (1 + _BLOCKS_TIMED) * block * HOP].reshape(-1, block, HOP)
    whole = 0.0
    for number, x in enumerate(speech):
        begun = time.perf_counter()
        f0 = np.array([follower.step(hop, Tuning()).output_hz for hop in x], np.float32)
        spent["pitch"] += time.perf_counter() - begun
        stream.render(x.reshape(-1), f0, Timbre())
        whole += time.perf_counter() - begun
        if number == 0:  # finds its memory
            spent.update(dict.fromkeys(_STAGES, 0.0))
            whole = 0.0
    spent["joining"] = whole - sum(spent.values())
    length = _BLOCKS_TIMED * block * HOP / MODEL_RATE
    return {**{stage: value / length for stage, value in spent.items()}, "all": whole / length}


def measure_live(synthesis: Synthesis) -> Figures:
    """The block that a call would use here and its delay in ms; or what a call would be told."""
    try:
        stream, longest_s = choose(synthesis)
    except RvcError as error:
        return {"block_ms": None, "words": str(error)}
    block, hop_ms = stream.plan.block, 1e3 * HOP / MODEL_RATE
    parts = {
        "block": hop_ms * (block - 1),
        "compute": hop_ms * wait_hops(longest_s),
        "joining": 1e3 * stream.latency_samples / MODEL_RATE,
    }
    words = " + ".join(f"{name} {value:.0f}" for name, value in parts.items())
    return {
        "block_ms": hop_ms * block,
        "parts_ms": parts,
        "words": f"a call: {words} = {sum(parts.values()):.0f} ms beside the engine's own",
    }


@dataclass
class _Timed:
    """Passes everything on to `inner`; what calls of the methods in `names` take goes to `spent`."""

    inner: Any
    names: dict[str, str]
    spent: dict[str, float] = field(repr=False)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.inner, name)
        stage = self.names.get(name)
        if stage is None:
            return found

        def timed(*arguments: Any) -> Any:
            begun = time.perf_counter()
            result = found(*arguments)
            self.spent[stage] += time.perf_counter() - begun
            return result

        return timed


def random_voice(folder: Path) -> None:
    """A model folder of full size: v2 with pitch at 40 kHz, without an index."""
    folder.mkdir()
    sizes = next(s for s in released_sizes() if (s.content, s.sample_rate, s.pitch) == (768, _RATE, True))
    random = np.random.default_rng(1)
    for program in find_programs(shipped_folder(), sizes):
        shutil.copyfile(program.graph, folder / f"{program.name}.onnx")
        with (folder / f"{program.name}.bin").open("xb") as file:
            for shape in program.weights.values():
                file.write(_noise(random, shape).data)
    np.save(folder / SPEAKERS, _noise(random, (1, sizes.conditioning)))
    facts = RvcFacts(
        name="Bench",
        version=_VERSION,
        sample_rate=_RATE,
        hop=sizes.hop,
        content_channels=sizes.content,
        has_pitch=True,
        speakers=1,
        latent_channels=sizes.latent,
        flow_context=FLOW_CONTEXT,
        sha256="0" * 64,
    )
    write_facts(folder, facts, sizes)


def random_content(folder: Path) -> None:
    """A content model of full size."""
    folder.mkdir()
    programs = program_folder()
    for precision in PRECISIONS:
        name = program_name(_VERSION, precision)
        shutil.copyfile(programs / name, folder / name)
    table = json.loads((programs / TABLE).read_text(encoding="utf-8"))
    shapes = {entry["parameter"]: tuple(entry["shape"]) for entry in table["tensors"].values()}
    random = np.random.default_rng(2)
    weights = ContentWeights("random", True, lambda name: _noise(random, shapes[name]))
    write_weights(folder, table, weights)


def _synthesis(folder: Path, precision: str) -> Synthesis:
    threads = spare_threads()
    program = Program(program_name(_VERSION, precision))
    content = ContentEncoder(folder / "content", {_VERSION: program}, threads)
    model = RvcModel.load(folder / "voice", threads)
    vectors = np.random.default_rng(3).standard_normal((_INDEX_VECTORS, model.facts.content_channels))
    return Synthesis(model, content, Retrieval(vectors.astype(np.float32)))


def _noise(random: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return _SMALL * random.standard_normal(shape, np.float32)
