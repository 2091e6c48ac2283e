"""Content models that come as ONNX files: what they are is found out by running them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from inference.rvc.content import ContentEncoder, ContentError
from inference.rvc.content_install import install_content
from tests.rvc.hubert_weights import random_audio

AUDIO = random_audio(3000)
KERNELS = {
    width: np.random.default_rng(width).standard_normal((width, 1, 400)).astype(np.float32)
    for width in (256, 768)
}


def model(
    path: Path,
    outputs: dict[str, int],
    rank: int = 3,
    turned: bool = True,
    mask: bool = False,
    stride: int = 320,
) -> Path:
    """One convolution for each output of a width; `turned`: the output stays (1, width, frames)."""
    nodes, infos, kernels = [], [], []
    source = "audio"
    inputs = [
        helper.make_tensor_value_info("audio", TensorProto.FLOAT, [1, None] if rank == 2 else [1, 1, None])
    ]
    if rank == 2:
        nodes.append(helper.make_node("Unsqueeze", ["audio", "axis"], ["shaped"]))
        kernels.append(numpy_helper.from_array(np.array([1]), "axis"))
        source = "shaped"
    if mask:
        inputs.append(helper.make_tensor_value_info("padding_mask", TensorProto.BOOL, [1, None]))
        nodes.append(helper.make_node("Identity", ["padding_mask"], ["unused"]))
    for name, width in outputs.items():
        kernels.append(numpy_helper.from_array(KERNELS[width], f"kernel_{name}"))
        result = name if turned else f"{name}_turned"
        nodes.append(helper.make_node("Conv", [source, f"kernel_{name}"], [result], strides=[stride]))
        if not turned:
            nodes.append(helper.make_node("Transpose", [result], [name], perm=[0, 2, 1]))
        infos.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
    graph = helper.make_graph(nodes, "content", inputs, infos, kernels)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path


def wanted(width: int) -> np.ndarray:
    frames = np.lib.stride_tricks.sliding_window_view(AUDIO, 400)[::320]
    return frames @ KERNELS[width][:, 0].T


def install(path: Path, tmp_path: Path) -> ContentEncoder:
    install_content(path, tmp_path / "home" / "content", lambda what, share: None)
    return ContentEncoder.load(tmp_path / "home" / "content")


@pytest.mark.parametrize(("rank", "turned", "mask"), [(2, False, False), (3, True, False), (2, True, True)])
def test_both_versions_are_served(rank, turned, mask, tmp_path: Path):
    path = model(tmp_path / "content_vec_500.onnx", {"units9": 256, "unit12": 768}, rank, turned, mask)
    encoder = install(path, tmp_path)
    assert encoder.versions == ("v1", "v2")
    np.testing.assert_allclose(encoder.features(AUDIO, "v1"), wanted(256), atol=1e-3)
    np.testing.assert_allclose(encoder.features(AUDIO, "v2"), wanted(768), atol=1e-3)


def test_the_layer_in_a_name_decides(tmp_path: Path):
    outputs = {"embed": 768}
    assert install(model(tmp_path / "vec-768-layer-12.onnx", outputs), tmp_path).versions == ("v2",)
    with pytest.raises(ContentError, match="none of its outputs is layer 9"):
        install(model(tmp_path / "vec-768-layer-9.onnx", outputs), tmp_path)


def test_other_models_are_refused(tmp_path: Path):
    with pytest.raises(ContentError, match="none of its outputs"):
        install(model(tmp_path / "x.onnx", {"embed": 768}, stride=160), tmp_path)
    (tmp_path / "y.onnx").write_bytes(b"no model at all")
    with pytest.raises(ContentError, match="no ONNX model"):
        install(tmp_path / "y.onnx", tmp_path)
    with pytest.raises(ContentError, match="does not exist"):
        install(tmp_path / "z.onnx", tmp_path)
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, None]) for name in ("a", "b")]
    output = helper.make_tensor_value_info("c", TensorProto.FLOAT, None)
    graph = helper.make_graph([helper.make_node("Add", ["a", "b"], ["c"])], "sum", inputs, [output])
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9),
        tmp_path / "w.onnx",
    )
    with pytest.raises(ContentError, match="other inputs than audio"):
        install(tmp_path / "w.onnx", tmp_path)
    assert list((tmp_path / "home").iterdir()) == []


def test_outputs_that_are_no_numbers_are_passed_over(tmp_path: Path):
    path = model(tmp_path / "x.onnx", {"embed": 768})
    loaded = onnx.load(path)
    text = numpy_helper.from_array(np.full((9, 768), "x", object), "text")
    loaded.graph.initializer.append(text)
    loaded.graph.node.append(helper.make_node("Identity", ["text"], ["words"]))
    loaded.graph.output.insert(0, helper.make_tensor_value_info("words", TensorProto.STRING, None))
    loaded.graph.node.append(helper.make_node("Cast", ["embed"], ["unit12"], to=TensorProto.DOUBLE))
    loaded.graph.output.append(helper.make_tensor_value_info("unit12", TensorProto.DOUBLE, None))
    onnx.save(loaded, path)
    features = install(path, tmp_path).features(AUDIO, "v2")
    assert features.dtype == np.float32
    np.testing.assert_allclose(features, wanted(768), atol=1e-3)


def test_a_model_does_not_read_other_files(tmp_path: Path):
    path = model(tmp_path / "x.onnx", {"embed": 768})
    loaded = onnx.load(path)
    onnx.save(loaded, path, save_as_external_data=True, location="secret", size_threshold=0)
    assert (tmp_path / "secret").exists()
    with pytest.raises(ContentError, match="runs by itself"):
        install(path, tmp_path)
