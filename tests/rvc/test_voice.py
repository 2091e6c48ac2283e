"""An RVC voice where users meet it: files, replay, a call's worker, and what is told when it cannot speak."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from inference.convert import convert_array, convert_file
from inference.converter import HOP, MODEL_RATE, BlockConverter
from inference.registry import UnsupportedVoiceError, make_converter
from inference.replay import render
from inference.rvc import synthesis
from inference.rvc.build import load_synthesis
from inference.rvc.content import content_folder
from inference.rvc.content_install import install_content
from inference.rvc.facts import VECTORS
from inference.rvc.pitch import follow_all
from inference.rvc.stream import Plan, RvcStream
from inference.rvc.synthesis import Timbre
from inference.sample import bundled_speech
from tests.rvc.spoken import install, tiny_content
from voices.tuning import Tuning
from voices.voice import Voice

Folder = Callable[[str], Path]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MENURA_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def voice(home: Path, model_folder: Folder) -> Voice:
    return install(home, model_folder("v2-40k"))


def test_files_keep_rate_length_and_band(voice: Voice, home: Path) -> None:
    import soundfile

    speech = bundled_speech(48_000)[: 3 * 48_000 + 17]
    soundfile.write(home / "in.wav", speech, 48_000)
    done = convert_file(home / "in.wav", home / "out.wav", voice)
    y, rate = soundfile.read(home / "out.wav", dtype="float32")
    assert (len(y), rate, done.rate) == (len(speech), 48_000, 48_000)
    power = np.abs(np.fft.rfft(y)) ** 2
    above = power[round(13_000 * len(y) / 48_000) : round(19_000 * len(y) / 48_000)].sum()
    assert above > 1e-5 * power.sum()
    assert 0.001 < np.sqrt(np.mean(y**2)) < 0.3


def test_replay_and_takes_have_it_in_step(voice: Voice) -> None:
    speech = bundled_speech(MODEL_RATE)[: 250 * HOP]
    take = render(speech, voice, Tuning())
    assert take.samples.shape == speech.shape
    own = np.square(speech.reshape(-1, HOP)).mean(axis=1)
    said = np.square(take.samples.reshape(-1, HOP)).mean(axis=1)
    likeness = [np.corrcoef(np.roll(own, lag) ** 0.25, said**0.25)[0, 1] for lag in range(-8, 9)]
    assert abs(int(np.argmax(likeness)) - 8) <= 2
    assert max(likeness) > 0.6


def test_a_call_hears_what_a_file_has(voice: Voice, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Block by block with a bare right edge against whole phrases: the same but for chance, no seams."""
    monkeypatch.setattr(synthesis, "PRIOR_SPREAD", 0.0)
    speech = bundled_speech(MODEL_RATE)[: 240 * HOP]
    whole = convert_array(speech, MODEL_RATE, voice, Tuning(match_pitch=False), loudness_match=False)
    stream = RvcStream(load_synthesis(home / "voices" / "models" / voice.model), Plan(10))
    f0 = np.append(0.0, follow_all(speech, 0.0, Tuning(match_pitch=False))[1])[:-1].astype(np.float32)
    blocks = zip(speech.reshape(-1, 10 * HOP), f0.reshape(-1, 10), strict=True)
    live = np.concatenate([stream.render(x, melody, Timbre()) for x, melody in blocks])
    live = np.append(live[stream.latency_samples :], np.zeros(stream.latency_samples, np.float32))
    active = slice(40 * HOP, 220 * HOP)
    ratio = np.square(live[active]).mean() / np.square(whole[active]).mean()
    assert 0.7 < ratio < 1.4
    spectra = [np.abs(np.fft.rfft(y[active].reshape(-1, 600) * np.hanning(600))) for y in (live, whole)]
    a, b = (np.log(s[:, 2:200] + 1e-4).reshape(-1) for s in spectra)
    assert np.corrcoef(a, b)[0, 1] > 0.88
    assert np.corrcoef(live[active], whole[active])[0, 1] > 0.98
    edges = np.abs(np.diff(live))
    joints = np.array([edges[k : k + 3].max() for k in range(40 * HOP, 220 * HOP, 10 * HOP)])
    assert joints.max() <= edges[active].max()
    assert np.median(joints) < 3 * np.median(
        [edges[k : k + 3].max() for k in range(40 * HOP, 220 * HOP, 777)]
    )


def test_a_call_gets_a_converter_of_blocks(voice: Voice) -> None:
    converter = make_converter(voice)
    converter.warm_up()
    assert isinstance(converter, BlockConverter)
    assert converter.latency_samples > converter.block_samples + converter.compute_samples
    assert not converter.process(np.zeros(HOP, np.float32), Tuning()).any()


def test_without_content_model_one_sentence_says_what_to_do(home: Path, model_folder: Folder) -> None:
    voice = install(home, model_folder("v2-40k"), content=False)
    for attempt in (make_converter, lambda v: convert_array(np.zeros(99, np.float32), 48_000, v)):
        with pytest.raises(
            UnsupportedVoiceError, match=r"content model .* menura rvc content hubert_base\.pt"
        ):
            attempt(voice)


def test_another_content_model_speaks_once_it_is_installed(voice: Voice, home: Path) -> None:
    folder = home / "voices" / "models" / voice.model
    before, audio = load_synthesis(folder), bundled_speech(16_000)[:8_000]
    assert load_synthesis(folder) is before
    heard, kept = before.phone(audio, np.zeros(50, np.float32), 1.0), weakref.ref(before)
    install_content(tiny_content(home / "other.onnx", seed=2), content_folder(), lambda *_: None)
    after = load_synthesis(folder)
    assert not np.allclose(after.phone(audio, np.zeros(50, np.float32), 1.0), heard, atol=0.1)
    del before
    assert kept() is None


def test_an_index_that_came_later_is_used(voice: Voice, home: Path) -> None:
    folder = home / "voices" / "models" / voice.model
    alone = load_synthesis(folder)
    vectors = np.random.default_rng(1).normal(size=(20, 768)).astype(np.float16)
    np.save(folder / VECTORS, vectors)
    assert load_synthesis(folder) is not alone


def test_a_broken_model_is_told(voice: Voice, home: Path) -> None:
    (home / "voices" / "models" / voice.model / "decoder.onnx").write_bytes(b"no")
    with pytest.raises(UnsupportedVoiceError, match="import the RVC voice again"):
        make_converter(voice)
