"""The speaker encoder: what a stretch of speech says about who speaks."""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.speech import PARTIAL, padding, partial_starts

Samples = NDArray[np.float32]

_LOUDNESS = 10 ** (-30 / 20)


def embed_stretches(x: Samples) -> Samples:
    """Returns embeddings of the stretches of x (n,) at ENCODER_RATE: (stretches, 256), unit length."""
    loudness = float(np.sqrt(np.mean(np.square(x, dtype=np.float64))))
    x = x * np.float32(max(1.0, _LOUDNESS / max(loudness, 1e-9)))
    starts = partial_starts(len(x))
    padded = np.pad(x, padding(len(x), starts)).astype(np.float32)
    stretches = np.stack([padded[start : start + PARTIAL] for start in starts])
    return _encoder().run(None, {"partials": stretches})[0]


@lru_cache(maxsize=1)
def _encoder() -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    model = speaker_file().read_bytes()
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def speaker_file() -> Path:
    """Where the encoder lies."""
    return Path(str(resources.files("assets").joinpath("models", "speaker.onnx")))
