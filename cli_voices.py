"""`menura voices ...`: the library on the command line. Imports happen inside the commands."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from inference.quality.card import Quality
    from inference.usual_pitch import UsualPitch
    from voices.library import Library
    from voices.voice import Voice

app = typer.Typer(help="The voice library.", rich_markup_mode=None, no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="A voice of `menura voices list`, by id or name.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_voices(as_json: AsJson = False) -> None:
    """Lists the voices; files that cannot be used are told on stderr."""
    library = _library()
    voices = library.voices()
    if as_json:
        print_json([_describe(voice) for voice in voices])
    else:
        for voice in voices:
            about = " ".join(voice.description.split())
            typer.echo(f"{voice.id:<16} {voice.name:<16} {about}".rstrip())
    for damaged in library.damaged():
        typer.echo(
            f"menura: {damaged.path.name} cannot be used: {damaged.reason} "
            f"`menura voices remove '{damaged.id}'` moves it to the trash.",
            err=True,
        )


@app.command()
def show(name: Name) -> None:
    """Shows what is known of a voice, as JSON."""
    library = _library()
    voice = library.find(name)
    manifest = library.manifest(voice.id)
    facts = {
        **_describe(voice),
        "created": manifest.created,
        "consent": asdict(manifest.consent) if manifest.consent else None,
        "encoder": asdict(manifest.encoder) if manifest.encoder else None,
        "clips": [
            {"title": clip.title, "seconds": round(clip.frames / clip.rate, 2), "rate": clip.rate}
            for clip in manifest.clips
        ],
        "picture": bool(manifest.picture),
    }
    print_json(facts)


@app.command()
def enroll(
    name: Annotated[str, typer.Argument(help="What the new voice is to be called.")],
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Recordings of one speaker.")],
    consent: Annotated[
        str, typer.Option(help='Who speaks and agreed to this voice, and when: "Ada Nowak, 2026-11-22".')
    ] = "",
    source: Annotated[str, typer.Option(help="Where the recordings come from.")] = "",
    licence: Annotated[str, typer.Option(help="Under which licence the voice may be used.")] = "private",
    description: Annotated[str, typer.Option(help="A line about the voice.")] = "",
    picture: Annotated[Path | None, typer.Option(help="A PNG or JPEG file, at most 1 MiB.")] = None,
) -> None:
    """Makes a voice from recordings of a speaker who agreed to it."""
    import time

    from audio.files import read_mono
    from inference.enrolment import enroll_recordings, hear, make_archive
    from voices.archive import Consent
    from voices.picture import read_picture_file

    began = time.monotonic()
    library = _library()
    agreed = Consent.parse(consent, source or ", ".join(file.name for file in files))
    wanted = library.check_new_name(name)
    face = read_picture_file(picture) if picture else b""
    recordings = []
    for file in files:
        recordings.append(hear(*read_mono(file)))
        _echo_card(file, recordings[-1].card)
    found = enroll_recordings(recordings)
    voice = library.add(make_archive(found, wanted, agreed, description, face, licence))
    for advice in found.advice:
        typer.echo(f"advice: {advice}")
    typer.echo(
        f"{voice.id}: '{voice.name}' was learnt from {found.speech_s:.1f} s of speech around "
        f"{voice.f0_median_hz:.0f} Hz, in {time.monotonic() - began:.1f} s."
    )


def _echo_card(file: Path, card: Quality) -> None:
    """One line for the recording, one for each thing measured on it."""
    typer.echo(f"{file.name}: {card.seconds:.1f} s, {card.grade.value}")
    for line in card.lines:
        typer.echo(f"  {line.grade.value:<5} {line.name}: {line.value}")


@app.command()
def rename(old: Name, new: Annotated[str, typer.Argument(help="Its new name.")]) -> None:
    """Gives a voice another name; its id stays."""
    library = _library()
    voice = library.rename(library.find(old).id, new)
    typer.echo(f"{voice.id}: '{voice.name}'")


@app.command()
def copy(name: Name, new: Annotated[str, typer.Argument(help="What the copy is to be called.")]) -> None:
    """Makes a voice of your own like another one, built-in or not."""
    library = _library()
    voice = library.copy(library.find(name).id, new)
    typer.echo(f"{voice.id}: '{voice.name}'")


@app.command()
def relearn(name: Name) -> None:
    """Learns a voice again from its recordings: for voices made with another speaker model."""
    from inference.relearn import relearn as learn

    library = _library()
    voice = library.relearn(library.find_id(name), learn)
    typer.echo(f"{voice.id}: '{voice.name}', around {voice.f0_median_hz:.0f} Hz")


@app.command()
def refine(
    name: Name,
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="FILE...", help="1 to 20 minutes of the voice's speaker.")
    ] = None,
    call: Annotated[str, typer.Option("--name", help="What the refined voice is to be called.")] = "",
    device: Annotated[str, typer.Option(help="What computes: auto, cpu, mps or cuda.")] = "auto",
    discard: Annotated[bool, typer.Option("--discard", help="Throw an unfinished refinement away.")] = False,
) -> None:
    """Tunes a copy of a voice with recordings of its speaker; without files goes on with what was begun."""
    from cli_refine import refine_voice

    # Not typer.Exit: an interrupt has been answered in a line already.
    sys.exit(refine_voice(name, files or [], call, device, discard))


@app.command()
def remove(name: Name) -> None:
    """Moves a voice, damaged or not, to the library's trash, where it stays for 30 days."""
    library = _library()
    removed = library.remove(library.find_id(name))
    typer.echo(f"'{removed.name}' is in the trash; `menura voices restore {removed.id}` brings it back.")


@app.command()
def restore(name: Annotated[str, typer.Argument(help="A removed voice, by id or name.")]) -> None:
    """Brings the voice back that was removed last under this name."""
    library = _library()
    voice = library.restore(library.find_removed(name))
    typer.echo(f"{voice.id}: '{voice.name}'")


@app.command()
def trash(
    empty: Annotated[bool, typer.Option("--empty", help="Delete what is in it for good.")] = False,
    as_json: AsJson = False,
) -> None:
    """Lists the removed voices."""
    library = _library()
    if empty:
        typer.echo(f"{library.empty_trash()} deleted")
        return
    removed = library.removed()
    if as_json:
        print_json([{"id": r.id, "name": r.name, "removed": r.day} for r in removed])
        return
    for r in removed:
        typer.echo(f"{r.id:<16} {r.name:<16} removed {r.day}")


@app.command()
def export(name: Name, file: Annotated[Path, typer.Argument(help="File or folder to write to.")]) -> None:
    """Writes a voice as one file to share."""
    library = _library()
    voice = library.find(name)
    target = file / f"{voice.id}.menura" if file.is_dir() else file
    library.export_file(voice.id, target)
    typer.echo(f"{target}: {target.stat().st_size / 1024:.0f} KiB")


@app.command("import")
def import_voice(
    file: Annotated[Path, typer.Argument(help="A voice file (.menura), or an RVC voice (.pth).")],
    index: Annotated[Path | None, typer.Argument(help="The RVC voice's .index file, if it has one.")] = None,
    name: Annotated[str, typer.Option(help="RVC: what the voice is to be called.")] = "",
    consent: Annotated[
        str, typer.Option(help='RVC: who speaks and agreed to this voice, and when: "Ada Nowak, 2026-11-22".')
    ] = "",
    licence: Annotated[str, typer.Option(help="RVC: under which licence it may be used.")] = "private",
    speaker: Annotated[int, typer.Option(help="RVC: which of several speakers, from 0.")] = 0,
    pitch: Annotated[
        float | None, typer.Option(help="RVC: where it usually speaks, in Hz; pitch match moves you there.")
    ] = None,
    like: Annotated[
        list[Path] | None, typer.Option(help="RVC: a recording of the voice, to measure that in.")
    ] = None,
) -> None:
    """Takes a voice file or an RVC voice into the library, after a check of all that is in it."""
    if file.suffix.lower() == ".pth":
        _import_rvc(file, index, name, consent, licence, speaker, _pitch(pitch, like or []))
        return
    voice = _library().import_file(file)
    typer.echo(f"{voice.id}: '{voice.name}'")


def _import_rvc(
    file: Path,
    index: Path | None,
    name: str,
    consent: str,
    licence: str,
    speaker: int,
    pitch: UsualPitch | None,
) -> None:
    import time

    from inference.reach import lacks_pitch
    from inference.rvc.importing import Wish, import_voice
    from voices.archive import Consent

    began = time.monotonic()
    library = _library()
    agreed = Consent.parse(consent, file.name)
    wanted = library.check_new_name(name) if name else ""
    wish = Wish(file, agreed, index, wanted, licence, speaker=speaker, pitch=pitch)
    voice, facts = import_voice(wish, library, lambda what, share: None)
    about = f"{facts.in_words()}, speaker {speaker} of {facts.speakers}"
    typer.echo(f"{voice.id}: '{voice.name}', {about}, in {time.monotonic() - began:.1f} s")
    if lacks_pitch(voice):
        typer.echo(
            f"Its file does not say where it usually speaks: `menura voices pitch {voice.id} HZ`, or --like "
            "RECORDING, tells it, and pitch match works."
        )


@app.command()
def pitch(
    name: Name,
    hz: Annotated[float | None, typer.Argument(help="Where the voice usually speaks, in Hz.")] = None,
    like: Annotated[
        list[Path] | None, typer.Option(help="A recording of the voice, to measure it in; may be repeated.")
    ] = None,
    forget: Annotated[bool, typer.Option("--forget", help="It is not known: the voice keeps yours.")] = False,
) -> None:
    """Shows or sets the usual pitch of a voice, to which pitch match moves its speaker."""
    from inference.usual_pitch import PitchError, UsualPitch, pitch_refusal

    library = _library()
    voice = library.find(name)
    chosen = UsualPitch() if forget else _pitch(hz, like or [])
    if forget and (hz is not None or like):
        raise PitchError("Leave out the pitch to forget it.")
    if chosen is not None:
        if sentence := pitch_refusal(voice):
            raise PitchError(sentence)
        voice = library.update(voice.id, **chosen.fields())
    typer.echo(f"{voice.id}: {UsualPitch.of(voice).in_words() or 'not known; it keeps yours'}")


def _pitch(hz: float | None, like: list[Path]) -> UsualPitch | None:
    """What was said, or is heard in recordings; None where neither was given. Raises PitchError."""
    from inference.usual_pitch import PitchError, heard_in, said

    if hz is not None and like:
        raise PitchError("Say the pitch or a recording to measure it in, not both.")
    if hz is not None:
        return said(hz)
    return heard_in(like) if like else None


def print_json(value: Any) -> None:
    """Prints a value as JSON."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def _library() -> Library:
    from voices.library import Library

    return Library.open()


def _describe(voice: Voice) -> dict[str, Any]:
    facts = {key: value for key, value in asdict(voice).items() if key != "embedding"}
    if voice.refinement:
        facts["refinement"] = {k: v for k, v in facts["refinement"].items() if k != "change"}
    return facts
