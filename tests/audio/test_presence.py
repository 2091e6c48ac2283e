"""The presence gate: noise becomes quiet, speech passes whole and untouched."""

from __future__ import annotations

import numpy as np
import pytest

from audio.presence import PresenceGate
from inference.f0 import F0Tracker
from inference.sample import bundled_speech

RATE, HOP = 24_000, 240
TIME = np.arange(4 * RATE) / RATE


def coloured(slope: float) -> np.ndarray:
    spectrum = np.fft.rfft(np.random.default_rng(2).standard_normal(len(TIME)))
    hz = np.maximum(np.arange(len(spectrum)) / 4, 20.0)
    x = np.fft.irfft(spectrum / hz ** (slope / 2), len(TIME))
    return x / x.std()


def keyboard() -> np.ndarray:
    rng = np.random.default_rng(5)
    x = 0.02 * coloured(1.0)
    for place in range(2000, len(x) - 800, 5000):
        x[place : place + 720] += 5 * rng.standard_normal(720) * np.exp(-np.arange(720) / 90)
    return x


NOISES = {
    "white": coloured(0.0),
    "pink": coloured(1.0),
    "brown": coloured(2.0),
    "hum": sum(np.sin(2 * np.pi * 50 * k * TIME + k) / k for k in (1, 2, 3, 5)) + 0.03 * coloured(1.0),
    "keyboard": keyboard(),
}


def run(gate: PresenceGate, x: np.ndarray, voice: np.ndarray | None = None, on=True, delay=0):
    """Gates `voice` by `x`; returns it and whether the gate was open, hop by hop."""
    tracker = F0Tracker()
    switched = on if callable(on) else lambda _: on
    heard = x[: len(x) // HOP * HOP].astype(np.float32).reshape(-1, HOP)
    spoken = heard if voice is None else voice.reshape(heard.shape)
    out, was_open = [], []
    for i, (h, v) in enumerate(zip(heard, spoken, strict=True)):
        out.append(gate.process(v.copy(), h, tracker.step(h)[1], switched(i), delay))
        was_open.append(gate.open)
    return np.concatenate(out), np.array(was_open)


@pytest.mark.parametrize("name", NOISES)
@pytest.mark.parametrize("db", [-50.0, -35.0])
def test_noise_becomes_quiet(name: str, db: float) -> None:
    y, _ = run(PresenceGate(), NOISES[name] * 10 ** (db / 20))
    active = (y[RATE:].reshape(-1, HOP) ** 2).mean(axis=1) > 1e-6
    assert active.mean() < 0.3
    assert not y[-HOP:].any()


def strokes(apart_s: float) -> np.ndarray:
    """Pairs of clicks five times a second."""
    rng = np.random.default_rng(5)
    since = np.arange(2400) / RATE
    x = 0.02 * coloured(1.0)
    for place in range(2000, len(x) - 6000, 4800):
        for start in (place, place + round(apart_s * RATE)):
            x[start : start + 2400] += 5 * rng.standard_normal(2400) * np.exp(-since / 0.004)
    return x


@pytest.mark.parametrize("apart_s", [0.012, 0.02, 0.08])
def test_keys_that_meet_open_nothing(apart_s: float) -> None:
    _, was_open = run(PresenceGate(), strokes(apart_s) * 10 ** (-45 / 20))
    assert not was_open[100:].any()


@pytest.mark.parametrize("gain_db", [0.0, -20.0])
def test_speech_passes_bit_for_bit(gain_db: float) -> None:
    speech = bundled_speech(RATE) * np.float32(10 ** (gain_db / 20))
    y, _ = run(PresenceGate(), speech)
    x = speech[: len(y)].reshape(-1, HOP)
    loud = (x**2).mean(axis=1) > speech.var() * 10**-3.0
    whole = (y.reshape(-1, HOP) == x).all(axis=1)
    assert whole[loud].mean() > 0.98


@pytest.mark.parametrize("noise", ["white", "pink"])
def test_a_soft_consonant_after_a_pause_is_let_through(noise: str) -> None:
    fricative = np.diff(NOISES["white"][: 2400 + 1])
    room = 1e-3 * NOISES[noise]
    x = room.copy()
    x[2 * RATE : 2 * RATE + 2400] += 0.01 * fricative
    _, was_open = run(PresenceGate(), x)
    assert not was_open[199]
    assert was_open[203]


def test_a_held_note_stays() -> None:
    note = 0.1 * sum(np.sin(2 * np.pi * 220 * k * TIME) / k for k in range(1, 12))
    x = np.concatenate((1e-4 * NOISES["pink"][:RATE], note[: 3 * RATE]))
    _, was_open = run(PresenceGate(), x)
    assert was_open[110:].mean() > 0.95


def test_closing_and_opening_do_not_click() -> None:
    voice = (0.3 * np.sin(2 * np.pi * 200 * TIME)).astype(np.float32)
    heard = 0.01 * NOISES["pink"]
    heard[RATE : RATE + 12_000] += bundled_speech(RATE)[12_000:24_000]
    y, was_open = run(PresenceGate(), heard, voice)
    assert was_open.any()
    assert not was_open.all()
    assert np.abs(np.diff(y, 2)).max() < np.abs(np.diff(voice, 2)).max() + 0.004


def test_off_is_bit_exact() -> None:
    x = NOISES["pink"].astype(np.float32) * np.float32(0.01)
    gate = PresenceGate()
    np.testing.assert_array_equal(run(gate, x, on=False)[0], x)
    assert gate.open
    run(gate, x)
    assert not gate.open
    y, _ = run(gate, x, on=False)
    np.testing.assert_array_equal(y[HOP:], x[HOP:])


def test_a_reset_opens_and_gives_the_same_bits() -> None:
    x = NOISES["keyboard"] * 0.01
    gate = PresenceGate()
    first, _ = run(gate, x)
    gate.reset()
    assert gate.open
    np.testing.assert_array_equal(run(gate, x)[0], first)


@pytest.mark.parametrize("bad", [0.0, 1.0, 1e20, 1e-40])
def test_bad_samples_raise_nothing(bad: float) -> None:
    gate = PresenceGate()
    run(gate, np.full(2400, bad))
    speech = bundled_speech(RATE)[: 2 * RATE]
    y, was_open = run(gate, speech)
    assert np.isfinite(y).all()
    assert was_open[-100:].any()


def test_a_late_voice_is_let_through_when_it_comes() -> None:
    speech, delay = bundled_speech(RATE)[: 2 * RATE], 60
    x = np.concatenate((np.zeros(RATE), speech, np.zeros(2 * RATE)))
    x = (x + np.random.default_rng(1).normal(0, 1e-4, len(x))).astype(np.float32)[: len(x) // HOP * HOP]
    voice = np.roll(x, delay * HOP)
    out, _ = run(PresenceGate(), x, voice, delay=delay)
    came = slice(RATE + delay * HOP, 3 * RATE + delay * HOP)
    np.testing.assert_array_equal(out[came], voice[came])
    assert not out[-RATE // 4 :].any()
