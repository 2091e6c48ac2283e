"""The command line: what it prints, its exit status, and one line for each problem a user can mend."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import typer
from typer.testing import CliRunner

import cli
from cli_sound import Sound, sound_options
from inference import bench, doctor, measure
from inference.sample import bundled_speech
from voices.builtin import builtin_voices, find_voice
from voices.tuning import Tuning

COMMANDS = ["devices", "voices", "convert", "live", "latency", "bench", "doctor"]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A short sound file."""
    soundfile.write(tmp_path / "in.wav", bundled_speech(24_000)[:7200], 24_000)
    return tmp_path / "in.wav"


def test_help_names_every_command(run) -> None:
    outcome = run("--help")
    assert outcome.status == 0
    assert all(command in outcome.out for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(run, command: str) -> None:
    outcome = run(command, "--help")
    assert outcome.status == 0
    assert "Usage" in outcome.out


def test_voices_list(run) -> None:
    lines = run("voices", "list").out.splitlines()
    assert [line.split()[0] for line in lines] == [voice.id for voice in builtin_voices()]


def test_voices_list_as_json(run) -> None:
    listed = json.loads(run("voices", "list", "--json").out)
    assert [voice["id"] for voice in listed] == [voice.id for voice in builtin_voices()]
    assert all(voice["kind"] == "model-free" or voice["kind"] == "neural" for voice in listed)


@pytest.mark.parametrize("name", ["deep", "Cello", "cello", " DEEP "])
def test_voices_show(run, name: str) -> None:
    assert json.loads(run("voices", "show", name).out)["id"] == "deep"


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["voices", "nonsense"],
        ["voices", "show", "deap"],
        ["voices", "show"],
        ["--nonsense"],
        ["live"],
        ["live", "--bypass", "--voice", "deep"],
        ["live", "--voice", "nobody"],
        ["live", "--voice", "deep", "--pitch", "99"],
        ["live", "--voice", "deep", "--seconds", "soon"],
        ["live", "--bypass", "--report", "/nowhere/at/all.json"],
        ["convert"],
        ["convert", "missing.wav", "out.wav", "--voice", "deep"],
        ["convert", "missing.wav", "out.wav"],
        ["convert", "missing.wav", "/nowhere/at/all.wav", "--voice", "deep"],
        ["bench", "--json"],
    ],
    ids=" ".join,
)
def test_what_the_user_got_wrong_is_one_line(run, arguments: list[str]) -> None:
    outcome = run(*arguments)
    assert outcome.is_one_line(), outcome.err
    assert outcome.out == ""


def test_a_near_name_is_suggested(run) -> None:
    assert "deep" in run("voices", "show", "deap").err


def test_convert(run, clip: Path, tmp_path: Path) -> None:
    outcome = run(
        "convert", clip, tmp_path / "out.flac", "--voice", "deep", "--pitch", "-2", "--formant", "1"
    )
    assert (outcome.status, outcome.err) == (0, "")
    assert "0.30 s at 24000 Hz" in outcome.out
    assert soundfile.info(tmp_path / "out.flac").frames == 7200


SOUND = {
    "--timbre 0.2": {"timbre": 0.2},
    "--intonation 0": {"intonation": 0.0},
    "--breathiness 0.5 --low -3 --brightness 4": {"breathiness": 0.5, "low_db": -3.0, "brightness_db": 4.0},
    "--gain 6 --no-match-pitch": {"output_gain_db": 6.0, "match_pitch": False},
    "--pitch 2 --set pitch_semitones=3": {"pitch_semitones": 3.0},
}


@pytest.mark.parametrize("options", SOUND)
def test_options_of_the_sound_reach_the_tuning(options: str) -> None:
    heard: list[Sound] = []
    app = typer.Typer()

    @app.command()
    @sound_options
    def speak(sound: Sound) -> None:
        heard.append(sound)

    assert CliRunner().invoke(app, options.split()).exit_code == 0
    assert heard[0].tuning(find_voice("robot")) == Tuning(**SOUND[options])
    assert (heard[0].noise_suppression, heard[0].loudness_match) == (0.0, True)


def test_convert_takes_every_option_of_the_sound(run, clip: Path, tmp_path: Path) -> None:
    def converted(*options: str) -> np.ndarray:
        outcome = run("convert", clip, tmp_path / "out.wav", "--voice", "child", *options)
        assert (outcome.status, outcome.err) == (0, "")
        return soundfile.read(tmp_path / "out.wav", dtype="float32")[0]

    plain = converted()
    for options in (
        ("--timbre", "0.5"),
        ("--intonation", "0"),
        ("--breathiness", "1"),
        ("--low", "9"),
        ("--brightness", "9"),
        ("--gain", "-6"),
        ("--noise-suppression", "1"),
        ("--no-loudness-match",),
    ):
        assert np.abs(converted(*options) - plain).max() > 1e-3, options


def test_convert_tells_of_cleaned_samples(run, tmp_path: Path) -> None:
    x = bundled_speech(24_000)[:7200]
    x[:3] = np.nan
    soundfile.write(tmp_path / "in.wav", x, 24_000, subtype="FLOAT")
    outcome = run("convert", tmp_path / "in.wav", tmp_path / "out.wav", "--voice", "deep")
    assert outcome.status == 0
    assert outcome.err.startswith("3 samples were not numbers")


@pytest.mark.parametrize("content", [b"", b"RIFF"])
def test_a_bad_file_is_one_line(run, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "in.wav").write_bytes(content)
    outcome = run("convert", tmp_path / "in.wav", tmp_path / "out.wav", "--voice", "deep")
    assert outcome.is_one_line(), outcome.err
    assert not (tmp_path / "out.wav").exists()


@pytest.mark.parametrize("command", [["latency"], ["live", "--voice", "deep", "--seconds", "1"]])
def test_an_unknown_device_is_one_line(run, command: list[str]) -> None:
    outcome = run(*command, "--input", "no such microphone")
    assert outcome.is_one_line(), outcome.err
    assert "input device" in outcome.err


def test_a_second_engine_is_one_line(run) -> None:
    from voices.home import engine_lock

    lock = engine_lock()
    try:
        outcome = run("live", "--voice", "deep", "--seconds", "1")
    finally:
        lock.release()
    assert outcome.is_one_line(), outcome.err
    assert "already running" in outcome.err


def test_a_home_that_cannot_be_made_is_one_line(run, monkeypatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("MENURA_HOME", str(tmp_path / "file" / "home"))
    outcome = run("live", "--voice", "deep", "--seconds", "1")
    assert outcome.is_one_line(), outcome.err
    assert "MENURA_HOME" in outcome.err


def test_latency_prints_its_lines(run, monkeypatch) -> None:
    monkeypatch.setattr(measure, "measure_parts", lambda *_: ["one", "two"])
    assert run("latency").out == "one\ntwo\n"


def test_nothing_came_back_is_one_line(run, monkeypatch) -> None:
    from audio.loopback import LoopbackError

    def fail(*_: object) -> list[str]:
        raise LoopbackError("Nothing of the test sound came back; connect the output to the input.")

    monkeypatch.setattr(measure, "measure_parts", fail)
    assert run("latency").is_one_line()


def test_bench_writes_json(run, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setattr(bench, "run_bench", lambda _: {"rtf": 0.1})
    assert run("bench", "--json", tmp_path / "bench.json").status == 0
    assert json.loads((tmp_path / "bench.json").read_text()) == {"rtf": 0.1}


def test_doctor_prints_findings_and_ends_well(run, monkeypatch) -> None:
    finding = doctor.Finding(doctor.Level.PROBLEM, "input", "none.", "Connect one.")
    monkeypatch.setattr(doctor, "examine", lambda: [finding])
    outcome = run("doctor")
    assert (outcome.status, outcome.out.split()) == (0, ["problem", "input:", "none.", "Connect", "one."])


def test_a_failure_of_ours_is_not_hidden(monkeypatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(doctor, "examine", fail)
    monkeypatch.setattr(sys, "argv", ["menura", "doctor"])
    with pytest.raises(RuntimeError, match="a bug"):
        cli.main()


def _python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env=os.environ | environment,
    )


def test_as_a_process_a_mistake_is_one_line_and_exit_2(tmp_path: Path) -> None:
    done = _python("-m", "cli", "voices", "show", "nobody", MENURA_HOME=str(tmp_path))
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("menura: There is no voice called 'nobody'")
    assert done.stderr.count("\n") == 1


def test_as_a_process_a_failure_of_ours_is_exit_1() -> None:
    broken = "from inference import doctor; doctor.examine = None"
    done = _python("-c", f"import sys, cli; {broken}; sys.argv = ['menura', 'doctor']; cli.main()")
    assert done.returncode == 1


def _loaded_by(statement: str) -> set[str]:
    done = _python("-c", f"{statement}; import sys, json; print(json.dumps(sorted(sys.modules)))")
    assert done.returncode == 0, done.stderr
    return {name.partition(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}


@pytest.mark.parametrize(
    "module",
    [
        "cli",
        "gui.app",
        "inference.engine.client",
        "inference.engine.worker",
        "inference.engine.audio_process",
        "inference.convert",
    ],
)
def test_torch_is_not_on_the_live_path(module: str) -> None:
    assert not {"torch", "coremltools", "hypothesis"} & _loaded_by(f"import {module}")


def test_help_loads_neither_numbers_nor_qt() -> None:
    assert not {"numpy", "scipy", "PySide6", "sounddevice", "onnxruntime"} & _loaded_by("import cli")


def test_the_engine_loads_no_qt() -> None:
    assert not {"PySide6", "pyqtgraph"} & _loaded_by(
        "import inference.engine.worker, inference.engine.client"
    )
