"""Imported voices under ONNX Runtime, and what drives them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from inference.rvc.excitation import SINE_AMPLITUDE, add_noise, coarse_pitch, sine_source
from inference.rvc.facts import DECODER, FACTS, RvcError, read_facts
from inference.rvc.model import RvcModel
from tests.rvc.golden import NAMES, arrays

Folder = Callable[[str], Path]


@pytest.mark.parametrize("name", NAMES)
def test_programs_match_the_golden_tensors(name: str, model_folder: Folder) -> None:
    golden = arrays(name)
    model = RvcModel.load(model_folder(name))
    facts, speaker = model.facts, int(golden["sid"])
    source, _, _ = sine_source(golden["f0"], 0.0, facts.sample_rate, facts.hop)
    mean, log_scale = model.prior(golden["phone"][0], golden["coarse"])
    latent = model.flow(mean, speaker)
    audio = model.decode(latent, source, speaker)
    np.testing.assert_allclose(mean, golden["m_p"][0], rtol=0, atol=1e-5)
    np.testing.assert_allclose(log_scale, golden["logs_p"][0], rtol=0, atol=1e-5)
    np.testing.assert_allclose(latent, golden["z"][0], rtol=0, atol=1e-5)
    np.testing.assert_allclose(audio, golden["audio"], rtol=0, atol=1e-5)


@pytest.mark.parametrize("frames", [1, 7, 93])
def test_any_number_of_frames_runs(frames: int, model_folder: Folder) -> None:
    model = RvcModel.load(model_folder("v1-48k"))
    facts = model.facts
    phone = np.zeros((frames, facts.content_channels), np.float32)
    mean, log_scale = model.prior(phone, np.ones(frames, np.int64))
    assert mean.shape == log_scale.shape == (facts.latent_channels, frames)
    audio = model.decode(model.flow(mean, 1), np.zeros(frames * facts.hop, np.float32), 1)
    assert audio.shape == (frames * facts.hop,)


def test_facts_of_the_golden_voices(model_folder: Folder) -> None:
    facts = read_facts(model_folder("v2-40k-nof0"))
    assert (facts.name, facts.version, facts.info) == ("v2-40k-nof0", "v2", "golden")
    assert (facts.sample_rate, facts.hop, facts.content_channels) == (40_000, 400, 768)
    assert (facts.has_pitch, facts.speakers, facts.latent_channels) == (False, 4, 48)
    assert read_facts(model_folder("v1-48k")).version == "v1"


@pytest.mark.parametrize("damage", ["{", "[]", '{"format": "menura-rvc"}', '{"hop": 0}', '{"hop": "a"}'])
def test_damaged_facts_are_refused(damage: str, tmp_path: Path, model_folder: Folder) -> None:
    known = json.loads((model_folder("v1-40k") / FACTS).read_text())
    changed = json.dumps({**known, **json.loads(damage)}) if damage.startswith('{"hop') else damage
    (tmp_path / FACTS).write_text(changed)
    with pytest.raises(RvcError, match="import it again"):
        read_facts(tmp_path)


def test_a_missing_or_damaged_program_is_told(tmp_path: Path, model_folder: Folder) -> None:
    with pytest.raises(RvcError, match="missing"):
        RvcModel.load(tmp_path)
    for file in model_folder("v1-40k").iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes()[: 999 if file.name == DECODER else None])
    with pytest.raises(RvcError, match="import the RVC voice again"):
        RvcModel.load(tmp_path)


def test_the_sine_in_pieces_is_the_sine_in_one() -> None:
    f0 = np.array([0, 110.0, 220.5, 0, 0, 333.3, 87.1, 1000.0])
    whole, after, starts = sine_source(f0, 0.25, 40_000, 400)
    pieces, phase = [], 0.25
    for first, last in [(0, 1), (1, 5), (5, 5), (5, 8)]:
        piece, phase, _ = sine_source(f0[first:last], phase, 40_000, 400)
        pieces.append(piece)
    np.testing.assert_allclose(np.concatenate(pieces), whole, atol=1e-7)
    assert phase == pytest.approx(after, abs=1e-9)
    again, _, _ = sine_source(f0[5:], float(starts[5]), 40_000, 400)
    np.testing.assert_allclose(again, whole[5 * 400 :], atol=1e-7)
    assert not whole[:400].any()
    assert np.abs(whole).max() == pytest.approx(SINE_AMPLITUDE, rel=1e-3)


def test_noise_is_seeded_and_louder_where_unvoiced() -> None:
    f0, silence = np.array([100.0, 0.0]), np.zeros(8000, np.float32)
    once = add_noise(silence, f0, 4000, np.random.default_rng(3))
    np.testing.assert_array_equal(once, add_noise(silence, f0, 4000, np.random.default_rng(3)))
    assert once[:4000].std() == pytest.approx(0.003, rel=0.1)
    assert once[4000:].std() == pytest.approx(0.1 / 3, rel=0.1)


@pytest.mark.parametrize("name", NAMES)
def test_coarse_pitch_matches_the_golden_bins(name: str) -> None:
    golden = arrays(name)
    np.testing.assert_array_equal(coarse_pitch(golden["f0"]), golden["coarse"])


def test_coarse_pitch_ends() -> None:
    assert coarse_pitch(np.array([0.0, 20.0, 50.0, 1100.0, 2000.0])).tolist() == [1, 1, 1, 255, 255]
