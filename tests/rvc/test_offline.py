"""Whole recordings: in time, without seams at the pieces, whatever the file's rate."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from inference.converter import HOP, MODEL_RATE
from inference.engine.messages import EngineParams
from inference.rvc.offline import speak, without_rumble
from inference.rvc.synthesis import Synthesis
from inference.whole import convert_whole
from tests.rvc.stand_in import synthesis
from voices.tuning import Tuning

Array = NDArray[np.float32]
PLAIN = EngineParams(gate_db=-120.0, loudness_match=False)


def ignore(share: float) -> None:
    """Tells nobody."""


def buzz(seconds: float, hz: float = 120.0, rate: int = MODEL_RATE) -> Array:
    """A voiced sound."""
    phase = (np.arange(round(seconds * rate)) * hz / rate) % 1.0
    return (0.2 * np.exp(-6 * phase) * np.sin(2 * np.pi * 5 * phase)).astype(np.float32)


def said(voice: Synthesis, x: Array, target_hz: float = 0.0, tuning: Tuning | None = None) -> Array:
    """x in the voice, at 40 kHz."""
    return speak(x, voice, target_hz, tuning or Tuning(), ignore)[0]


def pitch(y: Array, rate: int) -> float:
    """The strongest tone, Hz."""
    spectrum = np.abs(np.fft.rfft(y * np.hanning(len(y))))
    return float(np.argmax(spectrum) * rate / len(y))


def test_a_long_recording_has_no_seams_and_progress_is_told() -> None:
    x = buzz(25.0, 100.0)
    shares: list[float] = []
    y, rate = speak(x, synthesis(), 0.0, Tuning(), shares.append)
    assert (len(y), rate) == (25 * 40_000, 40_000)
    assert len(shares) >= 3
    assert shares[-1] == 1.0
    middle = y[40_000:-40_000]
    level = np.sqrt(np.mean(np.square(middle.reshape(-1, 400)), axis=1))
    assert level.max() < 1.1 * level.min()
    assert np.abs(np.diff(middle)).max() < 10 * np.median(np.abs(np.diff(middle)))


def test_pitch_goes_to_the_voice_and_by_the_slider() -> None:
    x = buzz(2.0)
    assert pitch(said(synthesis(), x), 40_000) == pytest.approx(120, rel=0.01)
    assert pitch(said(synthesis(), x, 240.0), 40_000) == pytest.approx(240, rel=0.01)
    octave = Tuning(pitch_semitones=12.0, match_pitch=False)
    assert pitch(said(synthesis(), x, 240.0, octave), 40_000) == pytest.approx(240, rel=0.01)
    formant = Tuning(formant_semitones=5.0)
    assert pitch(said(synthesis(), x, 240.0, formant), 40_000) == pytest.approx(240, rel=0.01)


@pytest.mark.parametrize("samples", [1, 100, 2_401, 30_011])
@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_every_length_is_kept(samples: int, rate: int) -> None:
    def converter(x: Array, tuning: Tuning, on_progress: Callable[[float], None]) -> tuple[Array, int]:
        return speak(x, synthesis(48_000), 0.0, tuning, on_progress)

    y = convert_whole(buzz(1.0, rate=rate)[:1].repeat(samples), rate, converter, PLAIN, ignore)
    assert y.shape == (samples,)
    assert np.isfinite(y).all()


def test_around_the_converter_nothing_is_late_or_lost() -> None:
    x = np.random.default_rng(1).uniform(-0.3, 0.3, 48_000).astype(np.float32)
    x[1000] = np.nan
    heard: list[Array] = []

    def echo(x: Array, tuning: Tuning, on_progress: Callable[[float], None]) -> tuple[Array, int]:
        heard.append(x)
        return 2 * x, MODEL_RATE

    params = EngineParams(tuning=Tuning(output_gain_db=-6.0206), gate_db=-120.0, loudness_match=False)
    y = convert_whole(x, 48_000, echo, params, ignore)
    spectra = [np.abs(np.fft.rfft(z * np.hanning(len(z))))[1000:9000] for z in (np.nan_to_num(x), y)]
    np.testing.assert_allclose(spectra[1].mean(), spectra[0].mean(), rtol=0.01)
    lag = np.argmax(np.correlate(y[4000:44000], np.nan_to_num(x)[4100:43900], "valid")) - 100
    assert lag == 0
    assert np.isfinite(heard[0]).all()


def test_silence_between_phrases_is_silent() -> None:
    x = np.concatenate((buzz(1.0), np.zeros(MODEL_RATE, np.float32), buzz(1.0)))
    y = said(synthesis(), x)
    assert not y[round(1.2 * 40_000) : round(1.9 * 40_000)].any()
    assert np.abs(y[round(2.1 * 40_000) :]).max() > 0.05


def test_rumble_goes_and_speech_stays() -> None:
    n = np.arange(MODEL_RATE)
    low, high = (np.sin(2 * np.pi * hz * n / MODEL_RATE).astype(np.float32) for hz in (20.0, 200.0))
    assert np.abs(without_rumble(low)).max() < 0.01
    np.testing.assert_allclose(without_rumble(high), high, atol=0.01)


def test_too_short_for_the_content_model_is_filled_up() -> None:
    assert said(synthesis(), buzz(0.005)).shape == (200,)
    assert len(said(synthesis(), np.zeros(HOP, np.float32))) == 400
