"""A home of Menura's in which an RVC voice speaks: a small voice, and a content model of one convolution."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from inference.rvc.content_install import install_content
from inference.rvc.facts import read_facts
from voices.archive import Consent, VoiceArchive
from voices.library import Library
from voices.voice import Voice, VoiceKind

_WIDTH, _FIELD, _HOP = 768, 400, 320


def tiny_content(path: Path, seed: int = 1) -> Path:
    """An ONNX file (1, 1, n) -> (1, 768, frames): random filters over 25 ms every 20. Returns the path."""
    weight = np.random.default_rng(seed).normal(0, 0.1, (_WIDTH, 1, _FIELD)).astype(np.float32)
    node = helper.make_node("Conv", ["audio", "weight"], ["features"], strides=[_HOP])
    graph = helper.make_graph(
        [node],
        "tiny",
        [helper.make_tensor_value_info("audio", TensorProto.FLOAT, [1, 1, "n"])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [1, _WIDTH, "T"])],
        [numpy_helper.from_array(weight, "weight")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10), path)
    return path


def install(home: Path, model: Path, content: bool = True) -> Voice:
    """Puts the voice of a model folder, and a content model, into a home. Returns the voice."""
    if content:
        tiny_content(home / "tiny.onnx")
        install_content(home / "tiny.onnx", home / "rvc" / "content", lambda what, share: None)
    facts = read_facts(model)
    library = Library(home / "voices")
    shutil.copytree(model, library.models / facts.sha256)
    voice = Voice("new", "Golden", "A small one.", VoiceKind.RVC, model=facts.sha256, f0_median_hz=220.0)
    return library.add(VoiceArchive(voice, Consent("Nobody", "2026-11-23")))
