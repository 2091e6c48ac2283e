"""Random weights of a HuBERT that anyone can make again: numpy's generator, parameters in order of name."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from inference.networks.hubert import HubertConfig

SMALL = HubertConfig(
    conv_dim=32, dim=48, heads=4, ffn=64, layers=3, pos_kernel=16, pos_groups=4, tap=2, units=20
)


def random_weights(shapes: dict[str, tuple[int, ...]]) -> dict[str, NDArray[np.float32]]:
    """Weights by parameter of `inference.networks.hubert`, so large that every layer matters."""
    random = np.random.default_rng(7)
    weights = {}
    for name in sorted(shapes):
        value = random.standard_normal(shapes[name], np.float32)
        fan_in = math.prod(shapes[name][1:])
        if len(shapes[name]) > 1:
            weights[name] = value * np.float32(1.5 / math.sqrt(fan_in))
        else:
            weights[name] = np.float32(0.1) * value + np.float32("norm" in name and name.endswith("weight"))
    return weights


def random_audio(samples: int) -> NDArray[np.float32]:
    """Noise that swells: (samples,) at 16 kHz."""
    noise = np.random.default_rng(8).standard_normal(samples, np.float32)
    return noise * np.linspace(0.01, 0.2, samples, dtype=np.float32)
