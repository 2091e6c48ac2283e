"""The neural converter with the shipped networks: repeatable, level-true, calm, silent after silence."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.converter import HOP, MODEL_RATE
from inference.f0 import F0Tracker
from inference.neural.converter import NeuralConverter, frequency_warp
from inference.neural.level import LevelRider
from inference.neural.melody import Melody
from inference.neural.models import ModelError, load_networks, model_folder
from inference.neural.sliders import Sliders
from inference.registry import UnsupportedVoiceError, make_converter
from tests.bad_signals import KINDS, bad_signal
from voices.builtin_neural import builtin_neural_voices
from voices.tuning import Tuning
from voices.voice import Voice, VoiceKind

SPEECH = Path(__file__).resolve().parents[1] / "assets" / "samples" / "speech.flac"
VOICES = builtin_neural_voices()


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    """3 s of the bundled sample, whole hops."""
    samples, rate = soundfile.read(SPEECH, dtype="float32")
    assert rate == MODEL_RATE
    return samples[: 300 * HOP]


def convert(x: np.ndarray, voice: Voice = VOICES[0], controls: Tuning | None = None, converter=None):
    converter = converter or NeuralConverter(voice)
    controls = controls or Tuning()
    hops = [converter.process(x[i : i + HOP], controls).copy() for i in range(0, len(x) - HOP + 1, HOP)]
    return np.concatenate(hops)


def pitch_of(x: np.ndarray) -> float:
    tracker = F0Tracker()
    steps = [tracker.step(x[i : i + HOP]) for i in range(0, len(x) - HOP + 1, HOP)]
    return float(np.median([f0 for f0, voicing in steps if f0 > 0 and voicing > 0.6]))


def test_the_networks_weigh_less_than_30_mb_and_are_what_the_manifest_says():
    manifest = json.loads((model_folder() / "manifest.json").read_text())
    assert set(manifest["networks"]) == {"content", "pitch", "decoder", "voice"}
    assert sum(path.stat().st_size for path in model_folder().glob("*.onnx")) < 30_000_000
    assert load_networks().latency <= 0.040 * MODEL_RATE


def test_a_changed_network_is_refused(tmp_path):
    shutil.copytree(model_folder(), tmp_path / "models")
    path = tmp_path / "models" / "voice.onnx"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(ModelError, match=r"voice\.onnx was changed"):
        load_networks(tmp_path / "models")


def test_missing_networks_are_told_in_one_sentence(tmp_path):
    with pytest.raises(ModelError, match="install Menura again"):
        load_networks(tmp_path)


def test_a_manifest_of_another_version_is_refused(tmp_path):
    (tmp_path / "manifest.json").write_text(json.dumps({"format": 99, "rate": 24_000, "hop": 240}))
    with pytest.raises(ModelError, match="another version"):
        load_networks(tmp_path)


def test_a_voice_without_embedding_is_refused():
    with pytest.raises(UnsupportedVoiceError, match="no speaker embedding"):
        make_converter(Voice("ada", "Ada", "", VoiceKind.NEURAL))


def test_reset_and_warm_up_repeat_the_same_bits(speech):
    converter = NeuralConverter(VOICES[0])
    first = convert(speech[: 60 * HOP], converter=converter)
    assert first.dtype == np.float32
    converter.reset()
    np.testing.assert_array_equal(convert(speech[: 60 * HOP], converter=converter), first)
    converter.warm_up()
    np.testing.assert_array_equal(convert(speech[: 60 * HOP], converter=converter), first)


@pytest.mark.parametrize("voice", [VOICES[0], VOICES[3]], ids=lambda voice: voice.id)
def test_speech_comes_out_at_the_voices_pitch_and_the_speakers_level(speech, voice):
    output = convert(speech, voice)
    assert abs(12 * np.log2(pitch_of(output) / voice.f0_median_hz)) < 3.5
    assert abs(20 * np.log10(output.std() / speech.std())) < 3.5
    assert np.abs(output).max() < 4 * np.abs(speech).max()


@pytest.mark.parametrize("gain_db", [-20, 10])
def test_the_level_follows_the_speaker(speech, gain_db):
    gain = 10 ** (gain_db / 20)
    plain, turned = convert(speech), convert(speech * gain)
    half = len(speech) // 2
    change = 20 * np.log10(turned[half:].std() / plain[half:].std())
    assert change == pytest.approx(gain_db, abs=3)


def test_the_pitch_slider_adds_semitones(speech):
    plain, raised = pitch_of(convert(speech)), pitch_of(convert(speech, controls=Tuning(pitch_semitones=5)))
    assert 12 * np.log2(raised / plain) == pytest.approx(5, abs=1)


def test_the_formant_slider_moves_the_spectrum_up(speech):
    def centroid(x: np.ndarray) -> float:
        power = np.abs(np.fft.rfft(x)) ** 2
        hz = np.fft.rfftfreq(len(x), 1 / MODEL_RATE)
        band = hz < 5000
        return float((power * hz)[band].sum() / power[band].sum())

    low, high = (centroid(convert(speech, controls=Tuning(formant_semitones=s))) for s in (-5, 5))
    assert high > 1.15 * low


def test_silence_follows_speech_within_200_ms(speech):
    padded = np.concatenate((speech[: 150 * HOP], np.zeros(40 * HOP, np.float32)))
    output = convert(padded)
    assert np.abs(output[150 * HOP + 4800 :]).max() == 0


def test_silence_alone_stays_silent():
    assert np.abs(convert(np.zeros(100 * HOP, np.float32))).max() == 0


@pytest.mark.parametrize("kind", KINDS)
def test_bad_input_neither_raises_nor_bursts_nor_lingers(kind, speech):
    converter = NeuralConverter(VOICES[0])
    output = convert(bad_signal(kind), converter=converter)
    assert np.isfinite(output).all()
    assert np.abs(output).max() <= 4.0
    after = convert(np.zeros(40 * HOP, np.float32), converter=converter)
    assert np.abs(after[4800:]).max() == 0
    again = convert(speech[: 100 * HOP], converter=converter)
    assert np.isfinite(again).all()
    assert again.std() > 1e-4


def _semitones(limit: int) -> st.SearchStrategy[float]:
    """ONNX Runtime turns subnormal numbers off in this thread, which hypothesis must be told."""
    return st.integers(-10 * limit, 10 * limit).map(lambda tenths: tenths / 10)


@settings(max_examples=15, deadline=None)
@given(_semitones(24), _semitones(12), st.integers(0, 2**31))
def test_any_knob_at_any_time_keeps_the_output_bounded(pitch, formant, seed):
    converter = NeuralConverter(VOICES[1])
    x = np.random.default_rng(seed).normal(0, 0.2, 4 * HOP).astype(np.float32)
    output = convert(x, controls=Tuning(pitch, formant), converter=converter)
    assert np.isfinite(output).all()
    assert np.abs(output).max() <= 8.0


def test_no_warp_is_the_identity_and_a_warp_moves_bins():
    np.testing.assert_array_equal(frequency_warp(0.0), np.eye(241, dtype=np.float32))
    spectrum = np.zeros(241)
    spectrum[40] = 1.0
    assert np.argmax(spectrum @ frequency_warp(12.0)) == 80
    assert np.argmax(spectrum @ frequency_warp(-12.0)) == 20


def test_the_melody_moves_to_the_target_and_keeps_its_shape():
    melody = Melody(200.0)
    f0 = 100.0 * 2 ** (np.sin(np.arange(800) / 40) * 3 / 12)
    moved = np.array([melody.follow(hz, 0.95, Sliders()) for hz in f0])
    assert np.median(moved[400:]) == pytest.approx(200, rel=0.05)
    assert np.corrcoef(np.log(moved[400:]), np.log(f0[400:]))[0, 1] > 0.98


def test_a_voice_without_pitch_follows_the_speaker():
    melody = Melody(0.0)
    assert melody.follow(123.0, 0.9, Sliders()) == pytest.approx(123.0, rel=1e-6)
    assert melody.follow(123.0, 0.1, Sliders()) == 0.0


def test_the_rider_gives_back_the_level_it_took():
    rider, x = LevelRider(), 0.003 * np.sin(np.arange(300 * HOP) * 0.05).astype(np.float32)
    y = np.concatenate([rider.after(rider.before(x[i : i + HOP])) for i in range(0, len(x), HOP)])
    assert y[100 * HOP :].std() == pytest.approx(x.std(), rel=0.02)
