"""The stream of blocks: no seam is heard, silence stays silent, and it says how late it is."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from inference.converter import HOP, MODEL_RATE
from inference.rvc.stream import Plan, RvcStream
from inference.rvc.synthesis import Timbre
from tests.rvc.stand_in import StandIn, synthesis

F0 = 200.0
PLAN = Plan(block=10, context=40)
Array = NDArray[np.float32]


def hum(hops: int) -> Array:
    """A steady tone at F0, as a speaker would hold it."""
    n = np.arange(hops * HOP)
    return (0.2 * np.sin(2 * np.pi * F0 / MODEL_RATE * n)).astype(np.float32)


def said(stream: RvcStream, x: Array, f0: Array, timbre: Timbre | None = None) -> Array:
    """The whole output for the whole input, block by block."""
    size = stream.plan.block
    blocks = zip(x.reshape(-1, size * HOP), f0.reshape(-1, size), strict=True)
    return np.concatenate([stream.render(a, b, timbre or Timbre()) for a, b in blocks])


def off_the_tone(y: Array, hz: float) -> float:
    """Share of y's power that is not the tone, in dB: clicks and seams, and the source's noise."""
    spectrum = np.abs(np.fft.rfft(y * np.hanning(len(y)))) ** 2
    middle = round(hz * len(y) / MODEL_RATE)
    tone = spectrum[middle - 4 : middle + 5].sum()
    return float(10 * np.log10((spectrum.sum() - tone) / tone))


@pytest.mark.parametrize("rate", [32_000, 40_000, 48_000])
@pytest.mark.parametrize("semitones", [0.0, 3.0, -4.0])
def test_a_held_tone_has_no_seams_whatever_the_formant(rate: int, semitones: float) -> None:
    stream = RvcStream(synthesis(rate), PLAN)
    y = said(stream, hum(200), np.full(200, 300.0, np.float32), Timbre.of(semitones, 1.0))
    assert off_the_tone(y[12_000:36_000], 300.0) < -24.0
    level = np.sqrt(np.mean(np.square(y[12_000:36_000].reshape(-1, HOP)), axis=1))
    assert level.max() < 1.2 * level.min()


def test_larger_blocks_say_the_same() -> None:
    x, f0 = hum(240), np.full(240, F0, np.float32)
    small = said(RvcStream(synthesis(), Plan(10, 60)), x, f0)
    large = said(RvcStream(synthesis(), Plan(20, 60)), x, f0)
    assert len(small) == len(large) == len(x)
    a, b = small[24_000:48_000], large[24_000:48_000]
    assert float(a @ b / np.sqrt((a @ a) * (b @ b))) > 0.99


def test_a_new_note_comes_as_late_as_the_stream_says() -> None:
    f0 = np.full(200, F0, np.float32)
    # The hop's F0 describes the hop before: the note changes in the speech at hop 101.
    f0[102:] = 400.0
    stream = RvcStream(synthesis(), PLAN)
    y = said(stream, hum(200), f0)
    due = 101 * HOP + stream.latency_samples
    rising = np.flatnonzero(np.diff(np.signbit(y).astype(np.int8)) < 0)
    periods = np.diff(rising)
    change = rising[np.flatnonzero((periods < 90) & (rising[1:] > 60 * HOP))[0]]
    assert abs(int(change) - due) < 0.006 * MODEL_RATE


def test_silence_gives_silence_and_runs_no_network() -> None:
    stream = RvcStream(synthesis(), PLAN)
    x, f0 = hum(100), np.full(100, F0, np.float32)
    x[60 * HOP :] = 0.0
    y = said(stream, x, f0)
    heard = np.flatnonzero(np.abs(y) > 1e-6)
    assert heard[-1] < 60 * HOP + stream.latency_samples + 0.2 * MODEL_RATE
    assert np.abs(np.diff(y[40 * HOP :])).max() < 2 * np.abs(np.diff(y[20 * HOP : 40 * HOP])).max()
    assert not np.any(RvcStream(synthesis(), PLAN).render(0 * x[: 10 * HOP], 0 * f0[:10], Timbre()))


def test_the_first_sound_after_a_pause_is_whole() -> None:
    x, f0 = hum(160), np.full(160, F0, np.float32)
    x[: 75 * HOP], f0[:75] = 0.0, 0.0
    stream = RvcStream(synthesis(), PLAN)
    y = said(stream, x, f0)
    begin = 75 * HOP + stream.latency_samples
    steady = np.sqrt(np.mean(y[begin + 40 * HOP : begin + 60 * HOP] ** 2))
    early = np.sqrt(np.mean(y[begin + 4 * HOP : begin + 8 * HOP] ** 2))
    assert early > 0.6 * steady


def test_loud_and_soft_speech_stay_loud_and_soft() -> None:
    x, f0 = hum(200), np.full(200, F0, np.float32)
    x[100 * HOP :] *= 0.1
    y = said(RvcStream(synthesis(), PLAN), x, f0)
    loud, soft = y[50 * HOP : 90 * HOP], y[150 * HOP :]
    decibel = 10 * np.log10(np.mean(loud**2) / np.mean(soft**2))
    assert decibel == pytest.approx(0.75 * 20, abs=1.0)


def test_a_broken_voice_is_silent_and_the_stream_repeats_itself_after_a_reset() -> None:
    whole = synthesis()
    stream = RvcStream(whole, PLAN)
    x, f0 = hum(60), np.full(60, F0, np.float32)
    first = said(stream, x, f0)
    assert isinstance(whole.model, StandIn)
    whole.model.broken = True
    assert not said(stream, x, f0).any()
    whole.model.broken = False
    stream.reset()
    np.testing.assert_array_equal(said(stream, x, f0), first)


def test_the_index_is_asked_only_for_what_can_be_heard() -> None:
    whole = synthesis(index=True)
    said(RvcStream(whole, Plan(10, 100)), hum(20), np.full(20, F0, np.float32))
    assert isinstance(whole.model, StandIn)
    assert whole.model.asked == [(21 + 24 + 1) // 2] * 2


def test_unvoiced_frames_are_protected_from_the_index() -> None:
    whole, audio = synthesis(index=True), hum(200)[: 200 * 160]
    f0 = np.full(200, F0, np.float32)
    f0[20:] = 0.0
    phone = whole.phone(audio, f0, share=0.9)
    np.testing.assert_allclose(phone[:20, 2], 0.9, atol=1e-6)
    np.testing.assert_allclose(phone[20:, 2], 0.33 * 0.9, atol=1e-6)
    np.testing.assert_array_equal(phone[::2, 1][:99], np.arange(99))
    assert isinstance(whole.model, StandIn)
    assert max(whole.model.asked) <= 64


def test_a_voice_without_pitch_speaks() -> None:
    y = said(RvcStream(synthesis(has_pitch=False), PLAN), hum(60), np.full(60, F0, np.float32))
    assert np.isfinite(y).all()
    assert np.abs(y[40 * HOP :]).max() > 0.01
