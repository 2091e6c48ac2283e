"""The command line: reads arguments, calls the packages, turns known problems into one line and exit 2.

Imports happen inside the commands, so that `menura --help` answers at once.
"""

from __future__ import annotations

# First of all: it watches over the loading of the rest, which takes long enough to be interrupted.
from cli_interrupt import LINE, STATUS, interruptible

# isort: split
import json
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

import cli_rvc
import cli_voices
from cli_sound import Sound, sound_options
from cli_voices import AsJson, print_json

app = typer.Typer(
    name="menura",
    help="Real-time voice conversion: speak, and be heard in another voice.",
    invoke_without_command=True,
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(cli_voices.app, name="voices")
app.add_typer(cli_rvc.app, name="rvc")

InputDevice = Annotated[str | None, typer.Option("--input", help="Microphone, by name (`menura devices`).")]
OutputDevice = Annotated[str | None, typer.Option("--output", help="Where the voice goes, by name.")]

Runtime = Annotated[str, typer.Option(help="What runs a neural voice: auto, onnx, coreml or torch.")]

_VOICE_HELP = "A voice of `menura voices list`."


def main() -> None:
    """Runs a command. Exit status: 0 done, 2 bad usage or input, 130 interrupted (one line on stderr for
    each of the two), 1 our failure.
    """
    with interruptible() as interrupts:
        try:
            status = app(standalone_mode=False)
        except (typer.Abort, KeyboardInterrupt):
            _interrupted()
        except Exception as error:
            if interrupts.came:
                _interrupted()
            message = _sentence(error)
            if message is None:
                raise
            typer.echo(f"menura: {message}", err=True)
            sys.exit(2)
        if status == STATUS:
            # So typer tells of an interrupt that the command did not take itself.
            _interrupted()
    sys.exit(status if isinstance(status, int) else 0)


def _interrupted() -> NoReturn:
    typer.echo(LINE, err=True)
    sys.exit(STATUS)


def _sentence(error: Exception) -> str | None:
    """The one line for a problem the user can mend; None for a failure of ours."""
    usage = typer.BadParameter.__mro__[2]
    if isinstance(error, usage):
        return error.format_message()  # type: ignore[attr-defined]
    # Exceptions of our own packages carry a sentence for the user; others are failures of ours.
    known = type(error).__module__.partition(".")[0] in {"audio", "gui", "inference", "voices"}
    return " ".join(str(error).split()) if known else None


@app.callback()
def studio(ctx: typer.Context) -> None:
    """Opens the studio when no command is given."""
    if ctx.invoked_subcommand is None:
        from gui.start import open_studio

        raise typer.Exit(open_studio())


@app.command()
def devices(as_json: AsJson = False) -> None:
    """Lists microphones and outputs."""
    from audio.devices import list_devices

    found = list_devices()
    if as_json:
        from dataclasses import asdict

        print_json([asdict(device) for device in found])
        return
    for device in found:
        facts = {
            f"{device.inputs} in": device.inputs,
            f"{device.outputs} out": device.outputs,
            "default in": device.is_default_input,
            "default out": device.is_default_output,
        }
        shown = ", ".join(fact for fact, holds in facts.items() if holds)
        typer.echo(f"{device.name}  ({shown}; {device.default_rate_hz} Hz)")
    if not found:
        typer.echo("No sound device found. Connect one, or start the sound server, and try again.")


@app.command()
@sound_options
def convert(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A sound file.")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="File to write; the suffix is its format.")],
    voice: Annotated[str, typer.Option(help=_VOICE_HELP)],
    sound: Sound,
    runtime: Runtime = "auto",
) -> None:
    """Converts a sound file, through the same path as a call."""
    from inference.convert import convert_file
    from inference.runtimes import use
    from voices.library import find_anywhere

    use(runtime)
    chosen = find_anywhere(voice)
    done = convert_file(
        source,
        target,
        chosen,
        sound.tuning(chosen),
        noise_suppression=sound.noise_suppression,
        loudness_match=sound.loudness_match,
    )
    if done.cleaned:
        typer.echo(f"{done.cleaned} samples were not numbers and were set to silence.", err=True)
    typer.echo(f"{target}: {done.seconds:.2f} s at {done.rate} Hz")


@app.command()
@sound_options
def batch(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILES...", help="Sound files, and folders of them.")
    ],
    voice: Annotated[str, typer.Option(help=_VOICE_HELP)],
    out: Annotated[Path, typer.Option(help="Folder to write to; made if missing.")],
    sound: Sound,
    suffix: Annotated[str, typer.Option("--format", help="wav, flac, ogg, mp3 or aiff.")] = "wav",
    existing: Annotated[
        str, typer.Option(help="What to do with files that exist: skip, replace or rename.")
    ] = "",
) -> None:
    """Converts many files, one after the other; a file that fails does not end the others."""
    from cli_batch import convert_many

    # Not typer.Exit: an interrupt has been answered in a line already.
    sys.exit(convert_many(files, voice, out, sound, suffix, existing))


@app.command()
@sound_options
def live(
    voice: Annotated[str | None, typer.Option(help=_VOICE_HELP)] = None,
    bypass: Annotated[bool, typer.Option("--bypass", help="Pass the microphone through unchanged.")] = False,
    input_device: InputDevice = None,
    output_device: OutputDevice = None,
    monitor: Annotated[str | None, typer.Option(help="Device on which you hear the result.")] = None,
    *,
    sound: Sound,
    gate: Annotated[
        float,
        typer.Option(min=-100, max=0, help="Below this level in dB is silence; -100: nothing is."),
    ] = -70.0,
    rate: Annotated[int | None, typer.Option(help="Sample rate in Hz; chosen for you if left out.")] = None,
    block: Annotated[
        int | None, typer.Option(min=16, max=8192, help="Frames per device block; the device's if left out.")
    ] = None,
    seconds: Annotated[float | None, typer.Option(min=0.1, help="End after this time.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write latency, xruns and load as JSON here.")] = None,
    record: Annotated[
        Path | None, typer.Option(help="Record microphone and result as FLAC files in this folder.")
    ] = None,
    runtime: Runtime = "auto",
) -> None:
    """Converts live until Ctrl-C: microphone in, chosen voice out."""
    if bypass == (voice is not None):
        raise typer.BadParameter("give either --voice NAME or --bypass")
    from inference.engine.messages import EngineParams, Mode, MonitorSource, StreamConfig
    from inference.runtimes import use
    from voices.builtin import model_free_voices
    from voices.library import find_anywhere

    use(runtime)
    chosen = find_anywhere(voice) if voice is not None else model_free_voices()[0]
    config = StreamConfig(input_device, output_device, monitor, rate, block)
    params = EngineParams(
        mode=Mode.BYPASS if bypass else Mode.CONVERTED,
        tuning=sound.tuning(chosen),
        gate_db=gate,
        noise_suppression=sound.noise_suppression,
        loudness_match=sound.loudness_match,
        monitor=MonitorSource.CONVERTED if monitor else MonitorSource.OFF,
    )
    _run_live(config, chosen, params, seconds, report, record)


def _run_live(
    config: Any, voice: Any, params: Any, seconds: float | None, report: Path | None, record: Path | None
) -> None:
    """Runs a session under the engine lock; SIGINT and SIGTERM end it in order."""
    import signal

    from inference.engine.live import LiveSession
    from inference.engine.messages import Mode
    from inference.speakers import SpeakerMemory
    from voices.files import write_text
    from voices.home import engine_lock

    if report:
        write_text(report, "")
    session = LiveSession(config, voice, params, typer.echo, record, SpeakerMemory())
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: session.stop())
    with engine_lock():
        result = session.run(seconds, bypass=params.mode == Mode.BYPASS)
    if report:
        write_text(report, json.dumps(result.as_dict(), indent=2) + "\n")
    total, xruns = result.telemetry.latency.total, result.telemetry.xruns.total
    typer.echo(f"{result.seconds:.1f} s, latency {total:.1f} ms, {xruns} xruns")


@app.command()
def latency(input_device: InputDevice = None, output_device: OutputDevice = None) -> None:
    """Measures the delay of your devices through a loopback (cable, or output next to microphone)."""
    from inference.measure import measure_parts

    for line in measure_parts(input_device, output_device):
        typer.echo(line)


@app.command()
def bench(
    file: Annotated[Path | None, typer.Option("--json", help="Write the figures to this file too.")] = None,
    rvc: Annotated[bool, typer.Option("--rvc", help="An RVC voice of full size instead, by stage.")] = False,
) -> None:
    """Measures speed here: converters per hop, start-up times, memory."""
    from inference.bench import run_bench
    from inference.rvc.bench import run_rvc_bench
    from voices.files import write_text

    result = run_rvc_bench(typer.echo) if rvc else run_bench(typer.echo)
    if file:
        write_text(file, json.dumps(result, indent=2) + "\n")


@app.command()
def tell(
    action: Annotated[str, typer.Argument(help="mute, bypass, panic, talk, next, ... (wrong ones list all)")],
) -> None:
    """Tells the open studio what to do: for key bindings of a desktop, foot switches and stream decks."""
    from gui.remote import tell_studio

    tell_studio(action)


@app.command()
def export(
    form: Annotated[str, typer.Option("--format", help="coreml or onnx.")],
    folder: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="Where to; coreml: where Menura looks if left out.")
    ] = None,
    voice: Annotated[
        str, typer.Option(help="An RVC voice, whose own networks are written; coreml only, DIR needed.")
    ] = "",
) -> None:
    """Writes the networks for another runtime."""
    from inference.export import export_named, export_rvc

    if voice:
        export_rvc(form, voice, folder, typer.echo)
    else:
        export_named(form, folder, typer.echo)


@app.command()
def doctor(
    certify: Annotated[
        bool, typer.Option("--certify", help="Try every runtime and compute unit anew, and print the table.")
    ] = False,
) -> None:
    """Checks devices, cable, voices and runtimes, and says what to do about each finding."""
    if certify:
        from inference.coreml.machine import certify_here, report

        for line in report(certify_here()):
            typer.echo(line)
        return
    from inference.doctor import examine

    for finding in examine():
        typer.echo(finding.line())


if __name__ == "__main__":
    main()
