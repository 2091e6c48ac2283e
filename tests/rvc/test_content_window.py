"""RVC's content model dropped onto the window."""

from __future__ import annotations

import multiprocessing
import threading
from pathlib import Path

import pytest

from gui.control.rvc_content import ContentController
from inference.engine.messages import VoiceFailed
from inference.rvc.content import ContentEncoder, ContentError, content_folder, describe
from inference.rvc.content_install import install_beside, install_content
from tests.gui.conftest import Studio
from tests.gui.conftest import home as home
from tests.gui.conftest import open_studio as open_studio
from tests.gui.conftest import studio as studio
from tests.gui.test_library import drop
from tests.rvc.content_model import in_layout, save_torch, small_weights
from voices.archive import Consent, VoiceArchive
from voices.voice import Voice, VoiceKind


@pytest.fixture
def here(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small programs are at hand as the shipped ones are, and no process is started."""

    def install(path: Path, _leave: threading.Event) -> str:
        return describe(install_content(path, content_folder(), lambda *_: None, programs))

    monkeypatch.setattr("gui.control.rvc_content.install_beside", install)


def test_a_dropped_model_is_installed(studio: Studio, here: None, tmp_path: Path) -> None:
    drop(studio, save_torch(tmp_path / "hubert_base.pt", in_layout(small_weights(), "fairseq")))
    text = studio.window.message.text
    studio.bot.waitUntil(lambda: "content model is installed" in text.text())
    assert "serves RVC v1 and v2 voices" in text.text()
    assert ContentEncoder.load(content_folder()).versions == ("v1", "v2")


def test_the_rvc_voice_in_use_is_made_ready_again_and_one_that_waits_is_offered(
    studio: Studio, here: None, tmp_path: Path
) -> None:
    library, message = studio.session.library, studio.window.message
    for name in ("Ada", "Bo"):
        voice = Voice("new", name, "", VoiceKind.RVC, model="0" * 64)
        library.library.add(VoiceArchive(voice, Consent("Ada", "2026-11-23")))
    library.look()
    studio.bot.waitUntil(lambda: library.find("bo") is not None)
    studio.session.choose_voice("ada")
    studio.bot.waitUntil(lambda: not studio.engine.events)
    studio.session.choose_voice("bo")
    studio.engine.events = [VoiceFailed("bo", "RVC voices need the content model.")]
    studio.bot.waitUntil(lambda: studio.session.voice_id == "ada")
    asked = len(studio.engine.voices)
    drop(studio, save_torch(tmp_path / "hubert_base.pt", in_layout(small_weights(), "fairseq")))
    studio.bot.waitUntil(lambda: "content model is installed" in message.text.text())
    assert [voice.name for voice in studio.engine.voices[asked:]] == ["Ada"]
    assert message.button.text() == "Use Bo"
    message.button.click()
    assert studio.engine.voices[-1].name == "Bo"


def test_another_file_is_refused_in_a_sentence(studio: Studio, here: None, tmp_path: Path) -> None:
    (tmp_path / "photo.bin").write_bytes(b"not a model, but long enough")
    drop(studio, tmp_path / "photo.bin")
    studio.bot.waitUntil(lambda: "photo.bin holds no tensors" in studio.window.message.text.text())


@pytest.mark.usefixtures("home")
def test_the_process_hands_its_refusal_over(tmp_path: Path) -> None:
    path = save_torch(tmp_path / "small.pt", in_layout(small_weights(), "fairseq"))
    with pytest.raises(ContentError, match="is not a HuBERT-base: it has 3 layers"):
        install_beside(path, threading.Event())
    assert list(content_folder().parent.iterdir()) == []


@pytest.mark.usefixtures("home")
def test_an_installation_is_broken_off_with_its_process(tmp_path: Path) -> None:
    path = save_torch(tmp_path / "small.pt", in_layout(small_weights(), "fairseq"))
    (content_folder().parent / ".menura-left").mkdir(parents=True)
    leave = threading.Event()
    leave.set()
    with pytest.raises(ContentError, match="broken off"):
        install_beside(path, leave)
    assert list(content_folder().parent.iterdir()) == []
    assert "menura rvc content" not in {child.name for child in multiprocessing.active_children()}


def test_who_quits_does_not_wait_for_an_installation(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told: list[bool] = []
    monkeypatch.setattr(
        "gui.control.rvc_content.install_beside", lambda _path, leave: told.append(leave.wait(20))
    )
    controller = ContentController(studio.session)
    controller.install(tmp_path / "hubert_base.pt")
    controller.close()
    assert told == [True]
