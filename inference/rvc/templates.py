"""The graphs of RVC's programs without weights, which an import fills: shipped for all released sizes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path

from inference.networks.rvc.sizes import RvcSizes

Shapes = dict[str, tuple[int, ...]]

_LIST = "programs.json"
_KEYS = {
    "prior": ("content", "latent", "hidden", "filter", "heads", "layers", "kernel", "pitch"),
    "flow": ("latent", "hidden", "conditioning"),
    "decoder": (
        *("latent", "conditioning", "initial", "rates", "kernels"),
        *("block_kernels", "block_dilations", "pitch"),
    ),
}
"""What of the sizes fixes each program."""


@dataclass(frozen=True)
class Program:
    """One graph: `name` prior, flow or decoder; its file; names and shapes of its weights in their order.

    In a model folder the graph is called NAME.onnx and takes its weights, float32, from NAME.bin.
    """

    name: str
    graph: Path
    weights: Shapes


def sizes_key(name: str, sizes: RvcSizes) -> str:
    """What the graph of the program `name` for a voice of these sizes is called."""
    about = {key: asdict(sizes)[key] for key in _KEYS[name]}
    return f"{name}-{hashlib.sha256(json.dumps(about).encode()).hexdigest()[:12]}"


def shipped_folder() -> Path:
    """Where the graphs of the released sizes lie."""
    return Path(str(resources.files("assets").joinpath("rvc")))


def find_programs(folder: Path, sizes: RvcSizes) -> tuple[Program, ...]:
    """The three programs of a voice of these sizes in a folder of graphs; none unless all are there."""
    try:
        known = json.loads((folder / _LIST).read_text())
    except FileNotFoundError:
        known = {}
    keys = {name: sizes_key(name, sizes) for name in _KEYS}
    if not known.keys() >= set(keys.values()):
        return ()
    return tuple(
        Program(name, folder / f"{key}.onnx", {weight: tuple(shape) for weight, shape in known[key]})
        for name, key in keys.items()
    )


def save_programs(folder: Path, programs: Iterable[Program]) -> None:
    """Adds programs whose graphs lie in `folder` to its list."""
    path = folder / _LIST
    known = json.loads(path.read_text()) if path.exists() else {}
    known |= {program.graph.stem: list(program.weights.items()) for program in programs}
    path.write_text(json.dumps(known, separators=(",", ":"), sort_keys=True) + "\n")
