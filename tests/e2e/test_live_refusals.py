"""What `menura live` refuses: one clear line and exit 2, nothing half done."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.product import JACK_DEVICE, Live, home_env, menura
from tests.rig.caller import Caller, mostly_sound, white_noise
from tests.rig.jack_server import RATE, JackServer

pytestmark = [pytest.mark.jack, pytest.mark.timeout(300)]

_DEVICES = ["--input", JACK_DEVICE, "--output", JACK_DEVICE]
_REFUSALS = {
    "unknown input": (["--bypass", "--input", "Grammophone"], "no input device 'Grammophone'"),
    "unknown output": (["--bypass", "--output", "Grammophone"], "no output device 'Grammophone'"),
    "unknown monitor": (["--bypass", *_DEVICES, "--monitor", "Grammophone"], "no output device"),
    "rate the device refuses": (["--bypass", *_DEVICES, "--rate", "44100"], "refuses 44100 Hz; choose 48000"),
    "unknown voice": (["--voice", "dep", *_DEVICES], "did you mean deep"),
    "empty voice": (["--voice", "", *_DEVICES], "no voice called ''"),
    "voice and bypass": (["--voice", "deep", "--bypass"], "either --voice NAME or --bypass"),
    "neither voice nor bypass": ([], "either --voice NAME or --bypass"),
    "pitch out of range": (["--voice", "deep", "--pitch", "99"], "--pitch"),
    "report in a folder that is missing": (
        ["--bypass", *_DEVICES, "--report", "{home}/missing/report.json"],
        "cannot be written",
    ),
    "report below a file": (
        ["--bypass", *_DEVICES, "--report", "{home}/file/report.json"],
        "cannot be written",
    ),
    "report is a folder": (["--bypass", *_DEVICES, "--report", "{home}"], "cannot be written"),
}


@pytest.fixture(scope="module")
def server() -> Iterator[JackServer]:
    with JackServer() as running:
        yield running


@pytest.mark.parametrize(("arguments", "reason"), _REFUSALS.values(), ids=_REFUSALS)
def test_bad_input_is_one_line_and_exit_2(
    server: JackServer, tmp_path: Path, arguments: list[str], reason: str
) -> None:
    (tmp_path / "file").write_text("not a folder")
    given = [argument.format(home=tmp_path) for argument in arguments]
    assert_refused(given, home_env(server, tmp_path), reason)


def test_no_sound_device_is_one_line_and_exit_2(server: JackServer, tmp_path: Path) -> None:
    env = home_env(server, tmp_path) | {"JACK_DEFAULT_SERVER": "menura-none"}
    assert_refused(["--bypass", *_DEVICES], env, "no input device")


def test_a_second_instance_is_refused_and_the_first_goes_on(server: JackServer, tmp_path: Path) -> None:
    with Live(server, tmp_path, "--bypass") as live:
        first = live.worker().pid, live.audio_process().pid
        assert_refused(["--bypass", *_DEVICES], home_env(server, tmp_path), "already running")
        heard = Caller(server).play_and_record(white_noise(2.0)).heard
        assert (live.worker().pid, live.audio_process().pid) == first
    assert mostly_sound(heard[RATE // 2 :])


def assert_refused(arguments: list[str], env: dict[str, str], reason: str) -> None:
    """Runs `menura live` and checks status, the one line, and that it names the reason."""
    done = menura("live", *arguments, "--seconds", "0.5", env=env)
    assert done.returncode == 2, done.stderr
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("menura: ")
    assert reason in lines[0]
