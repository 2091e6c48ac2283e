"""The trained networks as ONNX Runtime sessions, checked before use."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from inference.converter import HOP, MODEL_RATE
from inference.large_pages import on_large_pages
from inference.networks.config import NetworkConfig
from inference.neural.runtime import Array
from inference.neural.stream import NetworkStream

FORMAT = 2
"""Version of the manifest that this code reads."""

State = dict[str, Array]


class ModelError(RuntimeError):
    """The neural networks cannot be used; the message says what to do."""


@dataclass(frozen=True)
class StepNetwork:
    """One network as a step: named inputs and states in, outputs and states out.

    >>> state = network.init_state()
    >>> (y,) = network.step({"spectrum": x}, state)      # advances `state` in place
    """

    session: Any
    outputs: tuple[str, ...]
    states: dict[str, tuple[int, ...]]

    def init_state(self) -> State:
        """A start without past: zeros by the session's own input names."""
        return {f"{name}_in": np.zeros(shape, np.float32) for name, shape in self.states.items()}

    def step(self, inputs: dict[str, Any], state: State) -> list[Array]:
        """Runs one step on `inputs` (shapes as in the manifest), replaces the states, returns the outputs."""
        found = self.session.run(None, {**inputs, **state})
        count = len(self.outputs)
        for name, value in zip(state, found[count:], strict=True):
            state[name] = value
        return found[:count]


@dataclass(frozen=True)
class Networks:
    """All networks under ONNX Runtime: a `Runtime`."""

    content: StepNetwork
    pitch: StepNetwork
    decoder: StepNetwork
    voice: StepNetwork
    latency: int
    sizes: NetworkConfig
    base: str = ""

    @property
    def name(self) -> str:
        """See `Runtime`."""
        return "ONNX Runtime"

    @property
    def failures(self) -> int:
        """See `Runtime`."""
        return 0

    def style(self, speaker: Array, quality: Array) -> Array:
        """See `Runtime`."""
        return self.voice.step({"speaker": speaker, "quality": quality}, {})[0]

    def stream(self) -> NetworkStream:
        """See `Runtime`."""
        return NetworkStream(self)


def model_checksum(folder: Path | None = None) -> str:
    """`Networks.base` of the networks of `folder`, the shipped ones by default. Raises ModelError."""
    try:
        return checksum(((folder or model_folder()) / "manifest.json").read_bytes())
    except OSError as error:
        raise ModelError("The neural networks are missing; install Menura again.") from error


def model_folder() -> Path:
    """Where the shipped networks lie."""
    return Path(str(resources.files("assets").joinpath("models")))


@lru_cache(maxsize=2)
def load_networks(folder: Path | None = None) -> Networks:
    """Reads, checks and prepares the networks of `folder`, the shipped ones by default.

    Sessions are shared by all converters of the process. Raises ModelError when a file is missing,
    was changed or belongs to another version.
    """
    folder = folder or model_folder()
    try:
        content = (folder / "manifest.json").read_bytes()
        manifest = json.loads(content)
    except (OSError, ValueError) as error:
        raise ModelError(f"The neural networks are missing from {folder}; install Menura again.") from error
    if (manifest.get("format"), manifest.get("rate"), manifest.get("hop")) != (FORMAT, MODEL_RATE, HOP):
        raise ModelError("The neural networks belong to another version; install Menura again.")
    with on_large_pages():
        parts = {name: _open(folder, entry) for name, entry in manifest["networks"].items()}
    sizes = NetworkConfig.from_dict(manifest["sizes"])
    return Networks(**parts, latency=manifest["latency"], sizes=sizes, base=checksum(content))


def checksum(manifest: bytes) -> str:
    """Tells sets of networks apart, by the bytes of their manifest, which has the checksum of each file."""
    return hashlib.sha256(manifest).hexdigest()


def _open(folder: Path, entry: dict[str, Any]) -> StepNetwork:
    name = Path(entry["file"]).name
    try:
        data = (folder / name).read_bytes()
    except OSError as error:
        raise ModelError(f"The network {name} is missing; install Menura again.") from error
    if hashlib.sha256(data).hexdigest() != entry["sha256"]:
        raise ModelError(f"The network {name} was changed on disk; install Menura again.")
    states = {key: tuple(shape) for key, shape in entry["states"].items()}
    return StepNetwork(_session(data), tuple(entry["outputs"]), states)


def _session(data: bytes) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 3
    # Silence decays into denormals, which cost a hundred times as much as other numbers.
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
