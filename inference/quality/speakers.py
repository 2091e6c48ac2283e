"""Whether one person speaks throughout."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

_FEWEST = 5
_ROUNDS = 10
_OVERLAP = 3
"""Stretches this close in time may share sound."""


def agreement(stretches: Samples) -> float:
    """How alike the two most different groups of stretches are: mean cosine, 1 where too few to tell.

    `stretches`: (k, 256) embeddings of unit length in the order of time. Two-means clustering that starts at
    the first principal axis; only pairs that share no sound count. On the corpus single speakers lie around
    0.74, two speakers around 0.51 (tests/tools/calibrate_quality.py).
    """
    if len(stretches) < _FEWEST:
        return 1.0
    group = _two_groups(stretches)
    at = np.arange(len(stretches))
    apart = np.abs(at[:, None] - at) >= _OVERLAP
    pairs = (group[:, None] != group) & apart
    if not pairs.any():
        return 1.0
    return float((stretches @ stretches.T)[pairs].mean())


def _two_groups(stretches: Samples) -> NDArray[np.bool_]:
    """Which of two clusters each stretch belongs to: (k,)."""
    axis = np.linalg.svd(stretches - stretches.mean(axis=0), full_matrices=False)[2][0]
    side = stretches @ axis
    group = side > side.mean()
    for _ in range(_ROUNDS):
        if group.all() or not group.any():
            break
        moved = stretches @ _centre(stretches[group]) > stretches @ _centre(stretches[~group])
        if (moved == group).all():
            break
        group = moved
    return group


def _centre(embeddings: Samples) -> Samples:
    mean = embeddings.mean(axis=0)
    return mean / max(float(np.linalg.norm(mean)), 1e-9)
