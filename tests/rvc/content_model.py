"""A small content model in every layout that people have, for tests."""

from __future__ import annotations

import json
import struct
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from inference.networks.hubert import Hubert, HubertConfig
from inference.rvc.content_files import FLOAT_FILE, source_name
from tests.rvc.hubert_weights import SMALL, random_weights

FIXTURES = Path(__file__).parent / "fixtures"

Weights = dict[str, NDArray[np.float32]]


def shapes_of(config: HubertConfig) -> dict[str, tuple[int, ...]]:
    """Parameters of a Hubert."""
    with torch.device("meta"):
        return {name: tuple(value.shape) for name, value in Hubert(config).state_dict().items()}


def small_weights() -> Weights:
    """Of the small model, under our names."""
    return random_weights(shapes_of(SMALL))


def in_layout(weights: Weights, layout: str, norm: tuple[str, str] = ("_g", "_v")) -> Weights:
    """The weights under the names of a layout, weight norm as gain and direction."""
    renamed = {source_name(name, layout): value for name, value in weights.items()}
    position = source_name("position.weight", layout)
    value = renamed.pop(position)
    stem = position if norm == ("_g", "_v") else position.removesuffix(".weight")
    renamed[stem + norm[0]] = np.sqrt(np.square(value).sum(axis=(0, 1), keepdims=True))
    renamed[stem + norm[1]] = 3.0 * value
    return renamed


def save_torch(path: Path, weights: Weights, **more: Any) -> Path:
    """As torch saves a state dict, in a checkpoint if there is more to it."""
    state = {name: torch.tensor(value) for name, value in weights.items()}
    torch.save({"model": state, **more} if more else state, path)
    return path


def save_safetensors(path: Path, weights: Weights) -> Path:
    """As huggingface.co/docs/safetensors says, in bfloat16 what survives it."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    data = b""
    for name, value in weights.items():
        bits = value.view(np.uint32)
        short = not (bits & 0xFFFF).any()
        raw = (bits >> 16).astype(np.uint16).tobytes() if short else value.tobytes()
        offsets = [len(data), len(data) + len(raw)]
        header[name] = {
            "dtype": "BF16" if short else "F32",
            "shape": list(value.shape),
            "data_offsets": offsets,
        }
        data += raw
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


def table_in_float(programs: Path) -> dict[str, Any]:
    """The table of a folder of programs, of the float weights alone."""
    table: dict[str, Any] = json.loads((programs / "content.json").read_text())
    tensors = {key: entry for key, entry in table["tensors"].items() if entry["file"] == FLOAT_FILE}
    return table | {"tensors": tensors}


def config_of(programs: Path) -> dict[str, Any]:
    """Sizes that a folder of programs was made for."""
    config: dict[str, Any] = json.loads((programs / "content.json").read_text())["config"]
    return config


def as_json(config: HubertConfig) -> dict[str, Any]:
    """Sizes as they are in a table."""
    found: dict[str, Any] = json.loads(json.dumps(asdict(config)))
    return found
