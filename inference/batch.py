"""Many files in one voice: which file becomes which, and converting them one after the other.

>>> jobs = plan([Path("talks")], Path("out"), ".flac", voice)
>>> for event in run(jobs, voice, voice.tuning): ...
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from audio.files import AudioFileError
from inference.convert import convert_file
from inference.registry import UnsupportedVoiceError
from voices.tuning import Tuning
from voices.voice import Voice

SUFFIXES = (".wav", ".flac", ".ogg", ".mp3", ".aiff")
"""Formats offered to write; the first is the default."""

_READ = {*SUFFIXES, ".aif", ".aifc", ".au", ".caf", ".oga", ".opus", ".rf64", ".w64", ".wave"}
"""What counts as a sound file in a folder; files given by name are tried whatever they are called."""


class BatchError(ValueError):
    """A batch that cannot begin; the message is one sentence for the user."""


class Existing(StrEnum):
    """What to do where a file to write is there already."""

    SKIP = "skip"
    REPLACE = "replace"
    RENAME = "rename"


@dataclass(frozen=True)
class Job:
    """One file to convert to another."""

    source: Path
    target: Path


@dataclass(frozen=True)
class Working:
    """How far a file is, 0 to 1."""

    index: int
    share: float


@dataclass(frozen=True)
class Done:
    """A file was written; `seconds` of sound."""

    index: int
    seconds: float


@dataclass(frozen=True)
class Failed:
    """A file could not be converted; `reason` is a sentence. The others go on."""

    index: int
    reason: str


@dataclass(frozen=True)
class Cancelled:
    """The batch was ended before this file; what was written before stays."""

    index: int


Event = Working | Done | Failed | Cancelled


def find_sources(paths: Iterable[Path]) -> list[Path]:
    """Returns the files meant: files as given, and every sound file below folders, each once, in order."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.suffix.lower() in _READ and p.is_file())
            found += [p for p in inside if not any(part.startswith(".") for part in p.parts[1:])]
        else:
            found.append(path)
    return list(dict.fromkeys(found))


def plan(paths: Iterable[Path], out: Path, suffix: str, voice: Voice) -> list[Job]:
    """Returns a job for each file: `out/NAME VOICE.suffix`, with a number where two would be one.

    Raises BatchError where there is nothing to convert or nowhere to write to.
    """
    sources = find_sources(paths)
    if not sources:
        raise BatchError("There is no sound file to convert; give files or a folder that holds some.")
    if out.exists() and not out.is_dir():
        raise BatchError(f"{out} is a file; choose a folder to write to.")
    taken: set[Path] = set()
    jobs = []
    for source in sources:
        target = _free(out / f"{source.stem} {_plain(voice.name)}{suffix}", taken.__contains__)
        taken.add(target)
        jobs.append(Job(source, target))
    return jobs


def already_there(jobs: Iterable[Job]) -> list[Job]:
    """Returns the jobs whose target exists."""
    return [job for job in jobs if job.target.exists()]


def settle(jobs: list[Job], existing: Existing) -> list[Job]:
    """Returns the jobs to do, without writing over anything that was not to be replaced."""
    if existing is Existing.REPLACE:
        return [job for job in jobs if job.source.absolute() != job.target.absolute()]
    if existing is Existing.SKIP:
        return [job for job in jobs if not job.target.exists()]
    planned = {job.target for job in jobs}
    return [
        replace(job, target=_free(job.target, lambda p: p.exists() or p in planned))
        if job.target.exists()
        else job
        for job in jobs
    ]


def run(
    jobs: list[Job],
    voice: Voice,
    tuning: Tuning | None = None,
    *,
    tell: Callable[[Working], None],
    cancelled: Callable[[], bool] = lambda: False,
    noise_suppression: float = 0.0,
    loudness_match: bool = True,
) -> Iterator[Event]:
    """Converts the jobs in order; yields Done, Failed or Cancelled for each that was begun.

    `tell` hears of progress in between. A file that fails leaves nothing behind and does not end the batch.
    """
    for index, job in enumerate(jobs):

        def follow(share: float, index: int = index) -> None:
            if cancelled():
                raise _Stop
            tell(Working(index, share))

        try:
            follow(0.0)
            job.target.parent.mkdir(parents=True, exist_ok=True)
            done = convert_file(
                job.source,
                job.target,
                voice,
                tuning,
                noise_suppression=noise_suppression,
                loudness_match=loudness_match,
                on_progress=follow,
            )
            yield Done(index, done.seconds)
        except _Stop:
            yield Cancelled(index)
            return
        except (AudioFileError, UnsupportedVoiceError) as error:
            yield Failed(index, str(error))
        except OSError as error:
            yield Failed(index, f"{job.target.parent} cannot be written to ({error.strerror}).")
        except MemoryError:
            yield Failed(index, f"{job.source} is too long to fit into memory; cut it into shorter files.")


class _Stop(Exception):
    """Ends a conversion from inside its progress."""


def _free(path: Path, taken: Callable[[Path], bool]) -> Path:
    """Returns the path, or the first of `NAME (2).x`, `NAME (3).x` ... that is not taken."""
    candidate, number = path, 2
    while taken(candidate):
        candidate = path.with_name(f"{path.stem} ({number}){path.suffix}")
        number += 1
    return candidate


def _plain(name: str) -> str:
    """The name without what no file name may hold on some system."""
    return re.sub(r'[<>:"/\\|?*\x00-\x1f]+', " ", name).strip(" .") or "voice"
