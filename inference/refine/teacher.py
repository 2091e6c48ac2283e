"""A voice of ours learnt from a slower one: what the teacher makes of recordings is what it shall say.

An RVC voice hears the recordings and says them; a neural voice is enrolled from that and refined on the
pairs, so the decoder hears a real other speaker and the teacher's answer is known sample for sample.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from audio.resample import resample_offline
from inference.convert import convert_array
from inference.converter import MODEL_RATE
from inference.enrolment import Enrolment, EnrolmentError, enroll_recordings, hear, make_archive
from inference.refine.job import RefineError
from inference.refine.material import MOST_S, Material, gather
from voices.archive import VoiceArchive
from voices.manifest import Consent
from voices.voice import Voice

Samples = NDArray[np.float32]
Follow = Callable[[float], None]
Speak = Callable[[Samples, int, Voice, Follow], Samples]


def say(x: Samples, rate: int, voice: Voice, on_progress: Follow) -> Samples:
    """x (n,) at `rate` Hz in the voice, as files are converted."""
    return convert_array(x, rate, voice, on_progress=on_progress)


def _unfollowed(stage: str) -> Follow:
    """Tells nobody."""
    return lambda share: None


def lesson(
    recordings: Sequence[tuple[Samples, int]],
    teacher: Voice,
    name: str,
    consent: Consent | None,
    names: Sequence[str] = (),
    speak: Speak = say,
    on_progress: Callable[[str], Follow] = _unfollowed,
) -> tuple[VoiceArchive, Material]:
    """The teacher's voice as a neural one called `name`, and what to refine it with.

    `recordings`: anybody's speech, (samples (n,), rate in Hz) each; at most 20 minutes are said. `consent` is
    the teacher's: no voice is made without. `on_progress` gives what follows a stage of this name, 0 to 1;
    what that raises ends the lesson. Raises RefineError, MaterialError, UnsupportedVoiceError.
    """
    if consent is None:
        raise RefineError(f"Nobody is named who agreed to '{teacher.name}'; import it again and say who did.")
    heard = _whole(recordings)
    said = _say_all(heard, teacher, speak, on_progress(f"Speaking with {teacher.name}"))
    answers = [(x, MODEL_RATE) for x in said]
    try:
        found = _enrolled(answers, on_progress(f"Listening to {teacher.name}"))
    except EnrolmentError as error:
        raise RefineError(
            f"'{teacher.name}' said nothing that a voice can be learnt from: {error}"
        ) from error
    archive = make_archive(found, name, consent, licence=teacher.licence, colour=teacher.colour)
    archive = replace(archive, voice=replace(archive.voice, description=f"Learnt from {teacher.name}."))
    return archive, gather(answers, archive.voice, heard, names, on_progress("Cutting into phrases"))


def _say_all(heard: Sequence[Samples], teacher: Voice, speak: Speak, follow: Follow) -> list[Samples]:
    """What the teacher makes of each recording."""
    said: list[Samples] = []
    whole, done = max(1, sum(len(x) for x in heard)), 0
    follow(0.0)
    for x in heard:
        said.append(speak(x, MODEL_RATE, teacher, partial(_part, follow, done / whole, len(x) / whole)))
        done += len(x)
    return said


def _part(follow: Follow, begin: float, size: float, share: float) -> None:
    """Passes on the share of a recording as that of all."""
    follow(begin + size * share)


def _enrolled(answers: Sequence[tuple[Samples, int]], follow: Follow) -> Enrolment:
    """What the teacher's answers say of its voice. Raises EnrolmentError."""
    recordings = []
    for number, (samples, rate) in enumerate(answers):
        follow(number / len(answers))
        recordings.append(hear(samples, rate))
    return enroll_recordings(recordings, trusted=True)


def _whole(recordings: Sequence[tuple[Samples, int]]) -> list[Samples]:
    """The recordings at MODEL_RATE, up to the longest that is used."""
    found, left = [], round(MOST_S * MODEL_RATE)
    for samples, rate in recordings:
        part = resample_offline(np.asarray(samples, np.float32), rate, MODEL_RATE)[:left]
        left -= len(part)
        if len(part):
            found.append(part)
    return found
