"""The model-free converter: exact delay, right pitch and formants, calm under bad input and fast knobs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.converter import HOP, MODEL_RATE
from inference.modelfree.converter import ModelFreeConverter
from tests.bad_signals import KINDS, bad_signal
from tests.test_f0 import track
from tests.tools.vowels import vowel
from voices.builtin import builtin_voices
from voices.tuning import Tuning
from voices.voice import Recipe, VoiceKind

PRESETS = [voice for voice in builtin_voices() if voice.kind is VoiceKind.MODEL_FREE]
SPEECH = Path(__file__).resolve().parents[1] / "assets" / "samples" / "speech.flac"


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    """2.5 s of the bundled sample, whole hops."""
    samples, rate = soundfile.read(SPEECH, dtype="float32")
    assert rate == MODEL_RATE
    return samples[MODEL_RATE // 2 : 3 * MODEL_RATE]


def convert(signal, recipe=None, controls=None, converter=None) -> np.ndarray:
    """Converts whole hops; `controls` may be a function of the hop's number."""
    converter = converter or ModelFreeConverter(recipe or Recipe())
    knobs = controls if callable(controls) else lambda _: controls or Tuning()
    hops = signal[: signal.size // HOP * HOP].reshape(-1, HOP)
    return np.concatenate([converter.process(hop, knobs(i)).copy() for i, hop in enumerate(hops)])


def median_f0(signal) -> float:
    """Median F0 of the voiced hops, Hz."""
    f0 = track(signal)[:, 0]
    return float(np.median(f0[f0 > 0]))


def envelope_db(signal) -> np.ndarray:
    """Long-term spectrum of `signal` smoothed over harmonics, dB, on 4096 bins up to Nyquist."""
    frames = np.lib.stride_tricks.sliding_window_view(signal, 1024)[::256] * np.hanning(1024)
    power = (np.abs(np.fft.rfft(frames, 8192)) ** 2).mean(axis=0)
    width = np.hanning(101)
    return 10 * np.log10(np.convolve(power, width / width.sum(), "same") + 1e-12)


def peak_hz(signal, low_hz, high_hz) -> float:
    """Strongest place of the envelope between two frequencies."""
    envelope = envelope_db(signal)
    hz = np.arange(envelope.size) * MODEL_RATE / 8192
    inside = (hz >= low_hz) & (hz <= high_hz)
    return float(hz[inside][envelope[inside].argmax()])


def test_latency_is_exact_and_identity_is_transparent(speech):
    converter = ModelFreeConverter(Recipe())
    output = convert(speech, converter=converter)
    delay = converter.latency_samples
    correlation = np.correlate(output, speech[: speech.size - 1200], "valid")
    assert int(correlation.argmax()) == delay
    np.testing.assert_allclose(output[delay:], speech[:-delay], atol=1e-6)
    assert delay <= 20 * MODEL_RATE // 1000


@pytest.mark.parametrize("f0_hz", [90.0, 140.0, 240.0])
@pytest.mark.parametrize("semitones", [-12.0, -5.0, 5.0, 12.0])
def test_pitch_of_a_vowel_moves_as_said(f0_hz, semitones):
    output = convert(vowel(f0_hz, 1.0), Recipe(pitch_semitones=semitones))
    # The tracker's range ends at 50 Hz.
    expected = f0_hz * 2 ** (semitones / 12)
    if expected > 52:
        assert 12 * abs(np.log2(median_f0(output[MODEL_RATE // 4 :]) / expected)) < 0.15


@pytest.mark.parametrize("semitones", [-8.0, -4.0, 4.0, 8.0])
def test_pitch_of_speech_moves_as_said_and_the_level_stays(speech, semitones):
    output = convert(speech, controls=Tuning(pitch_semitones=semitones))
    before, after = track(speech)[:-1, 0], track(output)[1:, 0]
    both = (before > 0) & (after > 0)
    moved = 12 * np.log2(after[both] / before[both])
    assert np.median(moved) == pytest.approx(semitones, abs=0.2)
    assert (np.abs(moved - semitones) < 1.5).mean() > 0.85
    assert abs(20 * np.log10(output.std() / speech.std())) < 2.0


@pytest.mark.parametrize("semitones", [-6.0, -3.0, 3.0, 6.0])
def test_formants_move_as_said_and_pitch_stays(semitones):
    source = vowel(110.0, 1.0, (600.0, 2200.0))
    output = convert(source, Recipe(formant_semitones=semitones))[MODEL_RATE // 4 :]
    expected = 2200.0 * 2 ** (semitones / 12)
    assert peak_hz(source, 1700, 2900) == pytest.approx(2200.0, rel=0.03)
    assert peak_hz(output, 0.8 * expected, 1.25 * expected) == pytest.approx(expected, rel=0.04)
    assert median_f0(output) == pytest.approx(110.0, rel=0.005)


@pytest.mark.parametrize("semitones", [-5.0, 5.0])
def test_formants_stay_when_pitch_moves(semitones):
    source = vowel(110.0, 1.0, (600.0, 2200.0))
    output = convert(source, Recipe(pitch_semitones=semitones))[MODEL_RATE // 4 :]
    assert peak_hz(output, 1500, 3000) == pytest.approx(peak_hz(source, 1500, 3000), rel=0.05)


def test_reset_gives_the_same_bits_again(speech):
    converter = ModelFreeConverter(Recipe(3.0, 2.0, whisper=0.3, roughness=0.5))
    first = convert(speech[:12_000], converter=converter)
    converter.reset()
    np.testing.assert_array_equal(convert(speech[:12_000], converter=converter), first)
    converter.warm_up()
    np.testing.assert_array_equal(convert(speech[:12_000], converter=converter), first)


@pytest.mark.parametrize("voice", PRESETS, ids=lambda voice: voice.id)
def test_silence_follows_speech_within_200_ms(speech, voice):
    padded = np.concatenate((speech[:24_000], np.zeros(9600, np.float32)))
    output = convert(padded, voice.recipe)
    assert np.abs(output[24_000 + 4800 :]).max() < 1e-5


@pytest.mark.parametrize("voice", PRESETS, ids=lambda voice: voice.id)
def test_presets_follow_the_speakers_level_without_bursts(speech, voice):
    output = convert(speech, voice.recipe)
    assert abs(20 * np.log10(output.std() / speech.std())) < 2.5
    assert np.abs(output).max() < 4 * np.abs(speech).max()


@pytest.mark.parametrize("kind", KINDS)
def test_bad_samples_neither_raise_nor_burst(speech, kind):
    converter = ModelFreeConverter(Recipe(5.0, 3.0, roughness=0.3))
    output = convert(bad_signal(kind), converter=converter)
    assert np.isfinite(output).all()
    assert np.abs(output).max() < 8.0
    # Speech after it is converted as if nothing had been.
    after = convert(speech, converter=converter)[24_000:]
    fresh = convert(speech, Recipe(5.0, 3.0, roughness=0.3))[24_000:]
    assert abs(20 * np.log10(after.std() / fresh.std())) < 2.0


@settings(max_examples=8, deadline=None)
@given(
    pitch=st.floats(-60, 60, allow_subnormal=False),
    formant=st.floats(-60, 60, allow_subnormal=False),
    whisper=st.floats(0, 1, allow_subnormal=False),
    roughness=st.floats(0, 1, allow_subnormal=False),
    fixed=st.sampled_from([0.0, 40.0, 110.0, 900.0]),
)
def test_any_recipe_is_bounded_on_speech(pitch, formant, whisper, roughness, fixed):
    samples, _ = soundfile.read(SPEECH, dtype="float32")
    part = samples[12_000:24_000]
    output = convert(part, Recipe(pitch, formant, fixed, whisper, roughness))
    assert np.isfinite(output).all()
    assert np.abs(output).max() < 4.0


KNOBS = {
    "pitch_semitones": (-4.0, 4.0),
    "formant_semitones": (-4.0, 4.0),
    "timbre": (0.0, 1.5),
    "intonation": (0.0, 2.0),
}


@pytest.mark.parametrize("knob", KNOBS)
def test_turning_a_knob_does_not_click(knob):
    source = vowel(130.0 + 20 * np.sin(np.arange(36_000) / 4000), 1.5, (600.0, 1500.0))
    recipe = Recipe(formant_semitones=3.0)

    def wobble(hop: int) -> Tuning:
        return Tuning(**{knob: KNOBS[knob][hop // 10 % 2]})

    def roughest(signal: np.ndarray) -> float:
        return float(np.abs(np.diff(signal[MODEL_RATE // 4 :], 2)).max())

    steady = max(roughest(convert(source, recipe, Tuning(**{knob: v}))) for v in KNOBS[knob])
    assert roughest(convert(source, recipe, wobble)) < 1.6 * steady


def test_a_knob_is_where_it_was_put_within_50_ms():
    source = vowel(130.0, 1.0)
    late = convert(source, controls=lambda hop: Tuning(pitch_semitones=7.0 if hop >= 50 else 0.0))
    f0 = track(late[50 * HOP :])[:, 0]
    # 10 ms of look-ahead, 50 ms to arrive, 25 ms that the tracker looks back on.
    assert 12 * abs(np.log2(f0[9] / (130.0 * 2 ** (7 / 12)))) < 0.5


@pytest.mark.parametrize("intonation", [0.0, 0.5, 2.0])
def test_intonation_scales_the_melody_around_its_middle(intonation):
    contour = 150.0 * 2 ** (0.25 * np.sin(2 * np.pi * np.arange(3 * MODEL_RATE) / MODEL_RATE))
    source = vowel(contour, 3.0)

    def melody(signal: np.ndarray) -> np.ndarray:
        return np.log2(track(signal[MODEL_RATE:])[20:-5, 0])

    before, after = melody(source), melody(convert(source, controls=Tuning(intonation=intonation)))
    assert after.std() == pytest.approx(intonation * before.std(), abs=0.02)
    assert np.median(after) == pytest.approx(np.median(before), abs=0.08)


def harmonics_to_noise_db(signal: np.ndarray, f0_hz: float) -> float:
    """Power at the harmonics of a steady vowel against the power between them."""
    spectrum = np.abs(np.fft.rfft(signal[-MODEL_RATE:] * np.hanning(MODEL_RATE))) ** 2
    hz = np.arange(spectrum.size)
    near = np.abs(hz - f0_hz * np.round(hz / f0_hz)) < 6
    inside = (hz > 80) & (hz < 8000)
    return float(10 * np.log10(spectrum[near & inside].sum() / spectrum[~near & inside].sum()))


def test_breathiness_mixes_breath_into_voice_and_leaves_the_pitch():
    source = vowel(150.0, 2.0)
    voices = [convert(source, controls=Tuning(breathiness=b)) for b in (0.0, 0.3, 1.0)]
    clearness = [harmonics_to_noise_db(voice, 150.0) for voice in voices]
    assert clearness[0] > clearness[1] + 6 > clearness[2] + 9
    assert median_f0(voices[2][MODEL_RATE // 2 :]) == pytest.approx(150.0, rel=0.02)


def test_breathiness_leaves_what_has_no_voice_alone():
    hiss = (0.02 * np.random.default_rng(8).normal(size=MODEL_RATE)).astype(np.float32)
    np.testing.assert_allclose(
        convert(hiss, controls=Tuning(breathiness=1.0))[MODEL_RATE // 4 :],
        convert(hiss)[MODEL_RATE // 4 :],
        atol=0.02,
    )


def test_timbre_says_how_far_towards_the_recipe():
    source = vowel(110.0, 1.0, (600.0, 2200.0))
    recipe = Recipe(formant_semitones=4.0)
    for timbre in (0.0, 0.5, 1.0, 1.5):
        expected = 2200.0 * 2 ** (4.0 * timbre / 12)
        output = convert(source, recipe, Tuning(timbre=timbre))[MODEL_RATE // 4 :]
        assert peak_hz(output, 0.8 * expected, 1.25 * expected) == pytest.approx(expected, rel=0.05)


def test_timbre_fades_whisper_and_roughness():
    source = vowel(150.0, 1.5)
    for recipe in (Recipe(whisper=1.0), Recipe(roughness=1.0)):
        own = convert(source, recipe, Tuning(timbre=0.0))
        np.testing.assert_allclose(own, convert(source), atol=1e-6)
        assert harmonics_to_noise_db(convert(source, recipe), 150.0) < 10


def test_matching_the_range_of_a_recipe_does_nothing(speech):
    off, on = (convert(speech[:12_000], controls=Tuning(match_pitch=m)) for m in (False, True))
    np.testing.assert_array_equal(off, on)


def test_controls_add_to_the_recipe():
    source = vowel(130.0, 0.6)
    together = convert(source, Recipe(pitch_semitones=5.0, formant_semitones=2.0))
    apart = convert(source, Recipe(pitch_semitones=3.0), Tuning(2.0, 2.0))
    np.testing.assert_allclose(together, apart, atol=1e-6)


def test_robot_speaks_on_one_note(speech):
    f0 = track(convert(speech, Recipe(fixed_pitch_hz=110.0)))[:, 0]
    voiced = f0[f0 > 0]
    assert (np.abs(voiced / 110.0 - 1) < 0.02).mean() > 0.8


def test_whisper_has_no_pitch(speech):
    spoken, whispered = track(speech)[:, 0] > 0, track(convert(speech, Recipe(whisper=1.0)))[:, 0] > 0
    assert whispered.mean() < 0.2 * spoken.mean()


def test_roughness_adds_a_subharmonic():
    def at(signal: np.ndarray, hz: float) -> float:
        tail = signal[-MODEL_RATE:] * np.hanning(MODEL_RATE)
        return float(np.abs(np.fft.rfft(tail)[int(hz) - 3 : int(hz) + 4]).max())

    source = vowel(200.0, 1.5)
    plain, rough = convert(source), convert(source, Recipe(roughness=0.8))
    assert at(rough, 300.0) / at(rough, 200.0) > 10 * at(plain, 300.0) / at(plain, 200.0)


def test_pitch_of_the_hop_is_reported():
    converter = ModelFreeConverter(Recipe(pitch_semitones=12.0))
    convert(vowel(150.0, 0.5), converter=converter)
    assert converter.pitch.input_hz == pytest.approx(150.0, rel=0.01)
    assert converter.pitch.output_hz == pytest.approx(300.0, rel=0.01)
    assert converter.pitch.voicing > 0.9
    convert(np.zeros(9600, np.float32), converter=converter)
    assert converter.pitch.input_hz == converter.pitch.output_hz == 0.0
