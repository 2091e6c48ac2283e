"""`menura voices refine`: a voice tuned with its own recordings, in a process of its own."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from inference.refine.events import Event, Outcome, Progress
    from inference.refine.process import Begin, RefineProcess

_POLL_S = 0.2
_TELL_S = 5.0
_INTERRUPTED = 130


def refine_voice(name: str, files: list[Path], call: str, device: str, discard: bool) -> int:
    """Begins a refinement with `files`, or goes on with the one there is; returns the exit status.

    Raises RefineError and the sentences of what it reads.
    """
    from inference.refine.job import RefineError, check_voice, unfinished
    from inference.refine.process import Begin, missing_torch
    from voices.library import Library
    from voices.voice import VoiceKind

    library = Library.open()
    voice = library.find(name)
    job = next((job for job in unfinished() if job.about.voice_id == voice.id), None)
    if discard:
        if job is None:
            raise RefineError(f"'{voice.name}' is not being refined.")
        with job.lock():
            job.discard()
        typer.echo(f"The unfinished refinement of '{voice.name}' was thrown away.")
        return 0
    if sentence := missing_torch():
        raise RefineError(sentence)
    if files and job is not None:
        raise RefineError(
            f"'{voice.name}' is being refined already, {job.about.share:.0%} done: leave the files out to go "
            "on with it, or throw it away with --discard."
        )
    if not files and job is None:
        raise RefineError("Say which recordings to refine the voice with: 1 to 20 minutes of its speaker.")
    if job is None and voice.kind is not VoiceKind.RVC:
        check_voice(voice)
    return _work(Begin(voice.id, library.path, device, tuple(files), call), voice.name)


def _work(begin: Begin, name: str) -> int:
    """Tells how the job goes until it ends; returns the exit status."""
    from inference.refine.process import RefineProcess

    process = RefineProcess(begin)
    teller = _Teller(process, name, begun=not begin.files)
    try:
        return teller.follow()
    except KeyboardInterrupt:
        return teller.end()
    finally:
        process.close()


class _Teller:
    """Says in lines how a job goes, and of a new one when it has `begun`."""

    def __init__(self, process: RefineProcess, name: str, begun: bool) -> None:
        self._process, self._name, self._begun = process, name, begun
        self._stage, self._told = "", 0.0
        self._ending = False

    def follow(self) -> int:
        """Tells until the end; returns the exit status."""
        while True:
            for event in self._process.poll():
                status = self._take(event)
                if status is not None:
                    return status
            time.sleep(_POLL_S)

    def end(self) -> int:
        """Ends what was interrupted; one that has not begun yet ends by itself, or at a second interrupt."""
        if self._begun:
            self._say_stopped()
            return _INTERRUPTED
        self._ending = True
        typer.echo("Ending; nothing is kept ...")
        self._process.stop()
        with suppress(KeyboardInterrupt):
            return self.follow()
        return _INTERRUPTED

    def _take(self, event: Event) -> int | None:
        from inference.refine.events import Begun, Ended, Outcome, Progress

        match event:
            case Progress():
                if not self._ending:
                    self._say(event)
            case Begun(about):
                self._begun, self._name = True, about.voice_name
                typer.echo(f"{about.speech_s:.0f} s of speech to refine '{self._name}' with.")
            case Outcome():
                _tell(event, self._name)
                return 0
            case Ended(reason) if reason:
                typer.echo(f"menura: {reason}", err=True)
                return 2
            case Ended():
                if self._begun:
                    self._say_stopped()
                return _INTERRUPTED
        return None

    def _say(self, progress: Progress) -> None:
        """One line for each stage, and one every few seconds."""
        if progress.stage == self._stage and time.monotonic() - self._told < _TELL_S:
            return
        self._stage, self._told = progress.stage, time.monotonic()
        left = f", about {max(1, round(progress.left_s / 60))} min left" if progress.left_s else ""
        typer.echo(f"{progress.share:4.0%}  {progress.stage[:1].lower()}{progress.stage[1:]}{left}")

    def _say_stopped(self) -> None:
        typer.echo(f"Stopped; `menura voices refine '{self._name}'` goes on.")


def _tell(outcome: Outcome, name: str) -> None:
    before, after = outcome.judgement.likeness
    if outcome.voice is None:
        typer.echo(f"'{name}' stays as it is. {outcome.reason}")
    else:
        new = outcome.voice
        typer.echo(f"{new.id}: '{new.name}' is a voice of its own beside '{name}'.")
    far, near = outcome.judgement.distance
    typer.echo(
        f"likeness {before:.0%} before, {after:.0%} after; distance to held-out recordings {far:.2f} before, "
        f"{near:.2f} after; {outcome.seconds / 60:.1f} min"
    )
