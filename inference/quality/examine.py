"""Judges one recording: measures, grades, and one sentence for each on what to do.

>>> card = examine(samples, 48_000)
>>> card.refusal or [f"{line.name}: {line.value}. {line.advice}" for line in card.lines]

The limits are calibrated in tests/tools/calibrate_quality.py.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.quality.acoustics import bandwidth_hz, decay_s, snr_db
from inference.quality.card import Grade, Line, Quality
from inference.quality.heard import PITCH_S, Heard, UnusableError
from inference.quality.music import pulse, tonality
from inference.quality.speakers import agreement

Samples = NDArray[np.float32]

ENOUGH_SPEECH_S = 10.0
LEAST_SPEECH_S = 3.0
"""Less speech than this gives an embedding that says little about the speaker."""

_AGREEMENT = (0.64, 0.58)
_LEAST_VOICED = 0.05
_MUSIC, _PULSE = (2.4, 2.7), (0.36, 0.46)
"""Limits of tonality and pulse together, and of the pulse alone."""

_HELD_IN_ECHO, _PULSE_IN_ECHO = 3.4, 0.3
_SNR_DB = (25.0, 15.0)
_DECAY_S = (0.31, 0.37)
_CLIPPED = (0.0005, 0.01)
_BANDWIDTH_HZ = (6_500, 4_700)
_SPAN = (5.0, 2.5)
_HOP_S = 0.01
_RANGE_PERCENT = (5, 95)


def examine(samples: Samples, rate: int) -> Quality:
    """The card of a recording: samples (n,) at `rate` Hz. Never raises: what is unusable is refused."""
    try:
        heard = Heard(samples, rate)
    except UnusableError as error:
        return unusable(samples, rate, str(error))
    return judge(heard)


def unusable(samples: Samples, rate: int, refusal: str) -> Quality:
    """The card of a recording that cannot be judged."""
    seconds = len(samples) / rate if rate > 0 else 0.0
    return Quality(seconds, 0.0, 0.0, 0.0, 0.0, 0, 1.0, 0.0, 0.0, 0.0, 0.0, (), refusal)


def judge(heard: Heard) -> Quality:
    """The card of what was heard."""
    stretches = np.concatenate(heard.stretches) if heard.stretches else np.zeros((0, 256), np.float32)
    voiced = heard.voiced_hz
    low, high = np.percentile(voiced, _RANGE_PERCENT) if voiced.size else (1.0, 1.0)
    card = Quality(
        seconds=heard.seconds,
        speech_s=heard.speech_s,
        snr_db=snr_db(heard.samples, heard.speech),
        decay_s=decay_s(heard.samples),
        clipped_share=heard.clipped,
        bandwidth_hz=bandwidth_hz(heard.original, heard.rate),
        agreement=agreement(stretches),
        tonality=tonality(heard.samples),
        pulse=pulse(heard.samples),
        pitch_span=float(12 * np.log2(high / low)),
        voiced_s=voiced.size * _HOP_S,
        lines=(),
    )
    lines = tuple(
        line(card) for line in (_speech, _noise, _room, _clipping, _bandwidth, _speakers, _music, _pitch)
    )
    return Quality(**{**vars(card), "lines": lines, "refusal": _refusal(card)})


def _refusal(card: Quality) -> str:
    if _music_grade(card) is Grade.POOR:
        return "There is music in the recording; use one where the person only speaks."
    if card.speech_s < 1.0 or card.voiced_s < _LEAST_VOICED * min(card.speech_s, PITCH_S):
        return "Nobody speaks aloud in the recording; read a few sentences."
    if _speakers_grade(card) is Grade.POOR:
        return "More than one person speaks in the recording; use a single speaker."
    return ""


def _music_grade(card: Quality) -> Grade:
    """In a room with echo speech holds its notes too: there it takes a beat, or more than echo can do."""
    held = _grade(card.tonality + card.pulse, *_MUSIC)
    sure = card.pulse > _PULSE_IN_ECHO or card.tonality > _HELD_IN_ECHO
    if held is Grade.POOR and card.decay_s > _DECAY_S[0] and not sure:
        held = Grade.FAIR
    return max(held, _grade(card.pulse, *_PULSE), key=(*Grade,).index)


def _speakers_grade(card: Quality) -> Grade:
    """In a room with echo one person sounds less alike from moment to moment: there it is only a warning."""
    grade = _grade(card.agreement, *_AGREEMENT)
    return Grade.FAIR if grade is Grade.POOR and card.decay_s > _DECAY_S[0] else grade


def _grade(value: float, good: float, fair: float) -> Grade:
    """Good up to the first limit, fair up to the second; limits that fall ask for high values."""
    if good > fair:
        value, good, fair = -value, -good, -fair
    return Grade.GOOD if value <= good else Grade.FAIR if value <= fair else Grade.POOR


def _line(name: str, value: str, grade: Grade, good: str, fair: str, poor: str) -> Line:
    return Line(name, value, grade, {Grade.GOOD: good, Grade.FAIR: fair, Grade.POOR: poor}[grade])


def _speech(card: Quality) -> Line:
    return _line(
        "Speech",
        f"{card.speech_s:.0f} s",
        _grade(card.speech_s, ENOUGH_SPEECH_S, LEAST_SPEECH_S),
        "Enough speech to learn from.",
        "10 to 60 s of speech make the voice closer: read on for a while.",
        "Too little speech: read at least three sentences.",
    )


def _noise(card: Quality) -> Line:
    return _line(
        "Noise",
        f"{card.snr_db:.0f} dB below the voice",
        _grade(card.snr_db, *_SNR_DB),
        "The voice stands clear of the room.",
        "Some noise: switch off fans, close the window, come closer to the microphone.",
        "Too noisy: record in a quiet room, a hand's breadth from the microphone.",
    )


def _room(card: Quality) -> Line:
    known = card.decay_s > 0
    return _line(
        "Room",
        f"dies away in {card.decay_s:.2f} s" if known else "no pauses to tell",
        _grade(card.decay_s, *_DECAY_S),
        "Hardly any echo." if known else "Leave short pauses between sentences.",
        "Some echo: come closer to the microphone, or record where there are curtains and carpets.",
        "Strong echo: record in a small furnished room, close to the microphone.",
    )


def _clipping(card: Quality) -> Line:
    return _line(
        "Clipping",
        "none" if card.clipped_share == 0 else f"{100 * card.clipped_share:.2g} %",
        _grade(card.clipped_share, *_CLIPPED),
        "Nothing is overdriven.",
        "The recording is overdriven in places: a lower input level would sound cleaner.",
        "The recording is overdriven: lower the input level and record again.",
    )


def _bandwidth(card: Quality) -> Line:
    return _line(
        "Bandwidth",
        f"up to {card.bandwidth_hz / 1000:.1f} kHz",
        _grade(card.bandwidth_hz, *_BANDWIDTH_HZ),
        "All of the voice is there.",
        "The highest sounds are missing: record at 44.1 or 48 kHz, without a headset's call mode.",
        "It sounds like a telephone: use a recording from a microphone at 44.1 or 48 kHz.",
    )


def _speakers(card: Quality) -> Line:
    grade = _speakers_grade(card)
    return _line(
        "Speakers",
        "one" if grade is Grade.GOOD else "perhaps two" if grade is Grade.FAIR else "more than one",
        grade,
        "The same person throughout.",
        "It may not be one person throughout: listen to it, and keep only one speaker.",
        "Use a recording of a single speaker.",
    )


def _music(card: Quality) -> Line:
    grade = _music_grade(card)
    return _line(
        "Music",
        "none" if grade is Grade.GOOD else "perhaps" if grade is Grade.FAIR else "yes",
        grade,
        "Nothing but speech.",
        "There may be music or a steady tone behind the voice: record without it.",
        "Use a recording without music.",
    )


def _pitch(card: Quality) -> Line:
    return _line(
        "Pitch",
        f"{card.pitch_span:.0f} semitones in {card.voiced_s:.0f} s voiced",
        _grade(card.pitch_span, *_SPAN),
        "A lively range.",
        "Rather flat: read as if telling a story, with questions and surprise.",
        "Hardly any melody: read livelier, the voice can then follow high and low.",
    )
