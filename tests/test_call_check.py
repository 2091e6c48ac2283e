"""The call check tells a good call from one that is silent, torn, late, clipped, or somebody else's."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from inference.call_check import Evidence, Grade, Line, Result, Verdict, judge, phrase
from inference.call_signal import arrival, as_late, delays, lost_pieces
from inference.convert import convert_array
from inference.converter import MODEL_RATE
from inference.engine.latency import LatencyBudget
from inference.engine.telemetry import Telemetry, Xruns
from inference.far_end import Recording
from voices.builtin import find_voice

Samples = NDArray[np.float32]
RATE = 48_000
BEGAN_AT = 100.0
RUNNING = Telemetry(running=True, latency=LatencyBudget(5.0, 1.0, 10.0, 13.0, 1.0, 2.0, 3.0, 5.0))
OWN_OUTPUT_MS = 11.0
"""What of that lies between the converter and the device."""


@cache
def spoken(voice: str) -> Samples:
    return convert_array(phrase(), MODEL_RATE, find_voice(voice))


def through_cable(sent: Samples, path_ms: float = OWN_OUTPUT_MS + 7.0, rate: int = RATE) -> Recording:
    """A faultless cable: recorded from 0.7 s before the phrase on."""
    x = np.repeat(sent, rate // MODEL_RATE)
    late = round((0.7 + 1e-3 * path_ms) * rate)
    samples = np.concatenate((np.zeros(late, np.float32), x, np.zeros(rate // 2, np.float32)))
    return Recording(samples, rate, BEGAN_AT - 0.7)


def check(far: Recording | None, after: Telemetry = RUNNING, voice: str = "deep", **more: str) -> Result:
    target = find_voice(voice).embedding
    return judge(Evidence(spoken(voice), BEGAN_AT, far, RUNNING, after, target, **more))


def line(result: Result, name: str) -> Line:
    return next(x for x in result.lines if x.name == name)


def changed(far: Recording, change: object) -> Recording:
    samples = far.samples.copy()
    change(samples)  # type: ignore[operator]
    return Recording(samples, far.rate, far.began_at)


def test_a_good_call_is_good_in_every_line() -> None:
    result = check(through_cable(spoken("deep")))
    assert result.verdict is Verdict.GOOD, result.summary
    assert not any(x.advice for x in result.lines)
    assert "cable 7" in line(result, "Latency").value
    assert len(result.heard) == len(spoken("deep")) * RATE // MODEL_RATE
    assert "good" in result.summary


def test_a_network_s_voice_has_its_likeness_told() -> None:
    result = check(through_cable(spoken("felix")), voice="felix")
    assert line(result, "Likeness").grade is Grade.GOOD
    assert result.verdict is Verdict.GOOD, result.summary


@pytest.mark.parametrize("level", [0.0, 1e-5])
def test_silence_at_the_far_end_does_not_work_and_blames_the_cable(level: float) -> None:
    far = through_cable(level * spoken("deep"))
    result = check(far)
    assert result.verdict is Verdict.FAILS
    assert "volume" in result.lines[0].advice


def test_silence_of_the_engine_is_told_from_silence_of_the_cable() -> None:
    nothing = np.zeros(MODEL_RATE, np.float32)
    result = judge(Evidence(nothing, BEGAN_AT, through_cable(nothing), RUNNING, RUNNING))
    assert result.verdict is Verdict.FAILS
    assert "engine" in result.lines[0].advice


def test_another_voice_is_not_taken_for_ours() -> None:
    result = check(through_cable(spoken("bright")))
    assert result.verdict is Verdict.FAILS
    assert "another" in result.lines[0].value


@pytest.mark.parametrize("repeated", [False, True])
def test_gaps_are_counted_in_ms(repeated: bool) -> None:
    def tear(x: Samples) -> None:
        for at in (2.2, 2.6, 3.4):
            i, n = round(at * RATE), RATE // 20
            x[i : i + n] = np.resize(x[i - 960 : i], n) if repeated else 0.0

    dropouts = line(check(changed(through_cable(spoken("deep")), tear)), "Dropouts")
    assert dropouts.grade is Grade.POOR
    assert 70 <= int(dropouts.value.split()[0]) <= 180
    assert "48000" in dropouts.advice


def test_late_cycles_are_told_apart_from_the_cable() -> None:
    after = Telemetry(running=True, latency=RUNNING.latency, xruns=Xruns(output_underflow=2))
    dropouts = line(check(through_cable(spoken("deep")), after), "Dropouts")
    assert (dropouts.grade, dropouts.value) == (Grade.FAIR, "0 ms, 2 late cycles")
    assert "busy" in dropouts.advice


def test_a_late_cable_is_named() -> None:
    latency = line(check(through_cable(spoken("deep"), OWN_OUTPUT_MS + 300.0)), "Latency")
    assert latency.grade is Grade.POOR
    assert "cable 300" in latency.value
    assert "buffer" in latency.advice


def test_late_devices_are_named() -> None:
    budget = LatencyBudget(90.0, 1.0, 10.0, 13.0, 1.0, 2.0, 3.0, 90.0)
    after = Telemetry(running=True, latency=budget)
    latency = line(check(through_cable(spoken("deep"), 96.0), after), "Latency")
    assert latency.grade is Grade.FAIR
    assert "wired" in latency.advice


def test_a_voice_of_long_blocks_is_named_and_its_blocks_are_not_the_cables() -> None:
    budget = LatencyBudget(5.0, 1.0, 300.0, 70.0, 1.0, 250.0, 3.0, 5.0)
    after = Telemetry(running=True, latency=budget)
    latency = line(check(through_cable(spoken("deep"), 20.0), after), "Latency")
    assert latency.grade is Grade.POOR
    assert "Neural or Instant" in latency.advice
    assert "cable 1)" in latency.value


def test_a_clipped_voice_is_seen() -> None:
    def clip(x: Samples) -> None:
        np.clip(10 * x, -1.0, 1.0, out=x)

    level = line(check(changed(through_cable(spoken("deep")), clip)), "Level")
    assert level.grade is Grade.FAIR
    assert "clipped" in level.value


def test_a_cable_turned_down_is_told_from_a_quiet_voice() -> None:
    level = line(check(through_cable(0.05 * spoken("deep"))), "Level")
    assert level.grade is Grade.POOR
    assert "cable's volume" in level.advice


def test_without_a_cable_the_engine_s_own_sound_is_judged_and_said_to_be() -> None:
    result = check(None, no_far_end="No cable.")
    assert result.verdict is Verdict.FLAWS
    assert result.lines[0].advice == "No cable."
    assert line(result, "Words").grade is Grade.GOOD


def test_a_noisy_cable_blurs_words() -> None:
    def drown(x: Samples) -> None:
        x += np.random.default_rng(2).normal(0, 0.06, len(x)).astype(np.float32)

    words = line(check(changed(through_cable(spoken("deep")), drown)), "Words")
    assert words.grade is not Grade.GOOD
    assert "cable" in words.advice


@pytest.mark.parametrize("ppm", [0, 300])
def test_a_wandering_delay_is_still_found(ppm: int) -> None:
    sent = spoken("deep")
    at = np.arange(len(sent)) * (1 + 1e-6 * ppm)
    late = np.concatenate((np.zeros(5000, np.float32), np.interp(at, np.arange(len(sent)), sent)))
    lag, match = arrival(sent, late.astype(np.float32), MODEL_RATE)
    assert lag == pytest.approx(5000, abs=60)
    assert match > 0.8


def stalled(far: Recording, at_s: tuple[float, ...], hole_ms: float) -> Recording:
    """A sound server that gave nothing for `hole_ms` at these moments, and went on later each time."""
    places = [round(s * RATE) for s in at_s]
    hole = np.zeros(round(1e-3 * hole_ms * RATE), np.float32)
    samples = np.concatenate([x for part in np.split(far.samples, places) for x in (part, hole)])
    return Recording(samples, far.rate, far.began_at)


def test_a_sound_server_that_was_late_three_times_tears_holes_but_blurs_no_words() -> None:
    """Measured on a busy machine: Whisper got every word of such recordings, this told them unclear."""
    result = check(stalled(through_cable(spoken("deep")), (1.9, 2.7, 4.0), 80.0))
    assert line(result, "Words").grade is Grade.GOOD, result.summary
    dropouts = line(result, "Dropouts")
    assert dropouts.grade is Grade.POOR
    assert 120 <= int(dropouts.value.split()[0]) <= 240


def test_words_of_which_half_is_missing_are_not_clear() -> None:
    def lose(x: Samples) -> None:
        for at in np.arange(1.0, 7.0, 0.3):
            x[round(at * RATE) : round((at + 0.15) * RATE)] = 0.0

    assert line(check(changed(through_cable(spoken("deep")), lose)), "Words").grade is not Grade.GOOD


def test_the_delay_is_followed_and_what_is_silent_comes_as_late_as_what_was_before() -> None:
    sent, step = spoken("deep"), MODEL_RATE // 10
    late = np.concatenate((sent[: 3 * MODEL_RATE], np.zeros(step, np.float32), sent[3 * MODEL_RATE :]))
    found = delays(sent, late[: len(sent)], MODEL_RATE)
    assert set(found[:12]) == {0}
    assert set(found[13:]) == {step}
    moved = as_late(sent, found, MODEL_RATE)
    assert np.array_equal(moved[: 3 * MODEL_RATE], sent[: 3 * MODEL_RATE])
    assert np.array_equal(moved[-MODEL_RATE:], late[len(sent) - MODEL_RATE : len(sent)])


@pytest.mark.parametrize("other", ["silence", "noise"])
def test_of_what_is_not_found_nothing_is_said(other: str) -> None:
    sent = spoken("deep")
    noise = np.random.default_rng(3).normal(0, 0.1, len(sent)).astype(np.float32)
    assert not delays(sent, np.zeros_like(sent) if other == "silence" else noise, MODEL_RATE).any()


def test_an_inverted_cable_is_no_fault() -> None:
    assert check(through_cable(-spoken("deep"))).verdict is Verdict.GOOD


def test_nothing_to_compare_is_no_crash() -> None:
    nothing = np.zeros(0, np.float32)
    assert arrival(nothing, nothing, MODEL_RATE) == (0, 0.0)
    assert arrival(spoken("deep"), nothing, MODEL_RATE) == (0, 0.0)
    assert not lost_pieces(nothing, nothing, RATE).any()
    assert len(as_late(nothing, delays(nothing, nothing, MODEL_RATE), MODEL_RATE)) == 0
    assert check(Recording(nothing, RATE, BEGAN_AT)).verdict is Verdict.FAILS


def test_a_voice_that_hums_one_note_repeats_nothing() -> None:
    """Its periods are alike because it is sung so."""
    sent = spoken("robot")
    result = judge(Evidence(sent, BEGAN_AT, through_cable(sent), RUNNING, RUNNING))
    assert line(result, "Dropouts").value == "0 ms"
