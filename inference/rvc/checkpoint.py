"""Reading a stranger's RVC checkpoint: no code of it runs, and nothing in it is used unchecked.

`read_checkpoint` reads descriptions alone; a weight is read once its shape is known to be the one that the
voice must have.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.networks.rvc.sizes import RvcSizes
from inference.rvc.config import config_of_training, sizes_of
from inference.rvc.facts import RvcError
from inference.rvc.inert_pickle import Inert, in_short
from inference.rvc.templates import Shapes
from inference.rvc.tensor_file import StoredTensor, TensorFileError, read_saved
from inference.rvc.variants import check_variant, no_voice

_MAX_BYTES = 1 << 30
"""A voice has 55 to 110 MB; what training saves, optimiser and all, has 450."""

_MOST_TEXT = 200
_UNUSED = "enc_q."
"""The posterior encoder, which only training needs."""

_GAIN, _DIRECTION = ".weight_g", ".weight_v"


@dataclass(frozen=True)
class Checkpoint:
    """A voice, its weights still in the file. `shapes` are those with the weight norm folded."""

    path: Path
    sizes: RvcSizes
    shapes: Shapes
    info: str
    f0_median_hz: float
    speaker_names: tuple[str, ...]
    stored: Mapping[str, StoredTensor]

    @property
    def version(self) -> str:
        """'v1' or 'v2', by the width of the content features."""
        return "v1" if self.sizes.content == 256 else "v2"

    def check(self, wanted: Shapes) -> None:
        """Raises RvcError unless the weights have the names and shapes wanted."""
        for key in sorted(wanted.keys() ^ self.shapes.keys()):
            state = "lacks" if key in wanted else "has, as no RVC voice,"
            raise RvcError(
                f"{self.path.name} {state} '{key[:60]}'; it is damaged, or a variant that Menura cannot run."
            )
        for key, shape in wanted.items():
            if self.shapes[key] != shape:
                raise RvcError(
                    f"{self.path.name} is damaged: '{key}' has the shape {self.shapes[key]} "
                    f"where its config says {shape}."
                )

    def weight(self, name: str) -> NDArray[np.float32]:
        """A weight as float32, weight norm (arXiv 1602.07868) multiplied out. Raises RvcError."""
        try:
            if name in self.stored:
                value = self.stored[name].read()
            else:
                plain = name.removesuffix(".weight")
                value = self.stored[plain + _DIRECTION].read()
                gain = self.stored[plain + _GAIN].read()
                norm = np.sqrt(np.square(value).reshape(len(value), -1).sum(1))
                with np.errstate(divide="ignore", invalid="ignore"):
                    value = value * (gain.reshape(-1) / norm).reshape(-1, *[1] * (value.ndim - 1))
        except TensorFileError as error:
            raise RvcError(str(error)) from error
        if not np.isfinite(value).all():
            raise RvcError(
                f"{self.path.name} is damaged: '{name}' holds values that are no numbers; get it again."
            )
        return value


def read_checkpoint(path: Path) -> Checkpoint:
    """Reads a .pth file but for its weights. Raises RvcError."""
    try:
        if path.is_file() and path.stat().st_size > _MAX_BYTES:
            raise RvcError(f"{path.name} is larger than any RVC voice; it was not opened.")
        content = read_saved(path)
    except TensorFileError as error:
        raise RvcError(str(error)) from error
    if not isinstance(content, dict):
        raise no_voice(path.name)
    check_variant(content, path.name)
    raw = "weight" not in content
    stored = _weights(content["model" if raw else "weight"], path.name)
    if not raw and any(isinstance(value, Inert) for value in content.values()):
        raise _foreign_objects(path.name)
    shapes = _folded_shapes(stored, path.name)
    config = config_of_training(shapes, path.name) if raw else content.get("config")
    sizes = sizes_of(config, shapes, path.name)
    shapes = {key: shape for key, shape in shapes.items() if not key.startswith(_UNUSED)}
    return Checkpoint(
        path,
        sizes,
        shapes,
        _text(content.get("info")),
        _median(content.get("f0_median")),
        _speaker_names(content, sizes.speakers),
        stored,
    )


def _weights(found: Any, name: str) -> dict[str, StoredTensor]:
    """The weights under the older names of weight norm. Raises RvcError."""
    if not isinstance(found, dict):
        raise no_voice(name)
    weights: dict[str, StoredTensor] = {}
    for key, value in found.items():
        if isinstance(value, Inert):
            raise _foreign_objects(name)
        if not (isinstance(key, str) and isinstance(value, StoredTensor)):
            raise no_voice(name)
        plain = key.replace(".parametrizations.weight.original0", _GAIN)
        weights[plain.replace(".parametrizations.weight.original1", _DIRECTION)] = value
    return weights


def _folded_shapes(stored: Mapping[str, StoredTensor], name: str) -> Shapes:
    """Shapes by name, gain and direction of a weight as that weight. Raises RvcError."""
    shapes: Shapes = {}
    for key, value in stored.items():
        if key.endswith(_DIRECTION):
            gain = stored.get(key.removesuffix(_DIRECTION) + _GAIN)
            if (
                gain is None
                or not value.shape
                or gain.shape != (value.shape[0], *[1] * (len(value.shape) - 1))
            ):
                raise RvcError(f"{name} is damaged: '{key[:60]}' has no gain that fits it; get it again.")
            shapes[key.removesuffix("_v")] = value.shape
        elif not key.endswith(_GAIN):
            shapes[key] = value.shape
    return shapes


def _foreign_objects(name: str) -> RvcError:
    return RvcError(
        f"{name} holds more than weights, such as objects that could run code on your machine; "
        "it was not opened."
    )


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else ""
    return "".join(c for c in text[:_MOST_TEXT] if c.isprintable()).strip()


def _median(value: Any) -> float:
    """Hz, 0 for what is no pitch of a voice."""
    return float(value) if type(value) in (int, float) and 40 <= value <= 1000 else 0.0


def _speaker_names(content: dict[str, Any], count: int) -> tuple[str, ...]:
    """By speaker number, from `speaker_info`; nothing unless it names every one of them."""
    rows = content.get("speaker_info")
    if not isinstance(rows, list) or len(rows) != count:
        return ()
    named = {
        in_short(row.get("id"), _MOST_TEXT): _text(row.get("name")) for row in rows if isinstance(row, dict)
    }
    names = tuple(named.get(str(number), "") for number in range(count))
    return names if all(names) else ()
