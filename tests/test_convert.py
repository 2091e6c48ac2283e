"""Files through the live path: rate, length, channels and timing kept, problems in one sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from scipy.signal import correlate

from audio.files import AudioFileError
from audio.gate import OFF_DB
from inference.chain import Chain
from inference.convert import convert_array, convert_file
from inference.engine.messages import EngineParams
from inference.registry import make_converter
from inference.sample import bundled_speech
from voices.builtin import builtin_voices, find_voice
from voices.builtin_neural import builtin_neural_voices
from voices.tuning import Tuning
from voices.voice import Recipe, Voice, VoiceKind

OWN = Voice("own", "Own", "The identity.", VoiceKind.MODEL_FREE, Recipe())
RATES = [8_000, 11_025, 16_000, 22_050, 24_000, 44_100, 48_000, 96_000]


def speech(rate: int, seconds: float = 1.0) -> NDArray[np.float32]:
    return bundled_speech(rate)[: round(seconds * rate)]


def shift(x: NDArray[np.float32], y: NDArray[np.float32]) -> int:
    """Samples by which `y` follows `x`; negative when it leads."""
    correlation = correlate(y.astype(float), x.astype(float), method="fft")
    return int(np.argmax(correlation)) - (len(x) - 1)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", RATES)
def test_rate_length_and_channels_are_kept(tmp_path: Path, rate: int, channels: int) -> None:
    x = speech(rate, 0.5)[: round(0.5 * rate) - 13]
    soundfile.write(tmp_path / "in.wav", np.repeat(x[:, None], channels, axis=1), rate)
    done = convert_file(tmp_path / "in.wav", tmp_path / "out.wav", find_voice("bright"))
    y, rate_out = soundfile.read(tmp_path / "out.wav", dtype="float32", always_2d=True)
    assert (rate_out, y.shape) == (rate, (len(x), channels))
    assert done.rate == rate
    assert done.seconds == pytest.approx(len(x) / rate)
    assert 0.02 < np.abs(y).max() <= 1.0


@pytest.mark.parametrize("rate", RATES)
def test_latency_is_removed(rate: int) -> None:
    x = speech(rate)
    y = convert_array(x, rate, OWN)
    assert len(y) == len(x)
    # The analysis may shift a period by a fraction of a millisecond.
    assert abs(shift(x, y)) <= 0.001 * rate


@pytest.mark.parametrize("rate", [4_000, 6_000, 384_000])
def test_rates_beyond_the_stream_resamplers_work_too(tmp_path: Path, rate: int) -> None:
    x = speech(rate, 0.5)
    soundfile.write(tmp_path / "in.wav", x, rate)
    convert_file(tmp_path / "in.wav", tmp_path / "out.wav", OWN)
    y, rate_out = soundfile.read(tmp_path / "out.wav", dtype="float32")
    assert (rate_out, len(y)) == (rate, len(x))
    assert abs(shift(x, y)) <= 0.001 * rate + 1


@pytest.mark.parametrize("count", [1, 2, 239, 240, 241, 1000])
def test_very_short_sounds_keep_their_length(count: int) -> None:
    x = np.full(count, 0.1, np.float32)
    assert len(convert_array(x, 48_000, OWN)) == count


def test_the_end_is_not_cut_off() -> None:
    x = np.zeros(48_000, np.float32)
    x[-2400:] = 0.3 * np.sin(2 * np.pi * 150 * np.arange(2400) / 48_000)
    y = convert_array(x, 48_000, OWN)
    assert np.sqrt(np.mean(y[-480:] ** 2)) > 0.05


def test_the_same_file_gives_the_same_bits() -> None:
    x, voice = speech(48_000, 0.5), find_voice("whisper")
    np.testing.assert_array_equal(convert_array(x, 48_000, voice), convert_array(x, 48_000, voice))


def test_every_voice_changes_speech() -> None:
    x = speech(24_000, 0.8)
    spoken = {voice.id: convert_array(x, 24_000, voice) for voice in builtin_voices()}
    for name, y in spoken.items():
        assert np.isfinite(y).all(), name
        assert 0.02 < np.abs(y).max() <= 1.0, name
        assert np.abs(y - x).max() > 0.05, name


def test_controls_change_the_sound() -> None:
    x = speech(24_000, 0.8)
    assert np.abs(convert_array(x, 24_000, OWN, Tuning(pitch_semitones=7)) - x).max() > 0.05


def test_bad_samples_are_counted_and_cleaned(tmp_path: Path) -> None:
    x = speech(24_000, 0.5)
    x[100:110] = np.nan
    soundfile.write(tmp_path / "in.wav", x, 24_000, subtype="FLOAT")
    done = convert_file(tmp_path / "in.wav", tmp_path / "out.wav", OWN)
    assert done.cleaned == 10
    assert np.isfinite(soundfile.read(tmp_path / "out.wav")[0]).all()


def test_eight_channels_become_one(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "in.wav", np.repeat(speech(24_000, 0.3)[:, None], 8, axis=1), 24_000)
    convert_file(tmp_path / "in.wav", tmp_path / "out.wav", OWN)
    assert soundfile.info(tmp_path / "out.wav").channels == 1


def test_eight_bits_are_read(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "in.wav", speech(24_000, 0.3), 24_000, subtype="PCM_U8")
    assert convert_file(tmp_path / "in.wav", tmp_path / "out.wav", OWN).seconds == pytest.approx(0.3)


def test_a_file_may_be_converted_onto_itself(tmp_path: Path) -> None:
    path = tmp_path / "in.wav"
    soundfile.write(path, speech(24_000, 0.3), 24_000)
    convert_file(path, path, find_voice("deep"))
    assert soundfile.info(path).frames == 7200


@pytest.mark.parametrize("content", [b"", b"not a sound", None])
def test_what_cannot_be_read_is_one_sentence_and_leaves_no_file(
    tmp_path: Path, content: bytes | None
) -> None:
    source, target = tmp_path / "in.wav", tmp_path / "out.wav"
    if content is not None:
        source.write_bytes(content)
    with pytest.raises(AudioFileError) as caught:
        convert_file(source, target, OWN)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)
    assert sorted(tmp_path.iterdir()) == ([source] if content is not None else [])


@pytest.mark.parametrize("target", ["missing/out.wav", "out.xyz", "out", "."])
def test_what_cannot_be_written_is_one_sentence(tmp_path: Path, target: str) -> None:
    soundfile.write(tmp_path / "in.wav", speech(24_000, 0.3), 24_000)
    with pytest.raises(AudioFileError):
        convert_file(tmp_path / "in.wav", tmp_path / target, OWN)


def test_a_failed_conversion_keeps_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "in.wav").write_bytes(b"rubbish")
    (tmp_path / "out.wav").write_bytes(b"precious")
    with pytest.raises(AudioFileError):
        convert_file(tmp_path / "in.wav", tmp_path / "out.wav", OWN)
    assert (tmp_path / "out.wav").read_bytes() == b"precious"


def test_rates_outside_are_refused_by_the_array_form() -> None:
    with pytest.raises(ValueError, match="rates from 8000"):
        convert_array(np.zeros(100, np.float32), 4_000, OWN)


def test_a_file_is_prepared_and_a_call_that_begins_is_not() -> None:
    voice, x = builtin_neural_voices()[0], speech(24_000, 2.0)

    def begins(prepared: bool) -> NDArray[np.float32]:
        return convert_array(x, 24_000, voice, prepared=prepared)

    alone = [np.zeros(0, np.float32)]
    chain = Chain(24_000, 24_000, make_converter(voice))
    params = EngineParams(tuning=voice.tuning, gate_db=OFF_DB, noise_suppression=0.0, loudness_match=True)
    for at in range(0, len(x), chain.block):
        block = x[at : at + chain.block]
        alone.append(chain.process(np.pad(block, (0, chain.block - len(block))), params).copy())
    latency = round(chain.latency_s * 24_000)
    heard, cold = np.concatenate(alone)[latency:], begins(prepared=False)
    assert np.abs(begins(prepared=True) - cold).max() > 0.01
    half = len(x) // 2
    np.testing.assert_allclose(cold[:half], heard[:half], atol=1e-5)
