"""The chain: exact bypass, told latency, and no click whatever changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import correlate

from inference.chain import Chain
from inference.converter import HOP, MODEL_RATE, Block, PitchFrame
from inference.engine.messages import EngineParams, Mode
from inference.modelfree.converter import ModelFreeConverter
from inference.sample import bundled_speech
from voices.tuning import RANGES, Tuning
from voices.voice import Recipe

BYPASS = EngineParams(mode=Mode.BYPASS)
OPEN = EngineParams(gate_db=-120.0, loudness_match=False)
MUTE = EngineParams(mode=Mode.MUTE)


class Delay:
    """A converter that only delays, by `latency_samples`, and scales."""

    def __init__(self, latency: int = 0, gain: float = 1.0) -> None:
        self.latency_samples = latency
        self.pitch = PitchFrame()
        self._gain = np.float32(gain)
        self.reset()

    def process(self, block: Block, tuning: Tuning) -> Block:
        self._past = np.concatenate((self._past, block * self._gain))
        out, self._past = self._past[:HOP], self._past[HOP:]
        return out

    def reset(self) -> None:
        self._past = np.zeros(self.latency_samples, np.float32)

    def warm_up(self) -> None:
        self.reset()


class Broken(Delay):
    """A converter that gives rubbish."""

    def process(self, block: Block, tuning: Tuning) -> Block:
        return np.full(HOP, np.nan, np.float32)


def run(chain: Chain, x: Block, *params: EngineParams) -> Block:
    """All of `x` through the chain; each of `params` holds for its equal share of the blocks."""
    blocks = x[: len(x) // chain.block * chain.block].reshape(-1, chain.block)
    share = -(-len(blocks) // len(params))
    return np.concatenate([chain.process(b, params[i // share]).copy() for i, b in enumerate(blocks)])


def noise(seconds: float, rate: int, level: float = 0.2) -> Block:
    return np.random.default_rng(3).uniform(-level, level, round(seconds * rate)).astype(np.float32)


def tone(seconds: float, rate: int, hz: float = 200.0, level: float = 0.3) -> Block:
    return (level * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def lag(x: Block, y: Block) -> float:
    """Samples by which `y` follows `x`, to a fraction."""
    size = min(len(x), len(y))
    c = correlate(y[:size].astype(float), x[:size].astype(float), method="fft")[size - 1 :]
    i = int(np.argmax(c))
    if i == 0:
        return 0.0
    curve = c[i - 1] - 2 * c[i] + c[i + 1]
    return i + 0.5 * (c[i - 1] - c[i + 1]) / curve


@pytest.mark.parametrize("rate", [24_000, 44_100, 48_000, 88_200, 96_000])
def test_bypass_is_the_input_bit_for_bit(rate: int) -> None:
    chain = Chain(rate, rate, ModelFreeConverter(Recipe(pitch_semitones=5)))
    assert chain.exact
    x = noise(0.5, rate, level=1.0)
    run(chain, x[: chain.block], BYPASS)
    y = run(chain, x[chain.block :], BYPASS)
    np.testing.assert_array_equal(y, x[chain.block :][: len(y)])
    assert len(y) >= len(x) - 2 * chain.block
    assert chain.latency_in(Mode.BYPASS) == 0.0


@pytest.mark.parametrize("rate", [16_000, 24_000, 32_000, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("latency", [0, 240, 555])
def test_the_latency_told_is_the_latency_measured(rate: int, latency: int) -> None:
    chain = Chain(rate, rate, Delay(latency))
    x = noise(1.0, rate)
    assert lag(x, run(chain, x, OPEN)) == pytest.approx(chain.latency_s * rate, abs=1.0)


def test_the_latency_told_holds_for_the_voice_that_changes_nothing() -> None:
    speech = bundled_speech(48_000)[:96_000]
    chain = Chain(48_000, 48_000, ModelFreeConverter(Recipe()))
    assert lag(speech, run(chain, speech, OPEN)) == pytest.approx(chain.latency_s * 48_000, abs=24)


@pytest.mark.parametrize("rate", [11_025, 22_050])
@pytest.mark.parametrize("params", [OPEN, BYPASS])
def test_rates_without_whole_hops_keep_time(rate: int, params: EngineParams) -> None:
    chain = Chain(rate, rate, Delay())
    assert not chain.exact
    x = noise(2.0, rate)
    y = run(chain, x, params)
    assert abs(len(y) - len(x)) <= 2 * chain.block
    assert lag(x, y) == pytest.approx(chain.latency_in(params.mode) * rate, abs=2 * chain.block)
    assert chain.pending_s <= HOP / MODEL_RATE


def test_rates_may_differ() -> None:
    chain = Chain(44_100, 48_000, Delay())
    y = run(chain, tone(1.0, 44_100), OPEN)
    assert len(y) == pytest.approx(48_000, abs=3 * 480)
    spectrum = np.abs(np.fft.rfft(y[4800:28_800] * np.hanning(24_000)))
    assert np.argmax(spectrum) * 2 == pytest.approx(200, abs=2)


@pytest.mark.parametrize("ratio", [-3e-4, 3e-4])
def test_the_output_follows_another_clock(ratio: float) -> None:
    chain = Chain(48_000, 48_000, Delay(), variable=True)
    chain.adjust(ratio)
    x = noise(10.0, 48_000)
    assert len(run(chain, x, OPEN)) - len(x) == pytest.approx(ratio * len(x), abs=20)


def roughness(y: Block) -> float:
    """Largest second difference: a click has a large one, a low tone a tiny one."""
    return float(np.abs(np.diff(y, 2)).max())


def settled(**changes: float) -> EngineParams:
    """`OPEN` with another tuning."""
    return replace(OPEN, tuning=Tuning(**changes))


CHANGES = {
    "bypass": (OPEN, BYPASS),
    "mute": (OPEN, MUTE),
    "unmute": (MUTE, OPEN),
    "input gain": (OPEN, replace(OPEN, input_gain_db=-12.0)),
    "output gain": (OPEN, settled(output_gain_db=-12.0)),
    "and back": (settled(output_gain_db=-12.0), OPEN),
    "low": (OPEN, settled(low_db=9.0)),
    "brightness": (OPEN, settled(brightness_db=9.0)),
    "loudness match": (OPEN, replace(OPEN, loudness_match=True)),
    "gates": (OPEN, replace(OPEN, gate_db=-70.0)),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_changes_do_not_click(change: str, rate: int) -> None:
    chain = Chain(rate, rate, Delay())
    settle = run(chain, tone(0.5, rate), CHANGES[change][0])
    assert len(settle)
    y = run(chain, tone(1.0, rate), *CHANGES[change])
    # A jump of 0.01, -30 dB under this tone, would show as a second difference of 0.01.
    steady = roughness(tone(0.1, rate))
    assert roughness(y) < steady + 0.004


def test_the_click_detector_hears_clicks() -> None:
    y = tone(1.0, 48_000)
    y[24_030:] = 0.0
    assert roughness(y) > roughness(tone(0.1, 48_000)) + 0.004


def test_another_voice_fades_in_without_a_click() -> None:
    chain = Chain(48_000, 48_000, Delay(240))
    before = run(chain, tone(0.5, 48_000), OPEN)
    chain.swap(Delay(240, gain=0.25))
    after = run(chain, tone(0.5, 48_000), OPEN)
    assert roughness(np.concatenate((before[4800:], after))) < roughness(tone(0.1, 48_000)) + 0.004
    assert np.abs(after[-4800:]).max() == pytest.approx(0.075, rel=0.02)


def test_two_changes_of_voice_at_once_end_with_the_last() -> None:
    chain = Chain(24_000, 24_000, Delay())
    chain.swap(Delay(gain=0.5))
    chain.swap(Delay(gain=0.25))
    y = run(chain, tone(0.5, 24_000), OPEN)
    assert np.abs(y[-2400:]).max() == pytest.approx(0.075, rel=0.02)


def test_muting_is_exact_silence() -> None:
    chain = Chain(48_000, 48_000, ModelFreeConverter(Recipe()))
    y = run(chain, noise(0.2, 48_000), OPEN, MUTE)
    assert not y[-3 * chain.block :].any()


@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_the_largest_numbers_there_are_leave_nothing_behind(rate: int) -> None:
    """A sum of them is infinite, which the filters of the loudness match would keep until the next start."""
    quiet = EngineParams(gate_db=-120.0)
    speech, burst = bundled_speech(rate)[: 4 * rate], np.full(rate // 10, 3.3e38, np.float32)
    gains = []
    for before in (burst, 0 * burst):
        chain = Chain(rate, rate, Delay(gain=0.25), variable=True)
        with np.errstate(all="ignore"):
            y = run(chain, np.concatenate((before, speech)), quiet)
        assert np.isfinite(y).all()
        gains.append(chain._loudness.gain_db)
    assert gains[0] == pytest.approx(gains[1], abs=0.5)
    assert gains[1] > 6.0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e30])
@pytest.mark.parametrize("mode", list(Mode))
def test_bad_samples_stay_inside(bad: float, mode: Mode) -> None:
    chain = Chain(44_100, 44_100, ModelFreeConverter(Recipe(pitch_semitones=3)))
    params = EngineParams(mode=mode, gate_db=-120.0)
    x = tone(0.4, 44_100)
    x[1000:3000:7] = bad
    y = run(chain, x, params)
    assert np.isfinite(y).all()
    assert np.abs(y).max() <= 1.0
    assert chain.clean_input
    if mode != Mode.MUTE:
        assert np.abs(y[-2000:]).max() > 0.05


def test_bad_input_is_told() -> None:
    chain = Chain(48_000, 48_000, Delay())
    x = tone(0.01, 48_000)
    x[5] = np.nan
    chain.process(x, OPEN)
    assert not chain.clean_input


def test_a_converter_that_gives_rubbish_is_silence() -> None:
    chain = Chain(48_000, 48_000, Broken())
    assert not run(chain, noise(0.2, 48_000), OPEN).any()


def test_the_listener_sees_every_hop() -> None:
    seen: list[tuple[float, float]] = []
    chain = Chain(48_000, 48_000, Delay(gain=0.5), listener=lambda a, b, _: seen.append((a.std(), b.std())))
    run(chain, noise(0.5, 48_000), OPEN)
    assert len(seen) == 50
    heard, spoken = seen[-1]
    assert spoken == pytest.approx(0.5 * heard, rel=0.2)
    assert chain.level_in.rms > chain.level_out.rms > 0


def centroid_hz(y: Block) -> float:
    power = np.abs(np.fft.rfft(y)) ** 2
    return float((np.fft.rfftfreq(len(y), 1 / 48_000) * power).sum() / power.sum())


KNOBS = {
    "low_db": lambda y: -centroid_hz(y),
    "brightness_db": centroid_hz,
    "output_gain_db": lambda y: float(y.std()),
}


@pytest.mark.parametrize("knob", KNOBS)
def test_each_knob_moves_what_it_should(knob: str) -> None:
    speech = 0.3 * bundled_speech(48_000)[:96_000]
    measured = [
        KNOBS[knob](run(Chain(48_000, 48_000, Delay()), speech, EngineParams(tuning=Tuning(**{knob: value}))))
        for value in (-9.0, 0.0, 9.0)
    ]
    assert measured == sorted(measured)
    assert measured[0] != measured[1] != measured[2]


def test_loudness_match_brings_a_loud_and_a_faint_voice_to_the_speaker() -> None:
    speech = bundled_speech(48_000)
    for gain in (0.4, 2.0):
        y = run(Chain(48_000, 48_000, Delay(240, gain)), speech, EngineParams(gate_db=-120.0))
        half = len(y) // 2
        assert 20 * np.log10(y[half:].std() / speech[half : len(y)].std()) == pytest.approx(0, abs=1.0)


def test_noise_suppression_adds_its_delay_while_it_is_on() -> None:
    chain = Chain(48_000, 48_000, Delay())
    x = noise(1.0, 48_000)
    without = chain.latency_s
    on = EngineParams(gate_db=-120.0, loudness_match=False, noise_suppression=1e-9)
    y = run(chain, x, on)
    assert chain.latency_s > without
    assert lag(x, y) == pytest.approx(chain.latency_s * 48_000, abs=1.0)
    run(chain, x[:4800], OPEN)
    assert chain.latency_s == without


def test_noise_becomes_silence_and_speech_stays() -> None:
    speech = bundled_speech(48_000)[:144_000]
    hiss = noise(4.0, 48_000, level=0.01)
    chain = Chain(48_000, 48_000, Delay(240))
    gated = EngineParams(loudness_match=False)
    assert run(chain, speech, gated).std() == pytest.approx(speech.std(), rel=0.02)
    y = run(chain, hiss, gated)
    assert not chain.gate_open
    assert not y[-24_000:].any()


finite = {"allow_nan": False, "allow_infinity": False, "allow_subnormal": False}
# ONNX Runtime, in a test before, makes this thread flush subnormal numbers, which hypothesis minds.
tunings = st.builds(
    Tuning,
    **{name: st.floats(low, high, **finite) for name, (low, high) in RANGES.items()},
    match_pitch=st.booleans(),
)
everything = st.builds(
    EngineParams,
    mode=st.sampled_from(list(Mode)),
    tuning=tunings,
    input_gain_db=st.floats(-24, 24, **finite),
    gate_db=st.floats(-120, 0, **finite),
    noise_suppression=st.sampled_from([0.0, 0.0, 0.3, 1.0]),
    loudness_match=st.booleans(),
)


@settings(max_examples=12, deadline=None)
@given(params=st.lists(everything, min_size=4, max_size=8), loud=st.booleans())
def test_no_order_of_settings_leaves_the_range(params: list[EngineParams], loud: bool) -> None:
    recipe = Recipe(formant_semitones=4.0, whisper=0.2, roughness=0.5)
    chain = Chain(48_000, 48_000, ModelFreeConverter(recipe))
    x = noise(0.3, 48_000, level=1.0) if loud else bundled_speech(48_000)[24_000:38_400]
    y = run(chain, x, *params)
    assert np.isfinite(y).all()
    assert np.abs(y).max() <= 1.0


class Blocks(Delay):
    """A converter with blocks of its own: half a second, computed for 0.2 s, sometimes late."""

    block_samples, compute_samples, late_hops, load = 12_000, 4_800, 3, 0.5


def test_a_converter_with_blocks_tells_its_parts_of_the_delay_and_what_came_late() -> None:
    chain = Chain(48_000, 48_000, Blocks(18_000))
    assert chain.block_delay_in(Mode.CONVERTED) == (0.5, 0.2)
    assert chain.block_delay_in(Mode.BYPASS) == (0.0, 0.0)
    assert chain.latency_s > 0.75
    chain.swap(Delay())
    run(chain, noise(1.0, 48_000), OPEN)
    assert (chain.late_hops, chain.block_load) == (3, 0.0)
    assert chain.block_delay_in(Mode.CONVERTED) == (0.0, 0.0)
