"""Resamplers: declared delay is the real one, streams equal one shot, blocks are steady."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from audio.resample import ADJUST_LIMIT, Resampler, make_resampler, resample_offline

Samples = NDArray[np.float32]

PAIRS = [
    (48_000, 24_000),
    (24_000, 48_000),
    (44_100, 24_000),
    (24_000, 44_100),
    (44_100, 48_000),
    (48_000, 44_100),
    (16_000, 24_000),
    (24_000, 16_000),
    (8_000, 24_000),
    (24_000, 8_000),
    (96_000, 24_000),
    (192_000, 24_000),
    (24_000, 192_000),
    (11_025, 24_000),
    (48_000, 48_000),
]


def run(resampler: Resampler, x: Samples, block: int) -> Samples:
    """Streams `x` through in blocks."""
    return np.concatenate([resampler.process(x[i : i + block]).copy() for i in range(0, len(x), block)])


def tones(t: NDArray[np.float64]) -> Samples:
    """Three tones at times `t` in s, none above 2.6 kHz."""
    return sum(0.3 * np.sin(2 * np.pi * f * t + f) for f in (210.0, 1013.0, 2590.0)).astype(np.float32)


def error_db(y: Samples, reference: Samples) -> float:
    return float(20 * np.log10(np.std(y - reference) / np.std(reference) + 1e-9))


@pytest.mark.parametrize("variable", [False, True])
@pytest.mark.parametrize(("rate_in", "rate_out"), PAIRS)
def test_output_is_the_input_later_by_the_declared_delay(rate_in: int, rate_out: int, variable: bool) -> None:
    resampler = make_resampler(rate_in, rate_out, rate_in // 100, variable)
    y = run(resampler, tones(np.arange(rate_in // 2) / rate_in), rate_in // 100)
    skip = rate_out // 50
    expected = tones(np.arange(len(y)) / rate_out - resampler.delay_s)
    assert error_db(y[skip:], expected[skip:]) < -60
    assert resampler.delay_s == pytest.approx(resampler.delay_samples_in / rate_in)


@pytest.mark.parametrize("variable", [False, True])
@pytest.mark.parametrize(("rate_in", "rate_out"), [*PAIRS[:6], (192_000, 24_000)])
def test_steady_blocks(rate_in: int, rate_out: int, variable: bool) -> None:
    block = rate_in // 100
    resampler = make_resampler(rate_in, rate_out, block, variable)
    x = np.zeros(block, np.float32)
    assert {len(resampler.process(x)) for _ in range(3000)} == {rate_out // 100}


@settings(max_examples=40, deadline=None)
@given(
    pair=st.sampled_from(PAIRS),
    variable=st.booleans(),
    sizes=st.lists(st.integers(0, 700), min_size=1, max_size=12),
)
def test_streamed_equals_one_shot(pair: tuple[int, int], variable: bool, sizes: list[int]) -> None:
    x = np.random.default_rng(0).uniform(-1, 1, sum(sizes)).astype(np.float32)
    one = make_resampler(*pair, max_block=max(1, len(x)), variable=variable).process(x)
    streamed = make_resampler(*pair, max_block=700, variable=variable)
    y = np.concatenate([streamed.process(part).copy() for part in np.split(x, np.cumsum(sizes)[:-1])])
    assert len(y) == len(one)
    np.testing.assert_allclose(y, one, atol=1e-5)


@pytest.mark.parametrize("variable", [False, True])
def test_round_trip_costs_at_most_two_milliseconds_and_keeps_the_pass_band(variable: bool) -> None:
    down, up = make_resampler(48_000, 24_000, 480, variable), make_resampler(24_000, 48_000, 240, variable)
    assert down.delay_s + up.delay_s < 0.0014
    t = np.arange(48_000) / 48_000
    for f in (100.0, 1000.0, 5000.0, 8000.0, 10_500.0):
        x = np.sin(2 * np.pi * f * t).astype(np.float32)
        y = np.concatenate([up.process(down.process(b)).copy() for b in np.split(x, 100)])
        expected = np.sin(2 * np.pi * f * (t - down.delay_s - up.delay_s))
        assert error_db(y[4800:], expected[4800:].astype(np.float32)) < -46, f


@pytest.mark.parametrize("variable", [False, True])
@pytest.mark.parametrize("tone_hz", [13_700.0, 15_000.0, 18_500.0, 23_000.0])
def test_what_would_alias_is_gone(tone_hz: float, variable: bool) -> None:
    x = np.sin(2 * np.pi * tone_hz * np.arange(48_000) / 48_000).astype(np.float32)
    y = run(make_resampler(48_000, 24_000, 480, variable), x, 480)
    assert 20 * np.log10(np.abs(y[1000:]).max()) < -56


@pytest.mark.parametrize("adjust", [-ADJUST_LIMIT, -0.0003, 0.0003, 0.005, ADJUST_LIMIT, 1.0])
def test_adjusted_ratio_makes_that_many_more(adjust: float) -> None:
    resampler = make_resampler(48_000, 48_000, 480, variable=True)
    resampler.ratio_adjust = adjust
    x = np.zeros(480, np.float32)
    for _ in range(100):
        resampler.process(x)
    made = sum(len(resampler.process(x)) for _ in range(2000))
    assert made / 960_000 - 1 == pytest.approx(min(adjust, ADJUST_LIMIT), abs=2e-6)


def test_ratio_glides_without_a_click() -> None:
    resampler = make_resampler(48_000, 48_000, 480, variable=True)
    x = np.sin(2 * np.pi * 500 * np.arange(96_000) / 48_000).astype(np.float32)
    blocks = []
    for i, block in enumerate(np.split(x, 200)):
        resampler.ratio_adjust = 0.005 if (i // 20) % 2 else -0.005
        blocks.append(resampler.process(block).copy())
    y = np.concatenate(blocks)[2000:]
    # A sine's second difference stays below its frequency squared; a click does not.
    assert np.abs(np.diff(y, 2)).max() < 1.02 * (2 * np.pi * 500 / 48_000 * 1.006) ** 2


@pytest.mark.parametrize("variable", [False, True])
@pytest.mark.parametrize(("rate_in", "rate_out"), PAIRS[:3])
def test_reset_reproduces_and_bad_samples_pass_on(rate_in: int, rate_out: int, variable: bool) -> None:
    resampler = make_resampler(rate_in, rate_out, 480, variable)
    x = np.random.default_rng(5).uniform(-1, 1, 480).astype(np.float32)
    first = resampler.process(x).copy()
    resampler.process(np.full(333, np.nan, np.float32))
    resampler.process(x)
    assert np.isfinite(resampler.process(x)).all()
    resampler.reset()
    np.testing.assert_array_equal(resampler.process(x), first)


def test_refuses_what_it_cannot_do() -> None:
    for rates in [(4000, 24_000), (24_000, 384_000), (0, 48_000)]:
        with pytest.raises(ValueError, match="8000 to 192000 Hz"):
            make_resampler(*rates, max_block=480)
    with pytest.raises(ValueError, match="481 samples"):
        make_resampler(48_000, 24_000, 480).process(np.zeros(481, np.float32))


@pytest.mark.parametrize("channels", [(), (2,)])
def test_offline_has_no_delay(channels: tuple[int, ...]) -> None:
    x = tones(np.arange(22_050) / 44_100)
    x = np.broadcast_to(x[:, None], (22_050, *channels)) if channels else x
    y = resample_offline(x, 44_100, 24_000)
    assert y.shape == (12_000, *channels)
    assert y.dtype == np.float32
    column = y if not channels else y[:, 1]
    assert error_db(column[1000:-1000], tones(np.arange(12_000) / 24_000)[1000:-1000]) < -80
