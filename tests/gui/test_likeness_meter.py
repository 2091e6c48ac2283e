"""The live meter: reads speech beside the window, says when it cannot, rests when nobody looks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gui.widgets.likeness_meter import LikenessMeter
from inference.converter import HOP, MODEL_RATE
from inference.engine.latency import LatencyBudget
from inference.engine.messages import Mode
from inference.engine.telemetry import Scope, Telemetry
from inference.enrolment import enroll
from inference.likeness import Clarity, Reading
from inference.sample import bundled_speech
from tests.gui.conftest import VOICES, Studio
from voices.voice import VoiceKind

SPEECH = bundled_speech(MODEL_RATE)
PATIENCE_MS = 30_000


def hear(studio: Studio, x: np.ndarray) -> None:
    """Lets the studio hear and speak x in pieces of a tenth of a second."""
    for piece in np.array_split(x, len(x) // 2400):
        f0 = np.zeros(len(piece) // HOP, np.float32)
        studio.session.scope_read.emit(Scope(0, piece, piece, f0, f0))


def test_the_speaker_is_recognised_and_a_stranger_is_not(studio: Studio) -> None:
    meter = studio.window.live.levels.likeness
    embedding = enroll([(SPEECH, MODEL_RATE)]).embedding
    studio.session.voice = replace(VOICES[0], kind=VoiceKind.NEURAL, embedding=embedding)
    hear(studio, SPEECH[: 4 * MODEL_RATE])
    studio.bot.waitUntil(lambda: "%" in meter.target.text(), timeout=PATIENCE_MS)
    assert int(meter.target.text().split()[-2]) > 85
    assert meter.clarity.text() == "words clear"


def test_without_speech_or_target_the_meter_says_so(studio: Studio) -> None:
    meter, session = studio.window.live.levels.likeness, studio.session
    hear(studio, SPEECH[: 4 * MODEL_RATE])
    studio.bot.waitUntil(lambda: meter.clarity.text() == "words clear", timeout=PATIENCE_MS)
    assert meter.target.text() == "Deep is nobody's voice"
    session.voice = replace(VOICES[0], kind=VoiceKind.NEURAL, embedding=(1.0,) + (0.0,) * 255)

    def said() -> bool:
        hear(studio, np.zeros(MODEL_RATE, np.float32))
        return "not enough speech" in meter.target.text()

    studio.bot.waitUntil(said, timeout=PATIENCE_MS)
    assert meter.clarity.text() == ""


def test_a_late_voice_is_read_in_step_and_an_rvc_voice_has_nothing_to_compare_with(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    meter, session = studio.window.live.levels.likeness, studio.session
    session.voice = replace(VOICES[0], kind=VoiceKind.RVC)
    late = Telemetry(running=True, latency=LatencyBudget(hop=300.0, lookahead=70.0, compute_p99=250.0))
    monkeypatch.setattr(studio.engine, "telemetry", lambda: late)
    session.telemetry_read.emit(late)
    at, f0 = 0, np.zeros(10, np.float32)

    def clear() -> bool:
        nonlocal at
        at += MODEL_RATE // 2
        heard = np.take(SPEECH, np.arange(at, at + MODEL_RATE // 2), mode="wrap")
        spoken = np.take(SPEECH, np.arange(at, at + MODEL_RATE // 2) - round(0.61 * MODEL_RATE), mode="wrap")
        session.scope_read.emit(Scope(0, heard, spoken, f0, f0))
        return meter.clarity.text() == "words clear"

    studio.bot.waitUntil(clear, timeout=PATIENCE_MS)
    assert meter.target.text() == "Deep: no recording to compare with"


def test_the_own_voice_in_bypass_is_not_judged(studio: Studio) -> None:
    studio.session.set_mode(Mode.BYPASS)
    hear(studio, SPEECH[: 4 * MODEL_RATE])
    assert studio.window.live._likeness._going is None


@pytest.mark.parametrize(
    ("reading", "text"),
    [
        (Reading(0.734, Clarity.FAIR, 2.0), "Like Deep: 73 %"),
        (Reading(None, None, 0.4), "Like Deep: not enough speech"),
    ],
)
def test_readings_are_put_into_words(studio: Studio, reading: Reading, text: str) -> None:
    meter = LikenessMeter()
    studio.bot.addWidget(meter)
    meter.show_reading(reading, replace(VOICES[0], embedding=(1.0,)))
    assert meter.target.text() == text
    assert text in meter.accessibleName()
