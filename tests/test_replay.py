"""Takes are alike in time and loudness; the mixer never clicks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from audio.files import write_audio
from inference.converter import HOP, MODEL_RATE
from inference.replay import (
    LOUDNESS_LUFS,
    REPLAY_S,
    ReplayError,
    last_speech,
    loudness_lufs,
    match_loudness,
    read_speech,
    render,
    track_pitch,
)
from inference.replay_mixer import ArraySource, Mixer
from inference.sample import bundled_speech
from voices.builtin import find_voice
from voices.tuning import Tuning

RATE = 8_000
SLOPE = 2 * np.pi * 100 / RATE
"""Steepest step of a 100 Hz sine of amplitude 1: a click would exceed it."""


def tone(seconds: float, hz: float = 100.0, rate: int = RATE) -> NDArray[np.float32]:
    return np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate).astype(np.float32)


def filled(mixer: Mixer, count: int) -> NDArray[np.float32]:
    out = np.empty(count, np.float32)
    mixer.fill(out)
    return out


def test_takes_are_alike_in_time_and_loudness() -> None:
    x = last_speech(bundled_speech(MODEL_RATE)[: 3 * MODEL_RATE])
    own, deep = render(x, None, Tuning()), render(x, find_voice("deep"), Tuning(output_gain_db=-9))
    assert own.samples.shape == deep.samples.shape == x.shape
    assert own.f0_hz.shape == deep.f0_hz.shape == (len(x) // HOP,)
    for take in (own, deep):
        assert loudness_lufs(take.samples) == pytest.approx(LOUDNESS_LUFS, abs=0.1)
    both = (own.f0_hz > 0) & (deep.f0_hz > 0)
    ratio = np.median(12 * np.log2(deep.f0_hz[both] / own.f0_hz[both]))
    assert ratio == pytest.approx(-5, abs=0.5)


def test_a_tuning_is_part_of_the_take() -> None:
    x = last_speech(bundled_speech(MODEL_RATE)[: 2 * MODEL_RATE])
    low, high = (render(x, find_voice("deep"), Tuning(pitch_semitones=p)) for p in (0, 7))
    both = (low.f0_hz > 0) & (high.f0_hz > 0)
    assert np.median(12 * np.log2(high.f0_hz[both] / low.f0_hz[both])) == pytest.approx(7, abs=0.5)


def test_pitch_is_in_step_with_the_sound() -> None:
    x = np.concatenate([np.zeros(MODEL_RATE), tone(1, 200, MODEL_RATE), np.zeros(MODEL_RATE)])
    voiced = np.flatnonzero(track_pitch(0.3 * x.astype(np.float32)))
    assert abs(voiced[0] - 100) <= 2
    assert abs(voiced[-1] - 199) <= 3


def test_silence_and_bad_samples_are_refused_or_cleaned() -> None:
    with pytest.raises(ReplayError, match="Nobody spoke"):
        last_speech(np.zeros(5 * MODEL_RATE, np.float32))
    with pytest.raises(ReplayError):
        last_speech(np.zeros(0, np.float32))
    x = bundled_speech(MODEL_RATE).copy()
    x[1000:1010] = np.nan
    assert np.isfinite(last_speech(x)).all()
    assert match_loudness(np.zeros(100, np.float32))[0].any() == np.False_
    assert len(last_speech(np.tile(x, 9))) == REPLAY_S * MODEL_RATE


def test_a_file_is_read_from_its_first_words(tmp_path) -> None:
    x = bundled_speech(48_000)
    write_audio(tmp_path / "a.wav", np.concatenate([np.zeros(20 * 48_000, np.float32), x]), 48_000)
    found = read_speech(str(tmp_path / "a.wav"))
    assert 5.5 * MODEL_RATE < len(found) < 6.5 * MODEL_RATE
    write_audio(tmp_path / "b.wav", np.zeros(48_000, np.float32), 48_000)
    with pytest.raises(ReplayError, match="no speech"):
        read_speech(str(tmp_path / "b.wav"))


def test_the_mixer_plays_what_it_was_given_and_loops() -> None:
    x = tone(1.0)
    mixer = Mixer([ArraySource(x)], RATE)
    assert not filled(mixer, 100).any()
    mixer.play()
    y = filled(mixer, len(x) + 400)
    np.testing.assert_allclose(y[100:7000], x[100:7000], atol=1e-6)
    np.testing.assert_allclose(y[8100:8300], x[100:300], atol=1e-6)


def test_once_through_stops_at_the_end() -> None:
    mixer = Mixer([ArraySource(tone(0.5))], RATE)
    mixer.set_loop(0, RATE // 2, repeats=False)
    mixer.play()
    assert np.abs(filled(mixer, RATE)).max() > 0.9
    assert not mixer.playing
    mixer.play()
    assert np.abs(filled(mixer, 1000)).max() > 0.9


def test_takes_are_switched_at_the_same_sample() -> None:
    a, b = tone(1.0), 0.5 * tone(1.0)
    mixer = Mixer([ArraySource(a), ArraySource(b)], RATE)
    mixer.play()
    filled(mixer, 1000)
    mixer.select(1)
    y = filled(mixer, 1000)
    np.testing.assert_allclose(y[200:], b[1200:2000], atol=1e-6)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("fill"), st.integers(1, 900)),
        st.tuples(st.just("select"), st.integers(0, 2)),
        st.tuples(st.just("seek"), st.integers(-10, 9000)),
        st.tuples(st.just("loop"), st.integers(0, 8000), st.integers(0, 9000)),
        st.tuples(st.just("once"), st.integers(0, 8000), st.integers(0, 9000)),
        st.tuples(st.just("play")),
        st.tuples(st.just("pause")),
    ),
    min_size=1,
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_whatever_is_done_nothing_clicks(steps: list[tuple]) -> None:
    takes = [ArraySource(g * tone(1.0)) for g in (1.0, 0.6, -0.8)]
    mixer, heard = Mixer(takes, RATE), [np.zeros(1, np.float32)]
    mixer.play()
    for name, *values in steps:
        match name:
            case "fill":
                heard.append(filled(mixer, values[0]))
            case "loop" | "once":
                mixer.set_loop(*values, repeats=name == "loop")
            case _:
                getattr(mixer, name)(*values)
    heard.append(filled(mixer, 700))
    y = np.concatenate(heard)
    # The steepest sine, and the fastest fade of the loudest sample.
    assert np.abs(np.diff(y)).max() <= SLOPE + 1 / 40 + 2 / 96 + 1e-4
    assert np.abs(y).max() <= 1.0001


@pytest.mark.parametrize("count", [1, 2, 5, 30, 200])
def test_very_short_sounds_end(count: int) -> None:
    mixer = Mixer([ArraySource(np.ones(count, np.float32))], RATE)
    mixer.set_loop(0, count, repeats=False)
    mixer.play()
    filled(mixer, 1000)
    assert not mixer.playing
