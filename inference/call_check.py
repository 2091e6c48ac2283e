"""The call check's judgement: from what was said, sent and received to words with a remedy each.

A known phrase takes the microphone's place (inference/engine/phrase.py); the far end's recording
(inference/far_end.py) is laid beside what the engine sent, then goes through Opus as a call would send it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from audio.levels import gain_to_db
from audio.opus import OPUS_RATE, opus_round_trip
from audio.resample import resample_offline
from inference.call_signal import arrival, as_late, cut, delays, lost_pieces
from inference.converter import HOP, MODEL_RATE
from inference.engine.phrase import PhraseProgress
from inference.engine.telemetry import Scope, Telemetry
from inference.far_end import Recording
from inference.likeness import Clarity, Reading, read
from inference.sample import bundled_speech
from inference.speech import trim_silence

Samples = NDArray[np.float32]

LEAD_S, TAIL_S = 0.5, 1.0
"""Silence around the phrase: the room before it fades out of the chain, its end comes through."""

_QUIET_DB, _WEAK_DB, _LOUD_DB = -40.0, -33.0, -11.0
"""Levels of speech: below the first a call's noise gate may close, programs aim at -26 to -16."""

_CLIP = 0.999
_CLIPPED_SHARE = 1e-4
_FAST_MS, _SLOW_MS = 120.0, 250.0
"""One way, the network not included: its share comes on top, and talking gets hard from 300 to 400 ms in
all (ITU-T G.114)."""

_MATCH = 0.5
"""Correlation that the voice reaches through a cable of any kind; what other voices make of the
phrase stays below 0.4 (measured over 24 pairs)."""

_CABLE_MS = 60.0
_ALIKE, _LITTLE_ALIKE = 0.45, 0.2
_LOST_MS = 60
_WAY_LOST = 0.15
"""Likeness that the way may cost before it is blamed."""


class Grade(StrEnum):
    """How good one figure is."""

    GOOD = "good"
    FAIR = "fair"
    POOR = "poor"


class Verdict(StrEnum):
    """What all figures together say."""

    GOOD = "good"
    FLAWS = "works with flaws"
    FAILS = "does not work"


@dataclass(frozen=True)
class Line:
    """One figure: its name, its value in words, how good it is, and what to do where it is not good."""

    name: str
    value: str
    grade: Grade
    advice: str = ""


@dataclass(frozen=True)
class Evidence:
    """What a check has collected.

    `sent`: (n,) at MODEL_RATE, what the engine gave out from the phrase's first hop on, which it took at
    `began_at` (perf_counter seconds). `far_end` is None where no cable could be recorded; `no_far_end`
    says why. `before`, `after`: telemetry around it. `target`: the voice's embedding.
    """

    sent: Samples
    began_at: float
    far_end: Recording | None
    before: Telemetry
    after: Telemetry
    target: tuple[float, ...] = ()
    no_far_end: str = ""


@dataclass(frozen=True)
class Result:
    """`heard`: (n,) at OPUS_RATE, what the far end gets after the codec, the phrase at its beginning."""

    verdict: Verdict
    lines: tuple[Line, ...]
    heard: Samples

    @property
    def summary(self) -> str:
        """One line for a journal."""
        return f"Call check: {self.verdict}. " + "; ".join(f"{x.name} {x.value}" for x in self.lines) + "."


def phrase() -> Samples:
    """What is said in the microphone's place: (n,) at MODEL_RATE. Raises AudioFileError."""
    silence = [np.zeros(round(s * MODEL_RATE), np.float32) for s in (LEAD_S, TAIL_S)]
    return np.concatenate((silence[0], bundled_speech(MODEL_RATE), silence[1]))


def sent_during(history: Scope, progress: PhraseProgress) -> Samples:
    """Returns what the engine gave out while the phrase lasted: (n,) at MODEL_RATE, from its first hop on."""
    first = len(history.output) - (history.cursor - progress.scope_hop) * HOP
    return history.output[max(first, 0) : first + progress.hops * HOP]


def judge(evidence: Evidence) -> Result:
    """Returns what is to be told; takes a second or two."""
    e = evidence
    if _level_db(e.sent) < -60.0:
        line = Line("Voice", "silent", Grade.POOR, "The engine sent silence: unmute it, lower the gate.")
        return Result(Verdict.FAILS, (line,), np.zeros(0, np.float32))
    if e.far_end is None:
        return _complete(e, resample_offline(e.sent, MODEL_RATE, OPUS_RATE), None)
    far = resample_offline(e.far_end.samples, e.far_end.rate, OPUS_RATE)
    lag, match = arrival(e.sent, resample_offline(far, OPUS_RATE, MODEL_RATE), MODEL_RATE)
    received = cut(far, round(lag * OPUS_RATE / MODEL_RATE), len(e.sent) * OPUS_RATE // MODEL_RATE)
    nothing = _nothing_came(far, match)
    if nothing:
        return Result(Verdict.FAILS, (nothing,), far)
    arrived_at = e.far_end.began_at + lag / MODEL_RATE
    return _complete(e, received, 1e3 * (arrived_at - e.began_at))


def _nothing_came(far: Samples, match: float) -> Line | None:
    """What to tell where the voice did not come out of the cable."""
    if len(far) == 0 or float(np.abs(far).max()) < 1e-3:
        advice = (
            "Nothing comes out of the cable: unmute it and raise its volume in the system's sound settings, "
            "and choose its other end as call output."
        )
        return Line("Far end", "silent", Grade.POOR, advice)
    if match < _MATCH:
        advice = (
            "What comes out is not Menura's voice: see that no other program plays into the cable, and turn "
            "off sound effects of the system on it."
        )
        return Line("Far end", "another sound", Grade.POOR, advice)
    return None


def _complete(e: Evidence, received: Samples, path_ms: float | None) -> Result:
    """The figures of a voice that came through: `received` (n,) at OPUS_RATE, as long as what was sent."""
    heard, _ = opus_round_trip(received)
    spoken = resample_offline(heard, OPUS_RATE, MODEL_RATE)
    said = cut(phrase(), 0, len(e.sent))
    # Words are as clear as they were said, however late: who listens does not know when they were sent.
    late = delays(e.sent, spoken, MODEL_RATE)
    reading = read(as_late(said, late, MODEL_RATE), spoken, e.target)
    sent = read(said, e.sent, e.target)
    lines = [
        *([Line("Far end", "not heard", Grade.FAIR, e.no_far_end)] if e.far_end is None else []),
        _level(received, e.sent),
        _latency(e.after, path_ms),
        _dropouts(e, as_late(e.sent, late, MODEL_RATE), received),
        *_likeness(reading, sent),
        _words(reading.clarity, sent.clarity),
    ]
    return Result(_verdict(lines), tuple(lines), heard)


def _verdict(lines: list[Line]) -> Verdict:
    if any(x.grade is Grade.POOR and x.name in ("Words", "Level") for x in lines):
        return Verdict.FAILS
    return Verdict.GOOD if all(x.grade is Grade.GOOD for x in lines) else Verdict.FLAWS


def _level_db(x: Samples, rate: int = MODEL_RATE) -> float:
    """RMS of the speech in x (n,), dBFS."""
    speech = trim_silence(x, rate)
    return gain_to_db(float(np.sqrt(np.mean(np.square(speech, dtype=np.float64)))) if len(speech) else 0.0)


def _level(received: Samples, sent: Samples) -> Line:
    db, own = _level_db(received, OPUS_RATE), _level_db(sent)
    value = f"{db:.0f} dBFS".replace("-", "−")
    if float(np.mean(np.abs(received) >= _CLIP)) > _CLIPPED_SHARE:
        advice = "The voice is clipped: set the cable's volume to 100 %, or lower Output gain."
        return Line("Level", f"{value}, clipped", Grade.FAIR, advice)
    raise_it = (
        "Raise the cable's volume in the system's sound settings to 100 %."
        if db < own - 3.0
        else "Raise Output gain, or the microphone's gain with 'Match loudness' on."
    )
    if db < _QUIET_DB:
        return Line("Level", f"{value}, hardly audible", Grade.POOR, raise_it)
    if db < _WEAK_DB:
        return Line("Level", f"{value}, quiet", Grade.FAIR, raise_it)
    if db > _LOUD_DB:
        return Line("Level", f"{value}, loud", Grade.FAIR, "Lower Output gain by a few dB.")
    return Line("Level", value, Grade.GOOD)


def _latency(after: Telemetry, path_ms: float | None) -> Line:
    """`path_ms`: from the converter to the far end. The engine's own part of it is not counted twice."""
    parts = after.latency
    # More computing than a hop is that of a voice's own blocks, before what the path is measured from.
    computing = min(parts.compute_p99, 1e3 * HOP / MODEL_RATE)
    own = parts.ring_in + computing + parts.margin + parts.device_out
    cable = 0.0 if path_ms is None else max(0.0, path_ms - own)
    total = parts.total + cable
    value = f"{total:.0f} ms" if path_ms is None else f"{total:.0f} ms (cable {cable:.0f})"
    grade = Grade.GOOD if total <= _FAST_MS else Grade.FAIR if total <= _SLOW_MS else Grade.POOR
    if grade is Grade.GOOD:
        return Line("Latency", value, grade)
    if cable > _CABLE_MS:
        advice = "Most comes from the cable: lower its buffer (VB-CABLE's control panel), or use another one."
    elif parts.hop + parts.compute_p99 > 0.4 * parts.total:
        advice = "This voice computes in long blocks: for quick talk choose one tagged Neural or Instant."
    elif parts.device_in + parts.device_out > 0.4 * parts.total:
        advice = "Most comes from the devices: use wired ones, or a smaller block in Devices."
    else:
        advice = "Choose a smaller block in Devices, or a voice that computes faster (Engine page)."
    return Line("Latency", value, grade, advice)


def _dropouts(e: Evidence, sent: Samples, received: Samples) -> Line:
    """`sent`: (n,) at MODEL_RATE, as late as it was received."""
    found = lost_pieces(resample_offline(sent, MODEL_RATE, OPUS_RATE), received, OPUS_RATE)
    lost = 10 * int(np.count_nonzero(found))
    late = max(0, e.after.xruns.total - e.before.xruns.total)
    value = f"{lost} ms" + (f", {late} late cycle{'s' * (late > 1)}" if late else "")
    if not lost and not late:
        return Line("Dropouts", value, Grade.GOOD)
    grade = Grade.FAIR if lost <= _LOST_MS else Grade.POOR
    if late:
        advice = (
            "The computer was late: close busy programs, plug in the power supply, or use a larger block."
        )
    else:
        advice = "The engine was in time, the cable was not: set both its ends to 48000 Hz, or update it."
    return Line("Dropouts", value, grade, advice)


def _likeness(far: Reading, sent: Reading) -> list[Line]:
    """Empty for a voice that is nobody's."""
    if far.likeness is None or sent.likeness is None:
        return []
    value = f"{100 * far.likeness:.0f} %"
    if far.likeness >= _ALIKE:
        return [Line("Likeness", value, Grade.GOOD)]
    if far.likeness < sent.likeness - _WAY_LOST:
        advice = (
            "The voice was nearer when it left Menura: turn off sound effects of the system on the cable."
        )
    else:
        advice = (
            "Set the sound back to the voice's own (Tuning), or give the voice more speech to learn from."
        )
    return [Line("Likeness", value, Grade.FAIR if far.likeness >= _LITTLE_ALIKE else Grade.POOR, advice)]


def _words(far: Clarity | None, sent: Clarity | None) -> Line:
    grades = {Clarity.CLEAR: Grade.GOOD, Clarity.FAIR: Grade.FAIR}
    grade = grades.get(far, Grade.POOR) if far else Grade.POOR
    if grade is Grade.GOOD:
        return Line("Words", "clear", grade)
    if far == sent:
        advice = "The voice itself blurs them: lower noise suppression and breathiness, or try another voice."
    else:
        advice = "They were clearer when they left Menura: see the lines above for what the cable does."
    return Line("Words", far.value if far else "not to be made out", grade, advice)
