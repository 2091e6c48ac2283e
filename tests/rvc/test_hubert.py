"""HuBERT against transformers' on random weights: small in torch, base as the studio runs it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from inference.networks.hubert import Hubert, HubertConfig
from inference.rvc.content import Program, frame_count, open_session
from inference.rvc.content_files import ContentWeights
from inference.rvc.content_install import program_folder, write_weights
from tests.rvc.content_model import FIXTURES, as_json, config_of, shapes_of, table_in_float
from tests.rvc.hubert_weights import SMALL, random_audio, random_weights


def test_small_model_is_transformers():
    golden = np.load(FIXTURES / "hubert-small.npz")
    hubert = Hubert(SMALL).eval()
    weights = random_weights(shapes_of(SMALL))
    hubert.load_state_dict({name: torch.tensor(value) for name, value in weights.items()})
    with torch.no_grad():
        units, hidden = hubert(torch.tensor(random_audio(6000))[None])
    assert hidden.shape == (1, frame_count(6000), SMALL.dim)
    np.testing.assert_allclose(units[0], golden["units"], atol=1e-5)
    np.testing.assert_allclose(hidden[0], golden["hidden"], atol=1e-5)


def test_shipped_programs_are_transformers_base_model(tmp_path: Path):
    shipped = program_folder()
    assert config_of(shipped) == as_json(HubertConfig())
    weights = random_weights(shapes_of(HubertConfig()))
    write_weights(tmp_path, table_in_float(shipped), ContentWeights("", True, weights.__getitem__))
    golden = np.load(FIXTURES / "hubert-base.npz")
    for version, wanted in (("v1", golden["units"]), ("v2", golden["hidden"])):
        program = tmp_path / f"{version}-float.onnx"
        program.write_bytes((shipped / program.name).read_bytes())
        found = Program(program.name).run(open_session(program, 1), random_audio(3200))
        assert np.abs(found - wanted).max() < 2e-5 * np.abs(wanted).max()
