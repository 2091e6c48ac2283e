"""Weights of a program in 8 bits that keep the steps which the shipped networks already have.

Shipped products have 129 symmetric steps per output channel (ONNX Runtime's `reduce_range`): a weight is
k / 64 of the largest of its channel, k in -64..64. coremltools divides that by 127, which rounds each weight
a second time: 35 dB SNR of the waveform in place of 60 dB.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from coremltools.optimize import _utils as optimize
from numpy.typing import NDArray

SHIPPED, FINE = 64, 127
"""Steps from zero to the largest weight of a channel: in the shipped networks, and at most in 8 bits."""

_LEAST_STEP = float(np.finfo(np.float16).smallest_subnormal)
"""So that a channel of zeros has a step."""


def symmetric(weight: NDArray[Any], axes: tuple[int, ...]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Per channel the better of both numbers of steps -> (steps as `weight`, size of a step as its channels).

    `axes` are those that share a step. Sizes have the type of `weight` and count with its rounding.
    """
    exact = weight.astype(np.float64)
    largest = np.abs(exact).max(axis=axes, keepdims=True)
    tried = [_rounded(exact, largest / count, weight.dtype) for count in (SHIPPED, FINE)]
    errors = [np.square(steps * size - exact).sum(axis=axes, keepdims=True) for steps, size in tried]
    shipped = errors[0] <= errors[1]
    steps = np.where(shipped, tried[0][0], tried[1][0])
    return steps, np.where(shipped, tried[0][1], tried[1][1]).astype(weight.dtype).squeeze()


def _rounded(exact: NDArray[Any], size: NDArray[Any], kind: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    size = np.maximum(size, _LEAST_STEP).astype(kind).astype(np.float64)
    return np.clip(np.round(exact / size), -FINE, FINE), size


@contextmanager
def kept_steps() -> Iterator[None]:
    """Within it, `linear_quantize_weights` of coremltools 9.0 rounds as `symmetric` does."""
    before = optimize.quantize_weight_by_dtype

    def quantize(weight: NDArray[Any], axes: Any, dtype: Any, mode: str) -> tuple[Any, Any, None]:
        if mode != "LINEAR_SYMMETRIC" or dtype.is_unsigned():
            raise ValueError(f"{mode} is not what was asked for")
        return *symmetric(weight, axes), None

    optimize.quantize_weight_by_dtype = quantize
    try:
        yield
    finally:
        optimize.quantize_weight_by_dtype = before
