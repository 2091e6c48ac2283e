"""The sliders of a neural voice: each does what it says, soon, and without a click."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from audio.resample import resample_offline
from inference.converter import HOP, MODEL_RATE
from inference.ease import eased
from inference.networks.excitation import pulse_train
from inference.neural.converter import NeuralConverter, middle_speaker
from inference.neural.melody import Melody
from inference.neural.sliders import Sliders
from inference.neural.source import Source
from inference.speaker import embed_stretches
from inference.speech import ENCODER_RATE
from voices.builtin_neural import builtin_neural_voices
from voices.tuning import Tuning

SPEECH = Path(__file__).resolve().parents[1] / "assets" / "samples" / "speech.flac"
VOICE = {voice.id: voice for voice in builtin_neural_voices()}["pia"]


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    """4 s of the bundled sample, whole hops."""
    samples, _ = soundfile.read(SPEECH, dtype="float32")
    return samples[: 400 * HOP]


def convert(x: np.ndarray, *tunings: Tuning) -> tuple[np.ndarray, np.ndarray]:
    """Audio and output F0 per hop; the tunings share the time equally."""
    tunings = tunings or (Tuning(),)
    converter = NeuralConverter(VOICE)
    audio, hz = [], []
    count = len(x) // HOP
    for hop in range(count):
        tuning = tunings[hop * len(tunings) // count]
        audio.append(converter.process(x[hop * HOP : (hop + 1) * HOP], tuning).copy())
        hz.append(converter.pitch.output_hz)
    return np.concatenate(audio), np.array(hz)


def spread(hz: np.ndarray) -> float:
    """Standard deviation of the melody in semitones, the opening left out."""
    voiced = hz[150:][hz[150:] > 0]
    return float(np.std(12 * np.log2(voiced)))


def periodicity(x: np.ndarray, hz: np.ndarray) -> float:
    """Mean correlation of a hop with the one a pitch period before, over voiced hops."""
    found = []
    for hop in range(20, len(hz) - 4):
        if hz[hop - 4 : hop + 1].min() > 0:
            at, period = (hop + 1) * HOP, round(MODEL_RATE / hz[hop - 3])
            now, before = x[at : at + 2 * HOP], x[at - period : at + 2 * HOP - period]
            found.append(np.corrcoef(now, before)[0, 1] if now.std() > 1e-4 else np.nan)
    return float(np.nanmean(found))


def test_the_pulses_are_those_the_networks_were_trained_with():
    f0 = [0, 0, 120, 130, 131, 131, 0, 0, 0, 700, 20, 90, 240, 240, 0]
    wanted, _ = pulse_train(np.array([f0], float), np.zeros((1, 1)), np.zeros((1, 1)), np)
    source = Source()
    pulses = np.concatenate([source.next(float(hz), 0.0)[0, 0].copy() for hz in f0])
    np.testing.assert_allclose(pulses, wanted[0], atol=1e-4)


def test_the_source_repeats_itself_after_reset_and_keeps_its_power_in_breath():
    source = Source()
    first = source.next(150.0, 0.5).copy()
    source.reset()
    np.testing.assert_array_equal(source.next(150.0, 0.5), first)
    hops = np.concatenate([source.next(150.0, 0.7)[0].copy() for _ in range(60)], 1)
    assert np.mean(hops[0] ** 2) == pytest.approx(1.0, rel=0.15)
    assert np.mean(hops[1] ** 2) == pytest.approx(1.0, rel=0.05)


def test_every_slider_is_where_it_is_wanted_within_50_ms():
    wanted = Sliders.of(Tuning(12.0, -6.0, 0.0, 0.0, 1.0, match_pitch=False))
    sliders = Sliders()
    for _ in range(5):
        sliders = sliders.toward(wanted)
    for field in ("pitch_semitones", "formant_semitones", "timbre", "intonation", "breathiness", "match"):
        start, end = getattr(Sliders(), field), getattr(wanted, field)
        assert abs(getattr(sliders, field) - end) <= 0.04 * abs(end - start)
    for _ in range(20):
        sliders = sliders.toward(wanted)
    assert sliders == wanted
    assert eased(1.0, 1.0) == 1.0


@pytest.mark.parametrize(("intonation", "factor"), [(0.0, 0.0), (0.5, 0.5), (2.0, 2.0)])
def test_intonation_scales_the_melody_around_its_middle(intonation, factor):
    f0 = 100.0 * 2 ** (np.sin(np.arange(900) / 40) * 3 / 12)
    moved = []
    for sliders in (Sliders(), Sliders(intonation=intonation)):
        melody = Melody(200.0)
        moved.append(np.log2([melody.follow(hz, 0.95, sliders) for hz in f0])[500:])
    assert moved[1].std() == pytest.approx(factor * moved[0].std(), rel=0.1, abs=0.03)
    assert np.median(moved[1]) == pytest.approx(np.median(moved[0]), abs=0.1)


def test_without_matching_only_the_slider_moves_the_pitch():
    melody = Melody(300.0)
    assert melody.follow(110.0, 0.9, Sliders(match=0.0)) == pytest.approx(110.0)
    assert melody.follow(110.0, 0.9, Sliders(12.0, match=0.0)) == pytest.approx(220.0)


def test_flat_intonation_is_heard_in_the_output(speech):
    lively, flat = (convert(speech, Tuning(intonation=amount))[1] for amount in (1.0, 0.0))
    assert spread(flat) < 0.35 * spread(lively)


def test_breathiness_makes_voiced_speech_less_periodic_and_not_faint(speech):
    (plain, hz), (breathy, _) = convert(speech), convert(speech, Tuning(breathiness=1.0))
    assert periodicity(breathy, hz) < periodicity(plain, hz) - 0.2
    assert abs(20 * np.log10(breathy.std() / plain.std())) < 6  # breath has less of the lowest harmonics


def test_timbre_goes_from_nobody_in_particular_to_the_voice(speech):
    own = np.array(VOICE.embedding)
    near = []
    for timbre in (0.0, 1.0):
        audio, _ = convert(speech, Tuning(timbre=timbre))
        heard = embed_stretches(resample_offline(audio, MODEL_RATE, ENCODER_RATE)).mean(0)
        near.append(float(heard @ own / np.linalg.norm(heard) / np.linalg.norm(own)))
    assert near[1] > near[0] + 0.02
    assert 0.5 < np.linalg.norm(middle_speaker()) < 1


def test_the_style_is_computed_only_while_timbre_moves(speech):
    converter = NeuralConverter(VOICE)
    calls = []
    make = converter.runtime.style

    class Counting:
        def __getattr__(self, name):
            return getattr(runtime, name)

        def style(self, speaker, quality):
            calls.append(1)
            return make(speaker, quality)

    runtime, converter.runtime = converter.runtime, Counting()
    for hop in range(60):
        tuning = Tuning(timbre=0.5 if hop >= 30 else 1.0)
        converter.process(speech[hop * HOP : (hop + 1) * HOP], tuning)
    assert 3 <= len(calls) <= 12


@pytest.mark.parametrize(
    "change",
    [
        {"timbre": 0.0},
        {"timbre": 1.5},
        {"breathiness": 1.0},
        {"intonation": 0.0},
        {"pitch_semitones": 5.0},
        {"formant_semitones": 6.0},
        {"match_pitch": False},
    ],
    ids=lambda change: next(iter(change)),
)
def test_moving_a_slider_clicks_no_louder_than_speech(speech, change):
    x = speech[: 200 * HOP]
    moved, _ = convert(x, *[Tuning(), replace(Tuning(), **change)] * 4)
    still = [np.abs(np.diff(convert(x, tuning)[0])).max() for tuning in (Tuning(), Tuning(**change))]
    assert np.abs(np.diff(moved)).max() < 1.6 * max(still)
