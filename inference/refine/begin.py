"""Begins a job from sound files, in its process: it takes minutes where an RVC voice says them. No torch."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from audio.files import read_mono
from inference.refine.events import Progress
from inference.refine.job import Job, check_voice
from inference.refine.material import MOST_S, Material, Samples, gather
from inference.refine.teacher import lesson
from voices.archive import VoiceArchive
from voices.library import Library
from voices.voice import Voice, VoiceKind

Tell = Callable[[Progress], None]

LISTENED_S = 2 * MOST_S
"""Seconds of recordings that are read, with their pauses: more would fill the memory and be left out."""

_TRIFLE_S = 0.1


def silent(progress: Progress) -> None:
    """Tells nobody."""


def begin(
    library: Library,
    voice: Voice,
    files: Sequence[Path],
    name: str = "",
    root: Path | None = None,
    tell: Tell = silent,
) -> Job:
    """Listens to the files and makes the job of a new voice called `name`, "NAME refined" if left out.

    An RVC voice says the files first, and is kept as a neural voice "NAME live", which the job refines.
    `tell` hears of every step; what it raises ends the work, and neither job nor voice is left.
    Raises RefineError, MaterialError, AudioFileError, LibraryError, ArchiveError, UnsupportedVoiceError.
    """
    wanted = library.check_new_name(name) if name else library.free_name(f"{voice.name} refined")
    if voice.kind is not VoiceKind.RVC:
        check_voice(voice)
    tell(Progress("Reading the recordings", 0.0, None))
    recordings = _read(files)
    names = [file.name for file in files[: len(recordings)]]
    if voice.kind is not VoiceKind.RVC:
        listening = follow("Listening", tell)
        material = gather(recordings, voice, names=names, on_progress=listening)
        return _keep(library, voice, wanted, material, root, tell)
    own, consent = library.free_name(f"{voice.name} live"), library.manifest(voice.id).consent
    archive, material = lesson(recordings, voice, own, consent, names, on_progress=partial(follow, tell=tell))
    return _keep(library, archive, wanted, material, root, tell)


def _read(files: Sequence[Path]) -> list[tuple[Samples, int]]:
    """The first `LISTENED_S` of the files, in their order, with their rates. Raises AudioFileError."""
    found: list[tuple[Samples, int]] = []
    left = LISTENED_S
    for file in files:
        samples, rate = read_mono(file, left)
        found.append((samples, rate))
        left -= len(samples) / rate
        if left < _TRIFLE_S:
            break
    return found


def follow(stage: str, tell: Tell) -> Callable[[float], None]:
    """What takes the share done of a stage, and tells it with the seconds that are left of it."""
    begun = time.monotonic()

    def on_progress(share: float) -> None:
        spent = time.monotonic() - begun
        tell(Progress(stage, share, spent * (1 - share) / share if share > 0 else None))

    return on_progress


def _keep(
    library: Library,
    learnt: Voice | VoiceArchive,
    name: str,
    material: Material,
    root: Path | None,
    tell: Tell,
) -> Job:
    """The job, and before it the voice learnt from a teacher; or neither of them."""
    saving = Progress("Keeping the recordings", 1.0, None)
    with ExitStack() as undo:
        tell(saving)
        if isinstance(learnt, VoiceArchive):
            voice = library.add(learnt)
            undo.callback(lambda: library.remove(voice.id).path.unlink(missing_ok=True))
        else:
            voice = learnt
        job = Job.begin(voice, name, material, root)
        undo.callback(job.discard)
        tell(saving)
        undo.pop_all()
    return job
