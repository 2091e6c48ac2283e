"""Last stage: trained weights -> ONNX step networks in assets/models, checksummed.

    python -m training.export RUN [--out assets/models] [--precision int8|half] [--smoke]

Every network becomes one step of inference/networks/steps.py with its states as inputs and outputs: `content`
(20 ms), `pitch` (10 ms), `decoder` (10 ms) and `voice` (once per voice: embedding and quality -> style).
`int8` computes the trained matrix products in 8 bits (weights per channel, activations by their range in
each step). All other trained weights are stored in half precision and widened when the session is made.
`manifest.json` says what each file is: sizes, sha256, states.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

import torch

from inference.networks import steps
from inference.networks.config import NetworkConfig
from inference.networks.content import ContentEncoder
from inference.networks.decoder import Decoder
from inference.networks.pitch import PitchTracker
from inference.networks.timing import HOP, LATENCY, RATE
from inference.networks.weights import name_weights
from training.config import network_sizes
from training.loop import load
from training.quantise import constants_of, halve, quantise

FORMAT = 2
"""Version of the manifest."""

QUANTISED = ("content", "pitch", "decoder")
"""Networks whose time is worth 8 bits; the voice runs once."""


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


def runtime_steps(networks: tuple[ContentEncoder, PitchTracker, Decoder]) -> dict[str, steps.Step]:
    """The forms for ONNX Runtime, by file name."""
    content, pitch, decoder = networks
    return {
        "voice": steps.VoiceStyle(decoder),
        "content": steps.ContentStep(content),
        "pitch": steps.PitchStep(pitch),
        "decoder": steps.DecoderStep(decoder),
    }


def export_onnx(module: steps.Step, path: Path) -> None:
    """Traces one step into an ONNX file with float32 weights that bear their torch names."""
    inputs = module.example()
    torch.onnx.export(
        module,
        (*inputs.values(), *(torch.zeros(shape) for shape in module.states.values())),
        str(path),
        input_names=[*inputs, *(f"{name}_in" for name in module.states)],
        output_names=[*module.outputs, *(f"{name}_out" for name in module.states)],
        opset_version=20,
        dynamo=False,
    )
    name_weights(path, module)


def describe(path: Path, module: steps.Step, precision: str) -> dict:
    """The manifest's entry of one file."""
    data = path.read_bytes()
    return {
        "file": path.name,
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "precision": precision,
        "inputs": list(module.example()),
        "outputs": list(module.outputs),
        "states": {name: list(shape) for name, shape in module.states.items()},
    }


def export(run: Path | None, out: Path, precision: str, smoke: bool) -> dict:
    """Writes all networks and the manifest to `out`; returns the manifest. No run: random weights."""
    sizes = network_sizes(smoke)
    networks = trained(run, sizes)
    out.mkdir(parents=True, exist_ok=True)
    entries = {}
    for name, module in runtime_steps(networks).items():
        path = out / f"{name}.onnx"
        export_onnx(module, path)
        wanted = precision if name in QUANTISED else "half"
        if wanted == "int8":
            quantise(path)
        halve(path, constants_of(module))
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
