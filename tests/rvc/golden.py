"""The golden voices of ../shared/golden/rvc, copied to tests/golden/rvc so that a bare clone has them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

GOLDEN = Path(__file__).resolve().parent.parent / "golden" / "rvc"
NAMES = ("v1-40k", "v1-48k", "v2-32k", "v2-40k", "v2-40k-nof0")


def voice_file(name: str) -> Path:
    return GOLDEN / f"{name}.pth"


def arrays(name: str) -> dict[str, np.ndarray]:
    """What the README in the folder lists, by name."""
    with np.load(GOLDEN / f"{name}.npz") as found:
        return dict(found)
