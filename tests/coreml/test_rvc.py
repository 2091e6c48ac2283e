"""The Core ML programs of an RVC voice, executed op by op, give what ONNX Runtime gives."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from inference.coreml.fixture import snr_db
from inference.coreml.rvc import export_voice
from inference.networks.rvc.export import programs, write_programs
from inference.networks.rvc.sizes import RvcSizes
from inference.rvc.convert import convert
from inference.rvc.model import RvcModel
from tests.coreml.evaluator import OPS, read

SIZES = RvcSizes(
    content=256,
    latent=8,
    hidden=8,
    filter=16,
    heads=2,
    layers=1,
    kernel=3,
    block_kernels=(3,),
    block_dilations=((1, 3),),
    rates=(20, 16),
    kernels=(40, 16),
    initial=16,
    speakers=2,
    conditioning=4,
    sample_rate=32_000,
    pitch=True,
)
LEAST_DB = 50.0


def _conv_transpose(a: dict[str, Any]) -> Any:
    pad = [int(n) for n in a["pad"]] if "pad" in a else [0, 0]
    stride = int(a["strides"][0])

    def run(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        full = F.conv_transpose1d(x, weight, bias, stride)
        return full[..., pad[0] : full.shape[-1] - pad[1]]

    return run


def _padded_conv(a: dict[str, Any]) -> Any:
    pad = [int(n) for n in a["pad"]] if str(a["pad_type"]) == "custom" else [0, 0]
    convolve = CONV({**a, "pad_type": "valid"})
    return lambda x, weight, bias: convolve(F.pad(x, pad), weight, bias)


CONV = OPS["conv"][1]
MORE_OPS = {
    "conv": (OPS["conv"][0], _padded_conv),
    "conv_transpose": (("x", "weight", "bias"), _conv_transpose),
    "gather": (("x", "indices"), lambda a: lambda x, indices: x[indices]),
    "leaky_relu": (("x",), lambda a: partial(F.leaky_relu, negative_slope=float(a["alpha"]))),
    "relu": (("x",), lambda a: torch.relu),
    "reverse": (("x",), lambda a: partial(torch.flip, dims=tuple(int(n) for n in a["axes"]))),
    "tanh": (("x",), lambda a: torch.tanh),
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model folder of a tiny voice."""
    folder = tmp_path_factory.mktemp("rvc")
    torch.manual_seed(3)
    weights = {name: value for p in programs(SIZES).values() for name, value in p.state_dict().items()}
    weights["emb_g.weight"] = torch.randn(SIZES.speakers, SIZES.conditioning)
    head = [
        513,
        32,
        SIZES.latent,
        SIZES.hidden,
        SIZES.filter,
        SIZES.heads,
        SIZES.layers,
        SIZES.kernel,
        0,
        "1",
    ]
    blocks = [list(SIZES.block_kernels), [list(row) for row in SIZES.block_dilations]]
    stages = [list(SIZES.rates), SIZES.initial, list(SIZES.kernels)]
    config = [*head, *blocks, *stages, SIZES.speakers, SIZES.conditioning, SIZES.sample_rate]
    torch.save({"weight": weights, "config": config}, folder / "tiny.pth")
    write_programs(SIZES, folder)
    return convert(folder / "tiny.pth", folder / "models", lambda what, share: None, templates=folder)[0]


def test_programs_say_what_onnx_runtime_says(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, op in MORE_OPS.items():
        monkeypatch.setitem(OPS, name, op)
    told: list[str] = []
    export_voice(model, tmp_path, told.append)
    assert len(told) == 3
    frames = json.loads((tmp_path / "programs.json").read_text())["frames"]
    onnx, random = RvcModel.load(model), np.random.default_rng(2)
    g = onnx.speakers[1][None, :, None]
    phone = random.standard_normal((frames["prior"], SIZES.content), np.float32)
    coarse = random.integers(1, 255, frames["prior"])
    mean, log_scale = onnx.prior(phone, coarse)
    found = read(tmp_path / "prior.mlpackage").predict({"phone": phone[None], "coarse": coarse[None]})
    assert snr_db(mean, found["mean"][0]) > LEAST_DB
    assert snr_db(log_scale, found["log_scale"][0]) > LEAST_DB
    latent = mean[:, : frames["flow"]]
    found = read(tmp_path / "flow.mlpackage").predict({"latent": latent[None], "g": g})
    assert snr_db(onnx.flow(latent, 1), found["latent_out"][0]) > LEAST_DB
    latent = mean[:, : frames["decoder"]]
    source = random.standard_normal(frames["decoder"] * 320, np.float32) * np.float32(0.1)
    feeds = {"latent": latent[None], "g": g, "source": source[None, None]}
    found = read(tmp_path / "decoder.mlpackage").predict(feeds)
    assert snr_db(onnx.decode(latent, source, 1), found["audio"][0, 0]) > LEAST_DB
