"""`menura batch`: many files in one voice, a line a file."""

from __future__ import annotations

from pathlib import Path

import typer

from cli_interrupt import STATUS
from cli_sound import Sound


def convert_many(files: list[Path], voice: str, out: Path, sound: Sound, suffix: str, existing: str) -> int:
    """Converts; returns the exit status: 0, 2 where a file failed, STATUS where it was interrupted.

    Raises BatchError and the library's.
    """
    from inference.batch import SUFFIXES, BatchError, Done, Existing, Failed, already_there, plan, run, settle
    from voices.library import find_anywhere

    if f".{suffix.lower()}" not in SUFFIXES:
        raise typer.BadParameter(f"the format '{suffix}' cannot be written; use wav, flac, ogg, mp3 or aiff")
    if existing and existing not in list(Existing):
        raise typer.BadParameter(f"--existing takes skip, replace or rename, not '{existing}'")
    chosen = find_anywhere(voice)
    jobs = plan(files, out, f".{suffix.lower()}", chosen)
    there = already_there(jobs)
    if there and not existing:
        raise BatchError(
            f"{len(there)} of the files exist already in {out}, the first is {there[0].target.name}; "
            "add --existing skip, replace or rename."
        )
    jobs, done, failed = settle(jobs, Existing(existing or Existing.SKIP)), 0, 0
    status = 0
    try:
        for event in run(
            jobs,
            chosen,
            sound.tuning(chosen),
            tell=lambda _: None,
            noise_suppression=sound.noise_suppression,
            loudness_match=sound.loudness_match,
        ):
            match event:
                case Done(index, seconds):
                    done += 1
                    typer.echo(f"[{index + 1}/{len(jobs)}] {jobs[index].target}: {seconds:.2f} s")
                case Failed(_, reason):
                    failed += 1
                    typer.echo(f"menura: {' '.join(reason.split())}", err=True)
    except KeyboardInterrupt:
        status = STATUS
    typer.echo(f"{'Interrupted: ' * bool(status)}{done} of {len(jobs)} files converted to {out}")
    return status or (2 if failed else 0)
