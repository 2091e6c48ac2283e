"""`menura rvc content` and what `menura doctor` says of it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from inference import doctor
from inference.doctor import Finding, Level
from inference.rvc import content_install
from inference.rvc.content import ContentEncoder, content_folder
from tests.rvc.content_model import in_layout, save_torch, small_weights
from tests.rvc.hubert_weights import SMALL, random_audio
from voices.voice import VoiceKind


def rvc_finding() -> Finding:
    (found,) = doctor._rvc()
    return found


@pytest.fixture
def shipped(programs: Path, monkeypatch) -> None:
    """The small model's programs in place of those that are shipped."""
    monkeypatch.setattr(content_install, "program_folder", lambda: programs)


def test_the_command_installs_a_file_and_the_doctor_sees_it(run, shipped, tmp_path: Path):
    path = save_torch(tmp_path / "hubert_base.pt", in_layout(small_weights(), "fairseq"))
    told = run("rvc", "content", path)
    assert (told.status, told.err) == (0, "")
    assert "Installed: hubert_base.pt" in told.out
    assert "RVC v1 and v2 voices" in told.out
    features = ContentEncoder.load(content_folder()).features(random_audio(1000), "v2")
    assert features.shape == (2, SMALL.dim)
    found = rvc_finding()
    assert found.level is Level.OK
    assert "hubert_base.pt" in found.text
    (content_folder() / "float.weights").write_bytes(b"")
    assert rvc_finding().level is Level.PROBLEM
    assert "install it again" in rvc_finding().text


def test_a_wrong_file_is_told_in_a_line(run, shipped, tmp_path: Path):
    assert run("rvc", "content", tmp_path / "nowhere.pt").is_one_line()
    path = save_torch(tmp_path / "voice.pth", {"weight": np.zeros(3, np.float32)})
    told = run("rvc", "content", path)
    assert told.is_one_line()
    assert "is no content model" in told.err


@pytest.mark.usefixtures("run")  # a home of the test's own
def test_the_doctor_minds_a_missing_model_only_with_an_rvc_voice(monkeypatch):
    found = rvc_finding()
    assert found.level is Level.OK
    assert "menura rvc content hubert_base.pt" in found.remedy
    library = SimpleNamespace(voices=lambda: [SimpleNamespace(kind=VoiceKind.RVC)])
    monkeypatch.setattr(doctor, "Library", SimpleNamespace(open=lambda: library))
    assert rvc_finding().level is Level.PROBLEM
