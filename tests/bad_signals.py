"""Signals that no microphone should send and every converter has to survive."""

from __future__ import annotations

import numpy as np

from inference.converter import HOP

KINDS = ("nan", "inf", "huge", "dc", "noise", "square", "tone", "impulses", "denormal")


def bad_signal(kind: str) -> np.ndarray:
    """(60 hops,) float32 of one of `KINDS`."""
    n = 60 * HOP
    return {
        "nan": np.full(n, np.nan),
        "inf": np.where(np.arange(n) % 2, np.inf, -np.inf),
        "huge": np.full(n, 1e30),
        "dc": np.ones(n),
        "noise": np.random.default_rng(3).uniform(-1, 1, n),
        "square": np.sign(np.sin(np.arange(n) / 30.0)),
        "tone": np.sin(np.arange(n) * 2.7),
        "impulses": (np.arange(n) % 3001 == 0) * 1.0,
        "denormal": np.full(n, 1e-40),
    }[kind].astype(np.float32)
