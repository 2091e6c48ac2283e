"""A refinement in a process of its own, at low priority: the call and the window do not feel it."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from inference.background import be_gentle
from inference.companion import Companion
from inference.launch import install_hint
from inference.refine.events import Begun, Ended, Event, Outcome, Progress, StoppedError
from inference.refine.job import Job, RefineError, unfinished
from voices.library import Library


@dataclass(frozen=True)
class Begin:
    """Go on with the job of this voice, or begin one with `files`; `library` is the library's folder.

    `name`: what the voice of a new job is to be called, "NAME refined" if empty.
    """

    voice_id: str
    library: Path
    device: str = "auto"
    files: tuple[Path, ...] = ()
    name: str = ""


@dataclass(frozen=True)
class Stop:
    """End soon; what is done so far is kept, of a job that has not begun yet nothing."""


class RefineProcess:
    """One job at work; `poll` tells `Progress`, `Begun` of a new one, then `Outcome` or `Ended`.

    No call waits but `close`.

    >>> process = RefineProcess(Begin(voice.id, library.path))
    >>> for event in process.poll(): ...
    """

    def __init__(self, begin: Begin) -> None:
        self._kept = not begin.files
        self._companion = Companion("menura refine", work, None, Begin)
        self._companion.send(begin)
        self._over = False

    def poll(self) -> list[Event]:
        """Returns what happened since the last call."""
        found, ended = self._companion.poll()
        self._kept = self._kept or any(isinstance(event, Begun) for event in found)
        self._over = self._over or any(isinstance(event, Outcome | Ended) for event in found)
        if ended and not self._over:
            self._over = True
            then = "go on with it, the work so far is kept" if self._kept else "start it again"
            found.append(Ended(f"Refining stopped unexpectedly; {then}.", self._kept))
        return found

    def stop(self) -> None:
        """Ends it within seconds."""
        self._companion.send(Stop())

    def close(self) -> None:
        """Ends it now; the work up to a few steps ago is kept."""
        self._companion.close(0.0, terminate=True)


def missing_torch() -> str:
    """Why this installation cannot refine, as a sentence; empty where it can."""
    from importlib.util import find_spec

    absent = [name for name in ("torch", "onnx") if find_spec(name) is None]
    if not absent:
        return ""
    return f"Refining a voice needs {' and '.join(absent)}, not installed here: {install_hint('refine')}"


def work(conn: Connection, _: Any) -> None:
    """The process."""
    be_gentle()
    if parent_process() is not None:
        # Ctrl-C is for whoever started it, who says what is to become of the job.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        begin = conn.recv()
        conn.send(_done(begin, conn))
    except (EOFError, OSError):
        # The window is gone; the job is kept for the next one.
        return


def _done(begin: Begin, conn: Connection) -> Event:
    from inference.neural.models import ModelError

    try:
        if sentence := missing_torch():
            raise RefineError(sentence)
        job = _new(begin, conn) if begin.files else _unfinished(begin)
    except StoppedError:
        return Ended(kept=False)
    except (ValueError, ModelError) as error:
        return Ended(str(error), kept=not begin.files)
    from inference.refine.work import run

    try:
        return run(job, Library.open(begin.library), conn.send, conn.poll, begin.device)
    except StoppedError:
        return Ended()
    except (ValueError, ModelError) as error:
        return Ended(str(error))


def _new(begin: Begin, conn: Connection) -> Job:
    """Takes the files in and tells of it. Raises StoppedError, RefineError and what `begin` raises."""
    from inference.refine.begin import begin as begin_job

    def tell(progress: Progress) -> None:
        conn.send(progress)
        if conn.poll():
            raise StoppedError

    library = Library.open(begin.library)
    job = begin_job(library, library.find(begin.voice_id), begin.files, begin.name, tell=tell)
    conn.send(Begun(job.about))
    return job


def _unfinished(begin: Begin) -> Job:
    """The job to go on with. Raises RefineError."""
    job = next((job for job in unfinished() if job.about.voice_id == begin.voice_id), None)
    if job is None:
        raise RefineError("There is nothing to go on with; start again.")
    return job
