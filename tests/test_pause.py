"""A pause leaves the content encoder's attention as it was; speech, however soft, never does."""

from __future__ import annotations

import numpy as np
import pytest

from inference.converter import HOP, MODEL_RATE
from inference.f0 import F0Tracker
from inference.neural.converter import frequency_warp
from inference.neural.level import LevelRider
from inference.neural.models import load_networks
from inference.neural.pause import Pause
from inference.neural.stream import NetworkStream
from inference.sample import bundled_speech

PATIENCE = 20
WARP = frequency_warp(0.0)
STYLE = load_networks().style(np.full((1, 256), 1 / 16, np.float32), np.ones((1, 2), np.float32))
FIRST, SECOND = slice(0, 260 * HOP), slice(260 * HOP, 320 * HOP)


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    """The bundled sample, whole hops, at the level the networks hear."""
    x, rider = bundled_speech(MODEL_RATE), LevelRider()
    return np.concatenate([rider.before(hop) for hop in x[: len(x) // HOP * HOP].reshape(-1, HOP)])


def spoken(stream: NetworkStream, x: np.ndarray) -> np.ndarray:
    """What the stream says to x with the same source in every hop."""
    source = np.random.default_rng(0).standard_normal((1, 2, HOP), np.float32)
    hops = [
        stream.speak(stream.listen(hop[None]).copy(), source, STYLE, WARP)[0].copy()
        for hop in x.reshape(-1, HOP)
    ]
    return np.concatenate(hops)


def pauses(x: np.ndarray) -> np.ndarray:
    """Per hop of x, whether the networks' stream takes it for a pause."""
    stream, found = load_networks().stream(), []
    for hop in x.reshape(-1, HOP):
        stream.listen(hop[None])
        found.append(stream._pause.on)
    return np.array(found)


def taken(stream: NetworkStream) -> int:
    """How many tokens the memory has taken in."""
    return int(stream._memory.inputs["position"][0])


def test_what_follows_a_pause_is_said_as_if_the_pause_had_been_short(speech):
    def after(hops: int) -> np.ndarray:
        x = np.concatenate([speech[FIRST], np.zeros(hops * HOP, np.float32), speech[SECOND]])
        return spoken(load_networks().stream(), x)[-len(speech[SECOND]) :]

    # Either is long enough for the decoder to have come to rest.
    short, long = after(90), after(150)
    assert np.abs(short).max() > 0.05
    np.testing.assert_array_equal(long, short)


@pytest.mark.parametrize("decibel", [-80, -60])
def test_room_noise_is_not_remembered(speech, decibel):
    stream = load_networks().stream()
    spoken(stream, speech[FIRST])
    before = taken(stream)
    noise = np.random.default_rng(1).normal(0, 10 ** (decibel / 20), 60 * HOP).astype(np.float32)
    spoken(stream, noise)
    assert taken(stream) - before <= PATIENCE // 2 + 1


def test_the_first_token_of_speech_is_remembered(speech):
    stream = load_networks().stream()
    spoken(stream, np.zeros(280 * HOP, np.float32))
    before = taken(stream)
    assert before == 127
    loudest = np.abs(speech).reshape(-1, HOP).max(1).argmax()
    spoken(stream, speech[loudest * HOP : (loudest + 2) * HOP])
    assert taken(stream) == before + 1


def test_before_anybody_has_spoken_silence_fills_the_memory():
    stream = load_networks().stream()
    spoken(stream, np.zeros(60 * HOP, np.float32))
    assert taken(stream) == 30


def test_nothing_that_is_said_belongs_to_a_pause(speech):
    tracker, on = F0Tracker(), pauses(speech)
    voiced = np.array([tracker.step(hop)[1] > 0.7 for hop in speech.reshape(-1, HOP)])
    energy = np.square(speech.reshape(-1, HOP)).sum(1)
    assert on.any()
    assert voiced.sum() > 100
    assert not (on & voiced).any()
    assert energy[on].sum() < 1e-4 * energy.sum()


def test_a_voice_too_soft_for_the_level_is_no_pause(speech):
    said = speech[FIRST]
    soft = said * np.float32(10 ** (-55 / 20) / said.std())
    level_db = 20 * np.log10(np.sqrt(np.square(soft.reshape(-1, HOP)).mean(1)) + 1e-9)
    assert (level_db < -50).mean() > 0.8
    assert pauses(soft).mean() < 0.1


def test_consonants_and_stops_end_no_speech():
    noise = np.random.default_rng(2).normal(0, 1, HOP).astype(np.float32)
    pause = Pause()
    for decibel, hops in [(-45, 60), (-90, PATIENCE), (-45, 1), (-90, PATIENCE), (-30, 1)]:
        for _ in range(hops):
            pause.hear(noise * np.float32(10 ** (decibel / 20)), 0.0)
            assert not pause.on
    for _ in range(PATIENCE + 1):
        pause.hear(noise * np.float32(1e-4), 0.0)
    assert pause.on


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_no_number_is_no_pause(value):
    pause = Pause()
    for _ in range(2 * PATIENCE):
        pause.hear(np.full(HOP, value, np.float32), 0.0)
    assert not pause.on
