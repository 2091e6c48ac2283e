"""What the speaker hears of themselves: the right signal, equally loud, without a click."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from inference.converter import HOP, MODEL_RATE
from inference.engine.messages import EngineParams, MonitorSource
from inference.engine.monitor import Hop, MonitorMix

_DELAY = 700
_SECONDS = 4.0


def listen(
    sources: list[MonitorSource], own: NDArray[np.float32], voice_gain: float, raw_gain: float = 1.0
) -> NDArray[np.float32]:
    """What is heard of `own` through a converter that delays and scales; sources take equal turns."""
    mix = MonitorMix()
    spoken = voice_gain * np.concatenate((np.zeros(_DELAY, np.float32), own))[: len(own)]
    hops = len(own) // HOP
    heard = []
    for number in range(hops):
        at = slice(number * HOP, (number + 1) * HOP)
        params = EngineParams(monitor=sources[number * len(sources) // hops], monitor_gain_db=0.0)
        hop = Hop(raw_gain * own[at], own[at], spoken[at].astype(np.float32), _DELAY)
        heard.append(mix.process(hop, params).copy())
    return np.concatenate(heard)


@pytest.fixture(scope="module")
def own() -> NDArray[np.float32]:
    t = np.arange(round(_SECONDS * MODEL_RATE)) / MODEL_RATE
    return (0.1 * np.sin(2 * np.pi * 300 * t) + 0.05 * np.sin(2 * np.pi * 900 * t)).astype(np.float32)


def rms(x: NDArray[np.float32]) -> float:
    return float(np.sqrt(np.mean(x * x)))


@pytest.mark.parametrize("source", [MonitorSource.OWN, MonitorSource.BYPASS, MonitorSource.CONVERTED])
@pytest.mark.parametrize("voice_gain", [0.5, 2.0])
def test_sources_to_compare_are_equally_loud(own, source: MonitorSource, voice_gain: float) -> None:
    heard = listen([source], own, voice_gain, raw_gain=0.7)
    assert rms(heard[-MODEL_RATE:]) == pytest.approx(voice_gain * rms(own), rel=0.06)


def test_own_voice_is_heard_at_once(own) -> None:
    heard = listen([MonitorSource.OWN], own, 1.0)
    np.testing.assert_allclose(heard[-MODEL_RATE:], own[-MODEL_RATE:], atol=0.005)


def test_the_match_is_bounded(own) -> None:
    quiet = listen([MonitorSource.OWN], own, 0.01)
    assert rms(quiet[-MODEL_RATE:]) > 0.2 * rms(own)


def test_the_difference_of_a_voice_that_changes_nothing_is_silence(own) -> None:
    heard = listen([MonitorSource.DIFFERENCE], own, 1.0)
    assert rms(heard[-MODEL_RATE:]) < 0.01 * rms(own)


def test_the_difference_has_what_was_added(own) -> None:
    inverted = listen([MonitorSource.DIFFERENCE], own, -1.0)
    assert rms(inverted[-MODEL_RATE:]) == pytest.approx(2 * rms(own), rel=0.06)


def test_off_is_exact_silence(own) -> None:
    assert not listen([MonitorSource.OFF], own, 1.0).any()


def test_going_through_all_sources_does_not_click(own) -> None:
    order = [*MonitorSource, *reversed(MonitorSource)]
    heard = listen(order, own, 1.3)
    steepest = np.abs(np.diff(own)).max()
    assert np.abs(np.diff(heard)).max() < 3 * steepest
