"""Which speaker model an embedding comes from: embeddings of different models mean different things."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

EMBEDDING_SIZE = 256
"""Numbers in a speaker embedding."""


@dataclass(frozen=True)
class Encoder:
    """A speaker model: its name and the SHA-256 of its file, in hexadecimal digits."""

    name: str
    sha256: str


@lru_cache(maxsize=1)
def shipped_encoder() -> Encoder:
    """The speaker model in assets/models, which made every embedding that this version can use."""
    content = resources.files("assets").joinpath("models", "speaker.onnx").read_bytes()
    return Encoder("GE2E speaker encoder", hashlib.sha256(content).hexdigest())
