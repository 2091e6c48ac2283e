"""What enrolment does beside the window, in the process of `gui.jobs.Jobs`. No Qt here."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audio.files import read_mono
from audio.recorder import recover
from inference.enrolment import Recording, enroll_recordings, hear, make_archive
from inference.quality.card import Quality
from voices.library import Library
from voices.manifest import Consent
from voices.voice import Voice

OUTLINE = 160
"""Columns of a clip's little picture."""

_KEPT = 24


@dataclass(frozen=True)
class ClipReport:
    """What is shown of a clip. `outline`: (160,) peaks from 0 to 1."""

    path: Path
    card: Quality
    outline: NDArray[np.float32]


@dataclass(frozen=True)
class Wish:
    """Everything a new voice is made from. `picture`: bytes of a PNG, empty for the drawn one."""

    name: str
    description: str
    consent: Consent
    licence: str
    paths: tuple[Path, ...]
    picture: bytes = b""
    colour: str = ""


def examine_file(path: Path) -> ClipReport:
    """Listens to a sound file. Raises AudioFileError."""
    recording, outline = _heard(path, path.stat().st_mtime_ns if path.exists() else 0)
    return ClipReport(path, recording.card, outline)


def make_voice_of(wish: Wish) -> Voice:
    """Makes the voice and keeps it in the library. Raises EnrolmentError, LibraryError and the like."""
    recordings = [_heard(path, path.stat().st_mtime_ns)[0] for path in wish.paths]
    found = enroll_recordings(recordings)
    archive = make_archive(
        found, wish.name, wish.consent, wish.description, wish.picture, wish.licence, wish.colour
    )
    return Library.open().add(archive)


def unfinished(folder: Path) -> tuple[tuple[Path, float], ...]:
    """Takes that were recorded and never became a voice: file and seconds, oldest first.

    Joins first what a crash has left in pieces.
    """
    import soundfile

    if not folder.is_dir():
        return ()
    recover(folder)
    found = []
    for path in sorted(folder.glob("*.flac")):
        try:
            info = soundfile.info(path)
        except (soundfile.LibsndfileError, OSError):
            continue
        found.append((path, info.frames / info.samplerate))
    return tuple(found)


@lru_cache(maxsize=_KEPT)
def _heard(path: Path, _changed: int) -> tuple[Recording, NDArray[np.float32]]:
    """The recording, kept until the voice is made: hearing it again would double the wait."""
    samples, rate = read_mono(path)
    return hear(samples, rate), _outline(samples)


def _outline(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    size = -(-len(samples) // OUTLINE)
    padded = np.pad(np.abs(samples), (0, OUTLINE * size - len(samples)))
    peaks = padded.reshape(OUTLINE, size).max(axis=1)
    return np.asarray(peaks / max(float(peaks.max()), 1e-6), np.float32)
