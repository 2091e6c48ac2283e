"""The torch steps with the weights of the shipped ONNX files: nothing else needs to be shipped.

`training.export` calls `name_weights`, which gives initialisers that the tracer left without a name that of
their torch parameter or buffer. Matrices the tracer turned round are the parameter with its axes in reverse
order: linear (out, in) -> (in, out), convolution (out, in, taps) -> (taps * in, out).
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor, nn

from inference.networks.config import NetworkConfig
from inference.networks.content import ContentEncoder
from inference.networks.decoder import Decoder
from inference.networks.pitch import PitchTracker
from inference.networks.speaker import GE2E
from inference.networks.steps import ContentStep, DecoderStep, PitchStep, Step, VoiceStyle

REVERSED = ".reversed"
"""Ends the name of an initialiser that holds a parameter with its axes in reverse order."""

Arrays = dict[str, NDArray[np.float32]]


class WeightsError(RuntimeError):
    """The networks cannot be rebuilt from their files; the message says what to do."""


def named_tensors(module: nn.Module) -> dict[str, Tensor]:
    """Parameters and floating buffers of `module` under every name they have."""
    pairs = [*module.named_parameters(remove_duplicate=False), *module.named_buffers(remove_duplicate=False)]
    return {name: value for name, value in pairs if value.is_floating_point()}


def name_weights(path: Path, module: nn.Module) -> None:
    """Names the unnamed initialisers and constants of an ONNX file traced from `module`, by value."""
    tensors = named_tensors(module)
    wanted: dict[bytes, str] = {}
    for name, value in tensors.items():
        array = value.detach().numpy()
        if array.ndim > 1:
            wanted.setdefault(np.ascontiguousarray(array.T).tobytes(), name + REVERSED)
    wanted |= {value.detach().numpy().tobytes(): name for name, value in tensors.items()}
    model = onnx.load(path)
    constants = [n for n in model.graph.node if n.op_type == "Constant" and n.attribute[0].HasField("t")]
    found = [(t.name, t) for t in model.graph.initializer if t.name not in tensors]
    found += [(node.output[0], node.attribute[0].t) for node in constants]
    taken = {t.name for t in model.graph.initializer}
    renamed: dict[str, str] = {}
    for old, tensor in found:
        match = wanted.get(numpy_helper.to_array(tensor).tobytes())
        if match is not None and match not in taken:
            renamed[old] = match
            taken.add(match)
    for tensor in model.graph.initializer:
        tensor.name = renamed.get(tensor.name, tensor.name)
    for node in model.graph.node:
        node.input[:] = [renamed.get(name, name) for name in node.input]
        node.output[:] = [renamed.get(name, name) for name in node.output]
    onnx.save(model, path)


def read_weights(path: Path) -> Arrays:
    """Initialisers of one ONNX file by name, half precision and 8 bits widened to float32."""
    raw = {t.name: numpy_helper.to_array(t) for t in onnx.load(path).graph.initializer}
    wide = {name.removesuffix("_half"): value for name, value in raw.items()}
    weights = {}
    for name, value in wide.items():
        if name.endswith("_quantized"):
            name = name.removesuffix("_quantized")
            steps = value.astype(np.float32) - wide[f"{name}_zero_point"].astype(np.float32)
            value = steps * wide[f"{name}_scale"].astype(np.float32)
        if np.issubdtype(value.dtype, np.floating):
            weights[name] = value.astype(np.float32)
    return weights


def used(step: Step) -> list[Tensor]:
    """The parameters and buffers that the step's result depends on: those that get a gradient."""
    leaves = list(named_tensors(step).values())
    for leaf in leaves:
        leaf.requires_grad_(True)
    inputs = [*step.example().values(), *(torch.zeros(shape) for shape in step.states.values())]
    with torch.enable_grad():
        total = torch.stack([value.sum() for value in step(*inputs)]).sum()
        gradients = torch.autograd.grad(total, leaves, allow_unused=True)
    for leaf in leaves:
        leaf.requires_grad_(False)
    return [leaf for leaf, gradient in zip(leaves, gradients, strict=True) if gradient is not None]


def fill(step: Step, weights: Arrays) -> None:
    """Gives `step` the weights of its file; raises WeightsError when one it uses is not there."""
    filled = set()
    for name, tensor in named_tensors(step).items():
        value, turned = weights.get(name), weights.get(name + REVERSED)
        if value is None and turned is not None and turned.size == tensor.numel():
            value = turned.reshape(tuple(reversed(tensor.shape))).T
        if value is not None and value.size == tensor.numel():
            with torch.no_grad():
                tensor.copy_(torch.tensor(np.ascontiguousarray(value)).reshape(tensor.shape))
            filled.add(id(tensor))
    constant = {id(tensor) for name, tensor in named_tensors(step).items() if name.endswith(_CONSTANTS)}
    missing = {id(tensor) for tensor in used(step)} - filled - constant
    if missing:
        names = [name for name, tensor in named_tensors(step).items() if id(tensor) in missing]
        raise WeightsError(f"The networks have no usable weights for {names[0]}; install Menura again.")


_CONSTANTS = ("positions", "log2_hz")
"""Buffers that are computed, not learned."""


def load_steps(folder: Path) -> tuple[dict[str, Step], NetworkConfig]:
    """The steps of a folder of shipped networks with their weights, by file name, and their sizes.

    Raises WeightsError.
    """
    try:
        manifest = json.loads((folder / "manifest.json").read_text())
        files = {
            name: read_weights(folder / Path(e["file"]).name) for name, e in manifest["networks"].items()
        }
    except (OSError, ValueError, KeyError) as error:
        raise WeightsError(f"The networks are missing from {folder}; install Menura again.") from error
    sizes = NetworkConfig.from_dict(manifest["sizes"])
    content, pitch, decoder = ContentEncoder(sizes.content), PitchTracker(sizes.pitch), Decoder(sizes.decoder)
    for network in (content, pitch, decoder):
        network.eval().requires_grad_(False)
    steps: dict[str, Step] = {
        "voice": VoiceStyle(decoder),
        "content": ContentStep(content),
        "pitch": PitchStep(pitch),
        "decoder": DecoderStep(decoder),
    }
    for name, step in steps.items():
        fill(step, files[name])
    return steps, sizes


_TORCH_GATES = (0, 2, 3, 1)
"""ONNX orders an LSTM's gates input, output, forget, cell; torch input, forget, cell, output."""


def load_speaker(path: Path) -> GE2E:
    """The speaker encoder with the weights of its ONNX file, frozen. Raises WeightsError."""
    encoder = GE2E().eval().requires_grad_(False)
    try:
        weights, nodes = read_weights(path), onnx.load(path).graph.node
        layers = [node.input[1:4] for node in nodes if node.op_type == "LSTM"]
        state = {f"linear.{part}": weights[f"linear.{part}"] for part in ("weight", "bias")}
        for layer, (inputs, hidden, bias) in enumerate(layers):
            state[f"lstm.weight_ih_l{layer}"] = _gates(weights[inputs][0])
            state[f"lstm.weight_hh_l{layer}"] = _gates(weights[hidden][0])
            for part, name in zip(np.split(weights[bias][0], 2), ("ih", "hh"), strict=True):
                state[f"lstm.bias_{name}_l{layer}"] = _gates(part)
        encoder.load_state_dict({name: torch.from_numpy(value) for name, value in state.items()})
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise WeightsError("The speaker encoder cannot be read; install Menura again.") from error
    return encoder


def _gates(weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """(4 * size, ...) with the gates in torch's order."""
    return np.concatenate([np.split(weight, 4)[gate] for gate in _TORCH_GATES])
