"""The speaker's range: known beforehand or learnt, given up soon for somebody else's, never with a jump."""

from __future__ import annotations

import numpy as np
import pytest

from inference.convert import convert_array
from inference.converter import HOP, MODEL_RATE
from inference.f0 import median_hz, track
from inference.median import KNOWN, RunningMedian
from inference.neural.melody import Melody
from inference.neural.sliders import Sliders
from inference.sample import bundled_speech
from voices.builtin import find_voice
from voices.builtin_neural import builtin_neural_voices
from voices.voice import Voice

PIA = {voice.id: voice for voice in builtin_neural_voices()}["pia"]


def melody(hz: float, hops: int, depth: float = 3.0) -> np.ndarray:
    """F0 of somebody who speaks around `hz` and begins high, `depth` semitones up and down: (hops,)."""
    return hz * 2 ** (depth / 12 * np.cos(np.arange(hops) / 45))


def semitones(hz: float, reference_hz: float) -> float:
    return 12 * float(np.log2(hz / reference_hz))


@pytest.mark.parametrize("other_hz", [90.0, 130.0, 300.0, 400.0])
def test_a_remembered_speaker_gives_way_to_another_within_ten_seconds_of_voice(other_hz: float) -> None:
    median = RunningMedian()
    median.expect(200.0)
    off = []
    for hz in melody(other_hz, 1000):
        median.add(hz)
        off.append(abs(semitones(median.hz, other_hz)))
    assert off[0] > 0.9 * abs(semitones(other_hz, 200.0))
    assert off[500] < 1.5
    assert off[-1] < 0.6


def test_the_remembered_speaker_is_right_from_the_first_hop() -> None:
    told, new = RunningMedian(), RunningMedian()
    told.expect(120.0)
    worst = {told: 0.0, new: 0.0}
    for hz in melody(120.0, 300, depth=5.0):
        for median in worst:
            median.add(hz)
            worst[median] = max(worst[median], abs(12 * median.octave - 12 * np.log2(120.0)))
    assert worst[told] < 1.6
    assert worst[new] > 3.0


def test_what_was_measured_over_everything_is_moved_by_nothing() -> None:
    median = RunningMedian()
    median.expect(150.0, KNOWN)
    for hz in melody(300.0, 500):
        median.add(hz)
    assert median.hz == pytest.approx(150.0)


def test_nothing_is_told_of_a_speaker_who_was_hardly_heard() -> None:
    median = RunningMedian()
    for hz in melody(150.0, 200):
        median.add(hz)
    assert median.hz == 0.0
    for hz in melody(150.0, 400):
        median.add(hz)
    assert abs(semitones(median.hz, 150.0)) < 1.0
    median.expect(0.0)
    assert median.hz == 0.0


def test_one_goes_on_where_the_other_was() -> None:
    first, second = RunningMedian(), RunningMedian()
    first.expect(200.0)
    for hz in melody(110.0, 60):
        first.add(hz)
    second.take_over(first)
    for hz in melody(110.0, 60):
        first.add(hz)
        second.add(hz)
    assert second.octave == first.octave


def test_the_transposition_never_jumps_however_wrong_the_remembered_speaker_was() -> None:
    moved = Melody(180.0)
    moved.speaker.expect(400.0)
    heard = melody(95.0, 800)
    spoken = np.array([moved.follow(hz, 0.95, Sliders()) for hz in heard])
    shift = 12 * np.log2(spoken / heard)
    assert np.abs(np.diff(shift)).max() <= 0.6 + 1e-6
    assert shift[-1] == pytest.approx(semitones(180.0, 95.0), abs=1.0)


@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000])
def test_a_recording_is_measured_at_any_rate_and_with_bad_samples(rate: int) -> None:
    x = bundled_speech(rate)
    x[100:110] = np.nan
    f0_hz, voicing = track(bundled_speech(MODEL_RATE))
    assert median_hz(x, rate) == pytest.approx(np.median(f0_hz[voicing > 0.7]), rel=0.02)


def test_silence_and_too_little_have_no_median() -> None:
    assert median_hz(np.zeros(MODEL_RATE, np.float32), MODEL_RATE) == 0.0
    assert median_hz(np.zeros(0, np.float32), 48_000) == 0.0


def test_of_a_long_recording_pieces_from_end_to_end_are_heard() -> None:
    low, high = (
        np.sign(np.sin(np.arange(MODEL_RATE * 200) * 2 * np.pi * hz / MODEL_RATE)) for hz in (100, 200)
    )
    x = np.concatenate((0.1 * low[: 60 * MODEL_RATE], 0.1 * high)).astype(np.float32)
    assert median_hz(x, MODEL_RATE) == pytest.approx(200.0, rel=0.02)


def test_a_file_is_at_the_voices_pitch_from_its_first_phrase_on() -> None:
    """The sample's first 1.2 s lie 3 semitones above its middle, and so they must in the voice."""
    x = bundled_speech(MODEL_RATE)
    y = convert_array(x, MODEL_RATE, PIA)
    (own, own_sure), (spoken, sure) = track(x), track(y)
    both = (own > 0) & (own_sure > 0.7) & (spoken > 0) & (sure > 0.7)
    shift = 12 * np.log2(spoken[both] / own[both])
    wanted = semitones(PIA.f0_median_hz, median_hz(x, MODEL_RATE))
    first = np.flatnonzero(both) < 1.2 * MODEL_RATE / HOP
    assert np.median(shift[first]) == pytest.approx(wanted, abs=0.4)
    assert np.median(shift) == pytest.approx(wanted, abs=0.4)


@pytest.mark.parametrize("voice", [find_voice("deep"), PIA], ids=lambda voice: voice.id)
def test_what_is_heard_before_a_file_is_not_heard_in_it(voice: Voice) -> None:
    x = bundled_speech(MODEL_RATE)[: 4 * MODEL_RATE]
    y = convert_array(np.concatenate((np.zeros(MODEL_RATE // 2, np.float32), x)), MODEL_RATE, voice)
    assert np.sqrt(np.mean(np.square(y[: 20 * HOP]))) < 1e-4
    assert y.std() > 0.01
