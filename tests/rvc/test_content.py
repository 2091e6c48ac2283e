"""The content model: installed from every layout, exact, and refused in a sentence where it is none."""

from __future__ import annotations

import argparse
import enum
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from inference.networks.hubert import Hubert
from inference.rvc import content_files, content_install
from inference.rvc.content import ContentEncoder, ContentError, describe, frame_count, read_manifest
from inference.rvc.content_files import KnownFile
from inference.rvc.content_install import choose_precision, install_content
from inference.rvc.tensor_file import TensorFileError
from tests.rvc.content_model import Weights, in_layout, save_safetensors, save_torch, small_weights
from tests.rvc.hubert_weights import SMALL, random_audio

AUDIO = random_audio(6000)


class Task(enum.Enum):
    """A class of somebody's, as fairseq's checkpoints have them."""

    HUBERT = "hubert"


class Dictionary(dict):
    """Another one."""


def silent(what: str, share: float) -> None:
    """Tells nobody."""


@pytest.fixture(scope="session")
def weights() -> Weights:
    return small_weights()


@pytest.fixture
def install(programs: Path, tmp_path: Path) -> Callable[[Path], ContentEncoder]:
    """Installs a file and opens what was made of it, in float."""

    def run(path: Path) -> ContentEncoder:
        install_content(path, tmp_path / "home" / "content", silent, programs)
        return ContentEncoder.load(tmp_path / "home" / "content", precision="float")

    return run


def reference(weights: Weights) -> dict[str, np.ndarray]:
    """What torch computes of AUDIO."""
    hubert = Hubert(SMALL).eval()
    hubert.load_state_dict({name: torch.tensor(value) for name, value in weights.items()})
    with torch.no_grad():
        units, hidden = hubert(torch.tensor(AUDIO)[None])
    return {"v1": units[0].numpy(), "v2": hidden[0].numpy()}


def fairseq(path: Path, weights: Weights) -> Path:
    """A checkpoint as fairseq's, objects and all."""
    about = {"args": argparse.Namespace(task=Task.HUBERT), "words": Dictionary(a=1), "seen": {1, 2}}
    return save_torch(path / "hubert_base.pt", in_layout(weights, "fairseq"), cfg=OrderedDict(about))


def old_fairseq(path: Path, weights: Weights) -> Path:
    """The same by torch before 1.6."""
    content = torch.load(fairseq(path, weights), weights_only=False)
    torch.save(content, path / "old.pt", _use_new_zipfile_serialization=False)
    return path / "old.pt"


def transformers(path: Path, weights: Weights) -> Path:
    """Transformers' layout, new names of weight norm, a prefix."""
    names = (".parametrizations.weight.original0", ".parametrizations.weight.original1")
    found = in_layout(weights, "transformers", names)
    return save_torch(path / "pytorch_model.bin", {f"hubert.{name}": value for name, value in found.items()})


def safetensors(path: Path, weights: Weights) -> Path:
    """Transformers' layout as safetensors."""
    return save_safetensors(path / "model.safetensors", in_layout(weights, "transformers"))


@pytest.mark.parametrize("layout", [fairseq, old_fairseq, transformers, safetensors])
def test_every_layout_gives_the_same_features(layout, install, weights, tmp_path: Path):
    encoder = install(layout(tmp_path, weights))
    assert encoder.versions == ("v1", "v2")
    for version, wanted in reference(weights).items():
        found = encoder.features(AUDIO, version)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, wanted, atol=2e-5)


def test_half_floats_and_bfloat16_are_read(install, weights, tmp_path: Path):
    def rounded(name: str, value: np.ndarray) -> torch.Tensor:
        exact = torch.tensor(value)
        if name.startswith("position"):
            return exact
        return exact.bfloat16() if name.startswith("layers.0.") else exact.half()

    state = {name: rounded(name, value) for name, value in weights.items()}
    short = {name: value.float().numpy() for name, value in state.items()}
    named = in_layout(short, "fairseq")
    kinds = {content_files.source_name(name, "fairseq"): value.dtype for name, value in state.items()}
    torch.save(
        {n: torch.tensor(v).to(kinds.get(n, torch.float32)) for n, v in named.items()}, tmp_path / "x.pt"
    )
    wanted = reference(short)["v2"]
    np.testing.assert_allclose(install(tmp_path / "x.pt").features(AUDIO, "v2"), wanted, atol=2e-5)
    path = save_safetensors(tmp_path / "x.safetensors", in_layout(short, "transformers"))
    assert b'"BF16"' in path.read_bytes()
    np.testing.assert_allclose(install(path).features(AUDIO, "v2"), wanted, atol=2e-5)


def test_frames_are_those_of_the_convolutions(install, weights, tmp_path: Path):
    encoder = install(fairseq(tmp_path, weights))
    for samples in (400, 719, 720, 1040, 5999):
        assert (
            len(encoder.features(AUDIO[:samples], "v2")) == frame_count(samples) == (samples - 400) // 320 + 1
        )
    assert frame_count(399) == 0
    with pytest.raises(ContentError, match="at least 400 samples"):
        encoder.features(AUDIO[:399], "v2")


def test_eight_bits_are_near_and_chosen_when_near_enough(install, weights, tmp_path: Path, monkeypatch):
    install(fairseq(tmp_path, weights))
    folder = tmp_path / "home" / "content"
    wanted = reference(weights)
    for precision in ("mixed", "int8"):
        encoder = ContentEncoder.load(folder, precision=precision)
        for version in ("v1", "v2"):
            error = encoder.features(AUDIO, version) - wanted[version]
            assert 1e-8 < np.square(error).mean() < 0.15 * np.square(wanted[version]).mean()
    monkeypatch.setattr(content_install, "GOOD_DB", 5.0)
    assert choose_precision(folder)["precision"] == "int8"
    monkeypatch.setattr(content_install, "GOOD_DB", 90.0)
    assert choose_precision(folder)["precision"] == "float"


def test_a_known_file_is_named(install, weights, tmp_path: Path, monkeypatch):
    path = fairseq(tmp_path, weights)
    install(path)
    about = read_manifest(tmp_path / "home" / "content")
    assert "not a file that Menura knows" in describe(about)
    known = KnownFile("ContentVec of the test", path.name, path.stat().st_size, about["sha256"])
    monkeypatch.setattr(content_files, "KNOWN", (known,))
    install(path)
    assert "ContentVec of the test" in describe(read_manifest(tmp_path / "home" / "content"))


def test_without_projection_only_v2_is_served(install, weights, tmp_path: Path):
    path = fairseq(tmp_path, {n: v for n, v in weights.items() if not n.startswith("units.")})
    encoder = install(path)
    assert encoder.versions == ("v2",)
    assert encoder.features(AUDIO, "v2").shape[1] == SMALL.dim
    with pytest.raises(ContentError, match="cannot serve RVC v1 voices"):
        encoder.features(AUDIO, "v1")


def without(weights: Weights, name: str) -> Weights:
    return {key: value for key, value in weights.items() if key != name}


HOSTILE = {
    "is not a HuBERT-base: it has 2 layers": lambda w: {n: v for n, v in w.items() if ".layers.2." not in n},
    "is not a HuBERT-base: it has 5 layers": lambda w: (
        w | {"encoder.layers.9.a": v1(), "encoder.layers.8.a": v1()}
    ),
    "it has 'feature_extractor.conv_layers.0.0.bias'": lambda w: (
        w | {"feature_extractor.conv_layers.0.0.bias": v1()}
    ),
    "it has 'encoder.layers.0.self_attn.rel_attn.a'": lambda w: (
        w | {"encoder.layers.0.self_attn.rel_attn.a": v1()}
    ),
    "for 'layer_norm.weight' it has nothing": lambda w: without(w, "layer_norm.weight"),
    "it has the shape": lambda w: w | {"layer_norm.weight": v1()},
    "is no content model": lambda w: without(w, "post_extract_proj.weight"),
    "values that are no numbers": lambda w: (
        w | {"layer_norm.bias": np.full(SMALL.conv_dim, np.nan, np.float32)}
    ),
}


def v1() -> np.ndarray:
    return np.zeros(1, np.float32)


@pytest.mark.parametrize("sentence", HOSTILE)
def test_what_is_no_hubert_base_is_refused(sentence, install, weights, tmp_path: Path):
    path = save_torch(tmp_path / "x.pt", HOSTILE[sentence](in_layout(weights, "fairseq")))
    with pytest.raises((ContentError, TensorFileError), match=sentence):
        install(path)
    assert list((tmp_path / "home").glob("*")) == []


def test_a_refused_file_leaves_the_installed_model(install, weights, tmp_path: Path):
    install(fairseq(tmp_path, weights))
    with pytest.raises(ContentError):
        install(save_torch(tmp_path / "x.pt", {"a": v1()}))
    found = ContentEncoder.load(tmp_path / "home" / "content", precision="float").features(AUDIO, "v2")
    np.testing.assert_allclose(found, reference(weights)["v2"], atol=2e-5)
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["content"]


def test_leftovers_of_a_crash_are_swept(install, weights, tmp_path: Path):
    (tmp_path / "home" / ".menura-crashed").mkdir(parents=True)
    install(fairseq(tmp_path, weights))
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["content"]


def test_a_full_disk_is_told(programs: Path, weights, tmp_path: Path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(content_install, "write_weights", full)
    with pytest.raises(ContentError, match="No space left on device"):
        install_content(fairseq(tmp_path, weights), tmp_path / "home" / "content", silent, programs)


def test_a_damaged_installation_is_told(install, weights, tmp_path: Path):
    install(fairseq(tmp_path, weights))
    folder = tmp_path / "home" / "content"
    program = folder / "v2-float.onnx"
    program.write_bytes(b"x" * program.stat().st_size)
    with pytest.raises(ContentError, match="is damaged; install it again"):
        ContentEncoder.load(folder, precision="float").features(AUDIO, "v2")
    program.write_bytes(b"x")
    with pytest.raises(ContentError, match="is damaged; install it again"):
        ContentEncoder.load(folder)
    with pytest.raises(ContentError, match=r"get RVC's hubert_base\.pt"):
        ContentEncoder.load(tmp_path / "nowhere")


def test_packed_and_cut_off_archives_are_refused(install, weights, tmp_path: Path):
    path = fairseq(tmp_path, weights)
    with (
        zipfile.ZipFile(path) as whole,
        zipfile.ZipFile(tmp_path / "packed.pt", "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for name in whole.namelist():
            packed.writestr(name, whole.read(name))
    with pytest.raises(TensorFileError, match="is packed, as no file of torch is"):
        install(tmp_path / "packed.pt")
    (tmp_path / "cut.pt").write_bytes(path.read_bytes()[:-100])
    with pytest.raises(TensorFileError, match="damaged or cut off"):
        install(tmp_path / "cut.pt")
    with pytest.raises(TensorFileError, match="does not exist"):
        install(tmp_path / "nowhere.pt")
