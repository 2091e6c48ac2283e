"""Last stage: trained weights -> ONNX step networks in assets/models, checksummed.

    python -m training.export RUN [--out assets/models] [--precision int8|half] [--smoke]

Every network becomes one step with its states as inputs and outputs: `content` (20 ms), `pitch`
(10 ms), `decoder` (10 ms) and `voice` (once per voice: embedding and quality -> style). `int8` computes the
trained matrix products of content and decoder in 8 bits (weights per channel, activations by their range in
each step). All other trained weights are stored in half precision and widened when the session is made;
the constant transforms stay in float32. `manifest.json` says what each file is: sizes, sha256, states.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import Tensor, nn

from inference.networks.config import NetworkConfig
from inference.networks.content import ContentEncoder
from inference.networks.decoder import Decoder
from inference.networks.layers import CausalConv
from inference.networks.pitch import PitchTracker
from inference.networks.timing import FRAME, HOP, LATENCY, RATE, TOKEN_HOPS
from training.config import network_sizes
from training.loop import load

FORMAT = 1
"""Version of the manifest."""

QUANTISED = ("content", "decoder")
"""Networks whose time is worth 8 bits; the pitch tracker is small and the voice runs once."""

Tensors = dict[str, Tensor]


class ContentStep(nn.Module):
    """`audio` (1, 480) -> `units` (1, 1, units)."""

    inputs, output = ("audio",), "units"

    def __init__(self, network: ContentEncoder) -> None:
        super().__init__()
        self.network = network

    def forward(self, audio: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        """States in the order of `init_state`."""
        y, after = self.network(audio, dict(zip(self.network.init_state(1), states, strict=True)))
        return y, *(after[name] for name in self.network.init_state(1))


class PitchStep(ContentStep):
    """`audio` (1, 240) -> `prosody` (1, 1, 3): F0 in Hz, voicing, energy."""

    inputs, output = ("audio",), "prosody"


class DecoderStep(nn.Module):
    """`units`, `fresh`, `prosody`, `source`, `style`, `warp` of one hop -> `audio` (1, 240)."""

    inputs, output = ("units", "fresh", "prosody", "source", "style", "warp"), "audio"

    def __init__(self, network: Decoder) -> None:
        super().__init__()
        self.network = network

    def forward(
        self,
        units: Tensor,
        fresh: Tensor,
        prosody: Tensor,
        source: Tensor,
        style: Tensor,
        warp: Tensor,
        *states: Tensor,
    ) -> tuple[Tensor, ...]:
        """States in the order of `init_state`."""
        frames = self.network.frames(units, fresh, prosody)
        state = dict(zip(self.network.init_state(1), states, strict=True))
        y, after = self.network(frames, source, style, state, warp)
        return y, *(after[name] for name in state)


class VoiceStyle(nn.Module):
    """`speaker` (1, 256), `quality` (1, 2) -> `style` (1, S)."""

    inputs, output = ("speaker", "quality"), "style"

    def __init__(self, network: Decoder) -> None:
        super().__init__()
        self.network = network

    def forward(self, speaker: Tensor, quality: Tensor) -> tuple[Tensor, ...]:
        """No state."""
        return (self.network.condition(speaker, quality),)


def trained(run: Path | None, sizes: NetworkConfig) -> tuple[ContentEncoder, PitchTracker, Decoder]:
    """The networks with the averaged weights of a run, or with random ones when there is no run."""
    networks = ContentEncoder(sizes.content), PitchTracker(sizes.pitch), Decoder(sizes.decoder)
    if run is not None:
        cpu = torch.device("cpu")
        content = load(run / "content.pt", cpu)["average"]
        own = {k.removeprefix("encoder."): v for k, v in content.items() if k.startswith("encoder.")}
        networks[0].load_state_dict(own)
        networks[1].load_state_dict(load(run / "pitch.pt", cpu)["average"])
        networks[2].load_state_dict(load(run / "decoder.pt", cpu)["average"])
    for network in networks:
        network.eval().requires_grad_(False)
    return networks


def step_modules(networks: tuple[ContentEncoder, PitchTracker, Decoder]) -> dict[str, nn.Module]:
    """The modules to export, by file name."""
    content, pitch, decoder = networks
    return {
        "content": ContentStep(content),
        "pitch": PitchStep(pitch),
        "decoder": DecoderStep(decoder),
        "voice": VoiceStyle(decoder),
    }


def example_inputs(name: str, sizes: NetworkConfig) -> Tensors:
    """Inputs of the right shapes, states left out."""
    d = sizes.decoder
    return {
        "content": {"audio": 0.1 * torch.randn(1, TOKEN_HOPS * HOP)},
        "pitch": {"audio": 0.1 * torch.randn(1, HOP)},
        "decoder": {
            "units": torch.randn(1, 1, d.units),
            "fresh": torch.ones(1, 1),
            "prosody": torch.tensor([[[150.0, 0.9, -3.0]]]),
            "source": torch.randn(1, 2, HOP),
            "style": torch.randn(1, 2 * (d.dim * d.blocks + d.fast_dim * d.fast_blocks)),
            "warp": torch.eye(FRAME // 2 + 1),
        },
        "voice": {"speaker": torch.randn(1, d.speaker) / 16, "quality": torch.rand(1, d.quality)},
    }[name]


def initial_state(module: nn.Module) -> Tensors:
    """The states of a step module, empty for the voice."""
    return {} if isinstance(module, VoiceStyle) else module.network.init_state(1)


def export_onnx(module: nn.Module, inputs: Tensors, path: Path) -> None:
    """Traces one step into an ONNX file with float32 weights."""
    state = initial_state(module)
    torch.onnx.export(
        module,
        (*inputs.values(), *state.values()),
        str(path),
        input_names=[*inputs, *(f"{name}_in" for name in state)],
        output_names=[module.output, *(f"{name}_out" for name in state)],
        opset_version=17,
        dynamo=False,
    )


def constants_of(module: nn.Module) -> list[np.ndarray]:
    """The transforms that must keep float32: every buffer that is not trained, but for the positions."""
    named = module.named_buffers()
    return [v.numpy() for name, v in named if v.is_floating_point() and not name.endswith("positions")]


def front_end_of(module: nn.Module) -> list[np.ndarray]:
    """Whisper's two convolutions as their step multiplies by them.

    In 8 bits they tripled the word errors: everything after hears through them.
    """
    convolutions = [part for part in module.modules() if isinstance(part, CausalConv)]
    return [np.ascontiguousarray(conv.matrix().detach().numpy()) for conv in convolutions]


def quantise(path: Path, kept: list[np.ndarray]) -> None:
    """Turns products with trained matrices into dynamic 8-bit ones; transforms and attention stay float."""
    graph = onnx.load(path).graph
    exact = {value.tobytes() for value in kept}
    weights = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    trained_names = {name for name, value in weights.items() if value.tobytes() not in exact}
    left = [n.name for n in graph.node if n.op_type == "MatMul" and not trained_names.intersection(n.input)]
    quantize_dynamic(
        path,
        path,
        op_types_to_quantize=["MatMul"],
        per_channel=True,
        weight_type=QuantType.QInt8,
        nodes_to_exclude=left,
    )


def halve(path: Path, kept: list[np.ndarray]) -> None:
    """Stores trained weights as float16 followed by a cast, which the runtime folds when it loads.

    Initialisers equal to one of `kept` (or its transpose), and small ones, stay as they are.
    """
    model = onnx.load(path)
    exact = {(value.shape, value.tobytes()) for value in kept}
    exact |= {(value.T.shape, np.ascontiguousarray(value.T).tobytes()) for value in kept if value.ndim == 2}
    casts, rest = [], []
    for node in model.graph.node:  # the tracer leaves buffers as Constant nodes
        if node.op_type == "Constant" and node.attribute[0].HasField("t"):
            tensor = node.attribute[0].t
            tensor.name = node.output[0]
            model.graph.initializer.append(tensor)
        else:
            rest.append(node)
    for tensor in model.graph.initializer:
        value = numpy_helper.to_array(tensor)
        if tensor.data_type != TensorProto.FLOAT or value.size < 1024:
            continue
        if (value.shape, value.tobytes()) in exact:
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(value.astype(np.float16), name + "_half"))
        casts.append(helper.make_node("Cast", [name + "_half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *rest]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def describe(path: Path, module: nn.Module, precision: str) -> dict:
    """The manifest's entry of one file."""
    data = path.read_bytes()
    return {
        "file": path.name,
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "precision": precision,
        "inputs": list(module.inputs),
        "output": module.output,
        "states": {name: list(value.shape) for name, value in initial_state(module).items()},
    }


def export(run: Path | None, out: Path, precision: str, smoke: bool) -> dict:
    """Writes all networks and the manifest to `out`; returns the manifest. No run: random weights."""
    sizes = network_sizes(smoke)
    networks = trained(run, sizes)
    out.mkdir(parents=True, exist_ok=True)
    entries = {}
    for name, module in step_modules(networks).items():
        path = out / f"{name}.onnx"
        export_onnx(module, example_inputs(name, sizes), path)
        kept = constants_of(module)
        wanted = precision if name in QUANTISED else "half"
        if wanted == "int8":
            quantise(path, [*kept, *front_end_of(module)])
        halve(path, kept)
        entries[name] = describe(path, module, wanted)
        print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB", flush=True)
    manifest = {
        "format": FORMAT,
        "rate": RATE,
        "hop": HOP,
        "latency": LATENCY,
        "sizes": sizes.as_dict(),
        "networks": entries,
    }
    text = json.dumps(manifest, indent=1)
    (out / "manifest.json").write_text(text + "\n")
    return manifest


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "assets" / "models")
    parser.add_argument("--precision", choices=["int8", "half"], default="int8")
    parser.add_argument("--smoke", action="store_true")
    args = parser.parse_args()
    export(args.run, args.out, args.precision, args.smoke)


if __name__ == "__main__":
    main()
