"""Checkpoints of strangers: what is told of each, and that none of it runs."""

from __future__ import annotations

import os
import pickle
import zipfile
from collections.abc import Callable
from contextlib import nullcontext
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from inference.networks.rvc import export
from inference.rvc.checkpoint import read_checkpoint
from inference.rvc.config import config_of_training, released_sizes, sizes_of
from inference.rvc.convert import convert
from inference.rvc.facts import RvcError
from inference.rvc.templates import find_programs, shipped_folder
from tests.rvc.golden import voice_file

Content = dict[str, Any]
Change = Callable[[Content], object]
Refusal = Callable[[Path], str]


weight_shapes = cache(export.weight_shapes)  # of every size it is asked for twice


class Evil:
    """Leaves a file behind when a pickle is allowed to run."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.target}",)


@pytest.fixture(scope="module")
def golden() -> Content:
    return torch.load(voice_file("v1-40k"), weights_only=True)


@pytest.fixture
def forged(golden: Content, tmp_path: Path) -> Callable[[Change], Path]:
    """A golden voice with a change made to it, saved."""

    def make(change: Change) -> Path:
        content = {**golden, "weight": dict(golden["weight"]), "config": list(golden["config"])}
        change(content)
        path = tmp_path / "forged.pth"
        torch.save(content, path)
        return path

    return make


@pytest.fixture
def refusal(templates: Callable[[str], Path]) -> Callable[[Path], str]:
    """The sentence with which a voice is refused, by reading or by converting."""

    def told(path: Path) -> str:
        models = path.parent / "models"
        with pytest.raises(RvcError) as refused:
            convert(path, models, lambda what, share: None, templates=templates("v1-40k"))
        assert not models.exists() or not list(models.iterdir()), "something half made was left"
        sentence = str(refused.value)
        assert "\n" not in sentence
        return sentence

    return told


def test_what_a_good_one_says() -> None:
    found = read_checkpoint(voice_file("v2-40k-nof0"))
    assert (found.version, found.info, found.sizes.speakers, found.sizes.pitch) == ("v2", "golden", 4, False)
    assert (found.sizes.hop, found.sizes.sample_rate) == (400, 40_000)


def test_weight_norm_is_folded_whatever_it_is_called(
    forged: Callable[[Change], Path], golden: Content
) -> None:
    def rename(content: Content) -> None:
        weights = content["weight"]
        for key in list(weights):
            new = key.replace(".weight_g", ".parametrizations.weight.original0")
            weights[new.replace(".weight_v", ".parametrizations.weight.original1")] = weights.pop(key)

    name = "dec.ups.1.weight"
    folded = read_checkpoint(forged(rename)).weight(name)
    direction, gain = (golden["weight"][f"{name}_{part}"].double() for part in "vg")
    expected = torch._weight_norm(direction, gain)
    np.testing.assert_allclose(folded, expected.numpy(), rtol=1e-5)


def test_speakers_are_counted_from_the_weights_and_named(forged: Callable[[Change], Path]) -> None:
    def change(content: Content) -> None:
        content["config"][15] = 999
        content["speaker_info"] = [{"id": n, "name": f"Speaker {n}\u202e"} for n in range(4)]
        content["f0_median"] = 212.5

    found = read_checkpoint(forged(change))
    assert found.sizes.speakers == 4
    assert found.speaker_names == ("Speaker 0", "Speaker 1", "Speaker 2", "Speaker 3")
    assert found.f0_median_hz == 212.5


@pytest.mark.parametrize("where", ["info", "weight", "alone", "old format"])
def test_no_pickle_runs(
    where: str, forged: Callable[[Change], Path], tmp_path: Path, refusal: Refusal
) -> None:
    ran = tmp_path / "ran"
    evil = Evil(ran)
    if where in ("info", "weight"):
        path = forged(lambda c: c.update(info=evil) if where == "info" else c["weight"].update(x=evil))
    elif where == "alone":
        path = tmp_path / "alone.pth"
        torch.save(evil, path)
    else:
        path = tmp_path / "old.pth"
        path.write_bytes(pickle.dumps(evil))
    sentence = refusal(path)
    assert not ran.exists()
    told = {"alone": "not an RVC voice", "old format": "old format"}.get(where, "could run code")
    assert told in sentence
    # The file is a danger indeed: an unguarded reader runs it.
    with pytest.raises((RuntimeError, KeyError, TypeError)) if where == "old format" else nullcontext():
        torch.load(path, weights_only=False)
    if where != "old format":
        assert ran.exists()


@pytest.mark.parametrize("kept", [0, 3, 21, 5000, 800_000, 1_640_000])
def test_truncated_files(kept: int, tmp_path: Path, refusal: Refusal) -> None:
    path = tmp_path / "cut.pth"
    path.write_bytes(voice_file("v1-40k").read_bytes()[:kept])
    sentence = refusal(path)
    assert "damaged" in sentence or "neither torch's" in sentence


def test_a_missing_file_and_a_folder(tmp_path: Path, refusal: Refusal) -> None:
    assert "does not exist" in refusal(tmp_path / "none.pth")
    assert "not an ordinary file" in refusal(tmp_path)


def test_zip_bombs_are_not_unpacked(tmp_path: Path, refusal: Refusal) -> None:
    path = tmp_path / "bomb.pth"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("bomb/data.pkl", b"\x80\x02}." + b"0" * (40 << 20))
    assert "archive" in refusal(path) or "packed" in refusal(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("bomb/data.pkl", b"\x80\x02}." + b"0" * 1000)
    assert "packed" in refusal(path)


def test_a_small_storage_seen_as_a_huge_tensor(forged: Callable[[Change], Path], refusal: Refusal) -> None:
    huge = torch.zeros(1, dtype=torch.float16).expand(1 << 30)
    assert "damaged" in refusal(forged(lambda c: c["weight"].update({"enc_p.proj.bias": huge})))


def test_weights_that_share_one_storage_are_read_one_by_one(
    forged: Callable[[Change], Path], refusal: Refusal
) -> None:
    shared = torch.zeros(96, 48, 1, dtype=torch.float16)
    path = forged(lambda c: c["weight"].update({f"extra.{n}": shared for n in range(200)}))
    assert "has, as no RVC voice, 'extra.0'" in refusal(path)


def test_what_cannot_be_shown_whole_is_told_by_its_kind(
    forged: Callable[[Change], Path], refusal: Refusal
) -> None:
    """A list of itself twice, 22 deep, has four million numbers; 60 deep it would fill any memory."""
    wide: Any = 1
    for _ in range(22):
        wide = (wide, wide)
    for place in (2, 9, 10):
        assert "tuple" in refusal(forged(lambda c, place=place: c["config"].__setitem__(place, wide)))
    assert "vocoder tuple" in refusal(forged(lambda c: c.update(vocoder=wide)))
    assert "content model tuple" in refusal(forged(lambda c: c.update(embedder_model=wide)))
    named = forged(lambda c: c.update(speaker_info=[{"id": wide, "name": "Ada"}] * 4))
    assert read_checkpoint(named).speaker_names == ()


def set_config(position: int, value: object) -> Change:
    return lambda content: content["config"].__setitem__(position, value)


def set_weight(name: str, value: object) -> Change:
    return lambda content: content["weight"].__setitem__(name, value)


def half(*shape: int) -> torch.Tensor:
    return torch.zeros(shape, dtype=torch.float16)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda c: c["config"].pop(), "config has 17 entries instead of 18"),
        (lambda c: c.update(config={"a": 1}), "no config"),
        (lambda c: c.pop("weight"), "holds no weights"),
        (set_config(4, 1 << 40), "makes no sense"),
        (set_config(6, 10**9), "makes no sense"),
        (set_config(6, 24), "lacks 'enc_p.encoder.attn_layers.10."),
        (set_config(12, [10, 10, 2, 3]), "samples per frame"),
        (set_config(12, [10] * 9), "makes no sense"),
        (set_config(12, "10,10,2,2"), "makes no sense"),
        (set_config(14, [16, 15, 4, 4]), "does not fit together"),
        (set_config(9, "2"), "residual blocks of kind 2"),
        (set_config(17, 44_100), "44100 Hz"),
        (set_config(17, True), "makes no sense"),
        (set_weight("enc_p.emb_phone.weight", half(48, 512)), "512 channels"),
        (set_weight("enc_p.proj.weight", half(95, 48, 1)), "'enc_p.proj.weight' has the shape"),
        (set_weight("dec.conv_pre.weight", half(64, 48, 9)), "'dec.conv_pre.weight' has the shape"),
        (set_weight("dec.ups.0.weight_g", half(63, 1, 1)), "no gain that fits"),
        (set_weight("emb_g.weight", half(0, 32)), "'emb_g.weight'"),
        (set_weight("enc_p.proj.bias", torch.full((96,), torch.nan)), "no numbers"),
        (set_weight("dec.ups.0.weight_v", half(64, 32, 16)), "no numbers"),
        (set_weight("enc_p.proj.bias", [0.0] * 96), "holds no weights"),
        (set_weight("enc_p.proj.bias", torch.zeros(96, dtype=torch.int64)), "could run code"),
        (set_weight("dec.mrfs.0.weight", half(1)), "MRF HiFi-GAN"),
        (set_weight("dec.upsample_blocks.0.weight", half(1)), "RefineGAN"),
        (set_weight("enc_p.ssl_proj.weight", half(1)), "GPT-SoVITS"),
        (lambda c: c.update(vocoder="BigVGAN"), "BigVGAN"),
        (lambda c: c.update(embedder_model="spin-v2"), "content model spin-v2"),
        (lambda c: c.update(model=c.pop("weight"), optimizer={}, iteration=1), "raw G file"),
    ],
)
def test_what_cannot_run_is_refused_by_name(
    change: Change, told: str, forged: Callable[[Change], Path], refusal: Refusal
) -> None:
    assert told in refusal(forged(change))


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        (["encoder.layers.0.self_attn.k_proj.weight"], "content model"),
        (["unet.encoder.bn.weight"], "RMVPE"),
        (["discriminators.0.convs.0.weight_g"], "discriminator"),
        (["something.else"], "holds no weights of one"),
    ],
)
def test_files_of_the_same_family_are_named(
    keys: list[str], told: str, tmp_path: Path, refusal: Refusal
) -> None:
    weights = {key: half(1) for key in keys}
    for content in (weights, {"model": weights}):
        torch.save(content, tmp_path / "other.pth")
        assert told in refusal(tmp_path / "other.pth")


def test_what_training_saves_is_known_by_its_shapes() -> None:
    for sizes in released_sizes():
        shapes = {name: shape for part in weight_shapes(sizes).values() for name, shape in part.items()}
        spectrum = 513 if sizes.sample_rate == 32_000 else 1025
        shapes |= {"emb_g.weight": (1, 256), "enc_q.pre.weight": (192, spectrum, 1)}
        assert sizes_of(config_of_training(shapes, "G.pth"), shapes, "G.pth") == sizes


def test_graphs_of_all_released_sizes_are_shipped_for_the_weights_that_torch_has() -> None:
    for sizes in released_sizes():
        programs = find_programs(shipped_folder(), sizes)
        assert {program.name: program.weights for program in programs} == weight_shapes(sizes)
        assert all(program.graph.is_file() for program in programs)
