"""History and lanes: what was heard is where it was, and looks like it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gui.history import SECONDS, SignalHistory
from gui.lanes import (
    N_FFT,
    PitchLane,
    SpectrogramLane,
    WaveLane,
    mel_matrix,
    mel_rows,
    mel_taps,
    packed,
    pitch_row,
    rgb,
)
from gui.theme import DARK
from inference.converter import HOP, MODEL_RATE
from inference.engine.telemetry import Scope

STEP = 120


def scope(x: np.ndarray, f0: float = 0.0, y: np.ndarray | None = None) -> Scope:
    """A reading with the same F0 in every hop."""
    hops = np.full(x.size // HOP, f0, np.float32)
    return Scope(0, x.astype(np.float32), (x if y is None else y).astype(np.float32), hops, hops * 1.5)


def sine(hz: float, seconds: float = 1.0, level: float = 0.5) -> np.ndarray:
    """A sine at the model rate."""
    return level * np.sin(2 * np.pi * hz * np.arange(round(seconds * MODEL_RATE)) / MODEL_RATE)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 900), min_size=1, max_size=40))
def test_history_returns_what_was_written(hops: list[int]) -> None:
    history, written = SignalHistory(), np.zeros(0, np.float32)
    for n in hops:
        new = np.arange(written.size, written.size + n * HOP, dtype=np.float32) / 1e6
        history.append(scope(new))
        written = np.concatenate([written, new[-SECONDS * MODEL_RATE :]])
    kept = min(written.size, SECONDS * MODEL_RATE)
    assert history.end == written.size
    got = history.signal(0, history.end - kept, history.end)
    np.testing.assert_array_equal(got, written[written.size - kept :])


def test_history_is_silent_before_the_beginning_and_in_the_future() -> None:
    history = SignalHistory()
    history.append(scope(np.ones(HOP)))
    x = history.signal(0, -HOP, 2 * HOP)
    np.testing.assert_array_equal(x, np.repeat([0, 1, 0], HOP))


def test_history_survives_bad_samples() -> None:
    history = SignalHistory()
    history.append(scope(np.array([np.nan, np.inf, -np.inf, 0.5] * 60), f0=float("nan")))
    assert np.isfinite(history.signal(0, 0, HOP)).all()
    assert np.isnan(history.f0(0, np.arange(0, HOP))).all()


def test_f0_is_interpolated_and_jumps_are_not_drawn() -> None:
    history = SignalHistory()
    f0 = np.array([100, 110, 0, 200, 400, 400], np.float32)
    x = np.zeros(f0.size * HOP, np.float32)
    history.append(Scope(0, x, x, f0, f0))
    got = history.f0(0, np.array([0, HOP // 2, HOP, 3 * HOP, 4 * HOP]))
    np.testing.assert_allclose(got, [100, np.sqrt(100 * 110), np.nan, np.nan, 400], rtol=1e-4)


def test_pitch_stays_with_its_samples_after_a_skipped_read() -> None:
    history = SignalHistory()
    history.append(scope(np.zeros(10 * HOP), f0=100))
    lost = Scope(
        0, np.zeros(20 * HOP, np.float32), np.zeros(20 * HOP, np.float32), *[np.zeros(0, np.float32)] * 2
    )
    history.append(lost)
    history.append(scope(np.zeros(10 * HOP), f0=200))
    got = history.f0(0, np.array([35 * HOP]))
    assert got[0] == pytest.approx(200)


@pytest.mark.parametrize("hz", [250, 1000, 4000, 9000])
def test_spectrogram_shows_a_sine_in_its_row(hz: float) -> None:
    history, height = SignalHistory(), 200
    history.append(scope(sine(hz, level=0.05)))
    lane = SpectrogramLane(0, height, ("#000000", "#ffffff"))
    column = lane.columns(history, 100, 101, STEP)[:, 0] & 0xFF
    assert mel_rows(height)[int(column.argmax())] == pytest.approx(hz, rel=0.06)


def test_streamed_columns_equal_those_drawn_at_once() -> None:
    history = SignalHistory()
    history.append(scope(np.random.default_rng(1).standard_normal(MODEL_RATE) * 0.1, f0=150))
    lanes = (
        WaveLane(0, 60, DARK.input, DARK.danger, DARK.sunken, DARK.grid),
        SpectrogramLane(1, 80, DARK.output_map),
        PitchLane(90, (DARK.input, DARK.output), DARK.sunken, DARK.grid),
    )
    for lane in lanes:
        whole = lane.columns(history, 20, 120, STEP)
        parts = [lane.columns(history, a, min(a + 7, 120), STEP) for a in range(20, 120, 7)]
        np.testing.assert_array_equal(np.concatenate(parts, 1), whole)
        assert whole.dtype == np.uint32


def test_waveform_height_grows_and_clipping_is_red() -> None:
    def drawn(level: float) -> np.ndarray:
        history = SignalHistory()
        history.append(scope(sine(400, level=level)))
        lane = WaveLane(0, 100, "#00ff00", "#ff0000", "#000000", "#000000")
        return lane.columns(history, 50, 60, STEP)

    ink = [(drawn(level) != packed(rgb("#000000"))).sum() for level in (0.01, 0.1, 0.5)]
    assert ink == sorted(ink)
    assert len(set(ink)) == 3
    assert (drawn(1.2) == packed(rgb("#ff0000"))).any()
    assert not (drawn(0.5) == packed(rgb("#ff0000"))).any()


def test_pitch_lane_draws_both_traces_where_they_belong() -> None:
    history, height = SignalHistory(), 200
    history.append(scope(np.zeros(MODEL_RATE), f0=120))
    lane = PitchLane(height, ("#ff0000", "#0000ff"), "#000000", "#000000")
    column = lane.columns(history, 50, 51, STEP)[:, 0]
    for hz, shift in ((120, 16), (180, 0)):
        row = int(((column >> shift) & 0xFF).argmax())
        assert row == pytest.approx(float(pitch_row(np.array([hz], np.float32), height)[0]), abs=1.5)


def test_mel_rows_weigh_one() -> None:
    np.testing.assert_allclose(mel_matrix(150).sum(0), 1, rtol=1e-5)


@pytest.mark.parametrize("height", [20, 97, 150, 400])
def test_mel_taps_are_the_matrix(height: int) -> None:
    power = np.random.default_rng(2).random((3, N_FFT // 2 + 1)).astype(np.float32)
    bins, weights = mel_taps(height)
    got = np.einsum("nkh,kh->nh", power[:, bins], weights)
    np.testing.assert_allclose(got, power @ mel_matrix(height), rtol=1e-4)
