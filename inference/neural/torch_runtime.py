"""The networks under torch, on the processor or on a Mac's GPU: the reference, and a runtime to choose.

Same stream and same steps as under ONNX Runtime; only what computes a step differs. Weights come from the
shipped ONNX files, widened to float32.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from inference.networks.steps import Step
from inference.networks.weights import WeightsError, load_steps
from inference.neural.models import ModelError, Networks, StepNetwork, checksum, model_folder


class TorchSession:
    """A step as NetworkStream runs it: numpy in by name, numpy out, on `device`."""

    def __init__(self, step: Step, device: torch.device) -> None:
        self._step, self._device = step.to(device), device
        self._names = [*step.example(), *(f"{name}_in" for name in step.states)]

    def run(self, outputs: None, feeds: dict[str, Any]) -> list[Any]:
        """All outputs of the step, then its states, as onnxruntime.InferenceSession.run gives them."""
        with torch.inference_mode():
            tensors = [torch.from_numpy(feeds[name]).to(self._device) for name in self._names]
            return [value.cpu().numpy() for value in self._step(*tensors)]


class TorchNetworks(Networks):
    """All networks under torch: a `Runtime`."""

    @property
    def name(self) -> str:
        """See `Runtime`."""
        return f"torch ({self.voice.session._device.type})"


def default_device() -> str:
    """'mps' on a Mac with a GPU that torch can use, else 'cpu'."""
    return "mps" if torch.backends.mps.is_available() else "cpu"


@lru_cache(maxsize=2)
def load_torch(folder: Path | None = None, device: str | None = None) -> TorchNetworks:
    """The networks of `folder`, the shipped ones by default. Raises ModelError."""
    folder = folder or model_folder()
    torch.set_num_threads(1)
    try:
        steps, sizes = load_steps(folder)
        manifest = (folder / "manifest.json").read_bytes()
        latency = int(json.loads(manifest)["latency"])
    except (WeightsError, OSError, ValueError, KeyError) as error:
        raise ModelError(str(error)) from error
    place = torch.device(device or default_device())
    parts = {
        name: StepNetwork(TorchSession(step, place), step.outputs, step.states)
        for name, step in steps.items()
    }
    return TorchNetworks(**parts, latency=latency, sizes=sizes, base=checksum(manifest))
