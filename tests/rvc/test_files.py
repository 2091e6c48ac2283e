"""Files and takes in an RVC voice, in the processes that the command line and the window use for them."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
import soundfile

from gui.pages.replay_picture import render_shown
from inference.batch import Cancelled, Done, Event, Failed, Working, plan
from inference.batch import run as run_batch
from inference.batch_process import BatchProcess
from inference.convert import convert_array
from inference.converter import HOP, MODEL_RATE
from inference.replay import render
from inference.sample import bundled_speech
from tests.rvc.spoken import install
from voices.tuning import Tuning
from voices.voice import Voice

Folder = Callable[[str], Path]

RATE = 44_100
SPEECH = bundled_speech(RATE)[: 2 * RATE + 7]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MENURA_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def voice(home: Path, model_folder: Folder) -> Voice:
    home.mkdir()
    return install(home, model_folder("v2-40k"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A recording, one in stereo, and one that is none."""
    made = tmp_path / "in"
    made.mkdir()
    soundfile.write(made / "a.wav", SPEECH, RATE)
    soundfile.write(made / "b.flac", np.stack([SPEECH, SPEECH], axis=1), RATE)
    (made / "c.wav").write_text("no sound")
    return made


def test_the_batch_command_says_files_in_the_voice(run, voice: Voice, folder: Path, tmp_path: Path) -> None:
    outcome = run("batch", folder, "--voice", "Golden", "--out", tmp_path / "out")
    assert "2 of 3 files converted" in outcome.out
    assert "c.wav" in outcome.err
    said = convert_array(SPEECH, RATE, voice)
    for name, channels in (("a Golden.wav", 1), ("b Golden.wav", 2)):
        y, rate = soundfile.read(tmp_path / "out" / name, dtype="float32", always_2d=True)
        assert (y.shape, rate) == ((len(SPEECH), channels), RATE)
        # What 16 bits and the stereo mix leave; two conversions are the same to the bit.
        np.testing.assert_allclose(y[:, 0], said, atol=1e-3)
    assert np.abs(said - SPEECH).max() > 0.05


def test_a_batch_beside_the_window_tells_every_file_and_is_cancelled(
    voice: Voice, folder: Path, tmp_path: Path
) -> None:
    soundfile.write(folder / "long.wav", np.tile(SPEECH, 20), RATE)
    jobs = plan([folder / "a.wav", folder / "long.wav"], tmp_path / "out", ".wav", voice)
    batch, found, end = BatchProcess(jobs, voice, Tuning()), list[Event](), time.monotonic() + 300
    while not batch.finished:
        assert time.monotonic() < end
        found += batch.poll()
        if any(isinstance(event, Working) and event.index == 1 for event in found):
            batch.cancel()
        time.sleep(0.01)
    assert [event for event in found if not isinstance(event, Working)] == [
        Done(0, len(SPEECH) / RATE),
        Cancelled(1),
    ]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a Golden.wav"]


def test_a_voice_that_the_content_model_cannot_serve_is_a_sentence_for_each_file(
    home: Path, model_folder: Folder, folder: Path, tmp_path: Path
) -> None:
    """The small content model is for v2 alone."""
    home.mkdir()
    voice = install(home, model_folder("v1-40k"))
    jobs = plan([folder / "a.wav", folder / "b.flac"], tmp_path / "out", ".wav", voice)
    for event in run_batch(jobs, voice, tell=lambda _: None):
        assert isinstance(event, Failed)
        assert "cannot serve RVC v1 voices" in event.reason


def test_a_take_of_the_replay_page_is_made_in_a_process_of_its_own(voice: Voice) -> None:
    speech = bundled_speech(MODEL_RATE)[: 200 * HOP]
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        take, picture, _ = pool.submit(render_shown, speech, voice, Tuning()).result()
    np.testing.assert_allclose(take.samples, render(speech, voice, Tuning()).samples, atol=1e-5)
    assert picture.mel.shape[1] == len(take.f0_hz) == 200
