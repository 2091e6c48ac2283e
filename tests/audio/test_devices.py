"""Choosing devices from a listing, with PortAudio replaced by a table."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest

from audio import devices
from audio.devices import Device, DeviceError, choose_rate, find_device, list_devices
from tests.rig.jack_server import JackServer


class FakePortAudioError(Exception):
    """Stands for sounddevice.PortAudioError."""


class FakePortAudio:
    """What `audio.devices` uses of sounddevice, over a table of (name, host API, inputs, outputs, rates)."""

    PortAudioError = FakePortAudioError

    def __init__(self, table: list[tuple[str, int, int, int, set[int]]], default: tuple[int, int]) -> None:
        self.table = table
        self.default = SimpleNamespace(device=default)
        self.restarts = 0

    def query_hostapis(self) -> list[dict[str, str]]:
        return [{"name": "ALSA"}, {"name": "JACK Audio Connection Kit"}]

    def query_devices(self) -> list[dict[str, object]]:
        return [
            {
                "index": index,
                "name": name,
                "hostapi": api,
                "max_input_channels": inputs,
                "max_output_channels": outputs,
                "default_samplerate": 44100.0,
                "default_low_input_latency": 0.005,
                "default_low_output_latency": 0.01,
            }
            for index, (name, api, inputs, outputs, _) in enumerate(self.table)
        ]

    def check_input_settings(self, device: int, samplerate: int, **_: object) -> None:
        if samplerate not in self.table[device][4]:
            raise FakePortAudioError("Invalid sample rate")

    check_output_settings = check_input_settings

    def _terminate(self) -> None:
        self.restarts += 1

    def _initialize(self) -> None:
        self.restarts += 1


ALL = {44_100, 48_000}
TABLE = [
    ("HDA Intel", 0, 2, 0, ALL),
    ("HDA Intel", 0, 2, 2, ALL),
    ("Scarlett  Solo\nUSB", 0, 2, 2, {44_100, 96_000}),
    ("Speakers", 0, 0, 8, {48_000}),
    ("Cable", 1, 16, 16, {16_000}),
]


@pytest.fixture
def sd(monkeypatch: pytest.MonkeyPatch) -> FakePortAudio:
    fake = FakePortAudio(list(TABLE), (2, 3))
    monkeypatch.setitem(sys.modules, "sounddevice", fake)  # type: ignore[arg-type]
    return fake


def test_names_are_stable_and_unique(sd: FakePortAudio) -> None:
    assert [d.name for d in list_devices()] == [
        "HDA Intel · ALSA",
        "HDA Intel · ALSA #2",
        "Scarlett Solo USB · ALSA",
        "Speakers · ALSA",
        "Cable · JACK Audio Connection Kit",
    ]
    assert [d.index for d in list_devices() if d.is_default_input] == [2]
    assert [d.index for d in list_devices() if d.is_default_output] == [3]


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (None, 2),
        ("HDA Intel · ALSA #2", 1),
        ("HDA Intel", 0),
        ("scarlett", 2),
        ("cable", 4),
        ("4", 4),
        (" Cable ", 4),
    ],
)
def test_finds_inputs(sd: FakePortAudio, query: str | None, index: int) -> None:
    assert find_device(query, "input").index == index


def test_equal_names_go_to_the_default(sd: FakePortAudio) -> None:
    sd.default.device = (1, 3)
    assert find_device("HDA Intel", "input").index == 1


@pytest.mark.parametrize(
    ("query", "kind", "says"),
    [
        ("Scarlet Sole", "input", "did you mean 'Scarlett Solo USB"),
        ("hda", "input", "fits several"),
        ("Speakers", "input", "is not an input device"),
        ("3", "input", "is not an input device"),
        ("99", "output", "There is no output device '99'"),
        ("", "output", "choose one of: 'HDA Intel"),
        ("zzz", "output", "'Speakers · ALSA'"),
    ],
)
def test_unknown_devices_say_what_there_is(
    sd: FakePortAudio, query: str, kind: devices.Kind, says: str
) -> None:
    with pytest.raises(DeviceError, match=says):
        find_device(query, kind)


@pytest.mark.parametrize(("default", "index"), [((-1, -1), 0), ((3, 3), 0), ((99, 99), 0)])
def test_without_a_usable_default_the_first_that_can(
    sd: FakePortAudio, default: tuple[int, int], index: int
) -> None:
    sd.default.device = default
    assert find_device(None, "input").index == index


def test_no_device_at_all(sd: FakePortAudio) -> None:
    sd.table.clear()
    assert list_devices() == []
    with pytest.raises(DeviceError, match="no input device on this machine"):
        find_device(None, "input")


def device(index: int) -> Device:
    return list_devices()[index]


@pytest.mark.parametrize(
    ("device_in", "device_out", "wanted", "rate"),
    [
        (0, 3, None, 48_000),
        (0, 2, None, 44_100),
        (0, 1, 44_100, 44_100),
        (2, None, 96_000, 96_000),
        (None, 4, None, 16_000),
    ],
)
def test_rate_suits_both(
    sd: FakePortAudio, device_in: int | None, device_out: int | None, wanted: int | None, rate: int
) -> None:
    got = choose_rate(
        None if device_in is None else device(device_in),
        None if device_out is None else device(device_out),
        wanted,
    )
    assert got == rate


def test_refused_rates_say_who_and_what_instead(sd: FakePortAudio) -> None:
    with pytest.raises(
        DeviceError, match="'Scarlett Solo USB · ALSA' refuses 48000 Hz; choose 44100 or 96000"
    ):
        choose_rate(device(2), None, 48_000)
    with pytest.raises(DeviceError, match="refuses 48000 Hz; choose another device"):
        choose_rate(device(4), device(3), 48_000)
    with pytest.raises(DeviceError, match="No sample rate suits 'Scarlett Solo USB · ALSA' and 'Cable"):
        choose_rate(device(2), device(4))


def test_missing_portaudio_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)

    class Finder:
        def find_spec(self, name: str, path: object = None, target: object = None) -> None:
            if name == "sounddevice":
                raise OSError("PortAudio library not found")

    monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])
    with pytest.raises(DeviceError, match="libportaudio2"):
        list_devices()


def test_refresh_starts_portaudio_again(sd: FakePortAudio) -> None:
    devices.refresh()
    assert sd.restarts == 2


def test_broken_audio_system_is_one_sentence(sd: FakePortAudio, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise FakePortAudioError("Host error")

    monkeypatch.setattr(sd, "query_devices", fail)
    with pytest.raises(DeviceError, match="does not answer \\(Host error\\)"):
        list_devices()


def test_native_complaints_are_swallowed_and_ours_are_not(capfd: pytest.CaptureFixture[str]) -> None:
    with devices._quiet_stderr():
        os.write(2, b"ALSA lib pcm.c: Unknown PCM\n")
    os.write(2, b"ours\n")
    assert capfd.readouterr().err == "ours\n"


def test_two_threads_that_silence_at_once_do_not_lose_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    inside, leave = threading.Event(), threading.Event()

    def silence() -> None:
        with devices._quiet_stderr():
            inside.set()
            leave.wait(5)

    other = threading.Thread(target=silence)
    with devices._quiet_stderr():
        other.start()
        inside.wait(0.2)
    leave.set()
    other.join()
    os.write(2, b"ours\n")
    assert capfd.readouterr().err == "ours\n"


_LIST = """
import json
from audio.devices import DeviceError, choose_rate, find_device, list_devices, refresh
refresh()
device = find_device("system", "input")
try:
    choose_rate(device, device, 44100)
except DeviceError as error:
    refusal = str(error)
print(json.dumps([[d.name for d in list_devices()], choose_rate(device, device), refusal]))
"""


@pytest.mark.jack
def test_lists_a_real_server_without_a_word_on_stderr() -> None:
    with JackServer() as server:
        run = subprocess.run(
            [sys.executable, "-c", _LIST], env=server.env(), capture_output=True, text=True, timeout=300
        )
    names, rate, refusal = json.loads(run.stdout)
    assert "system · JACK Audio Connection Kit" in names
    assert rate == 48_000
    assert refusal == "'system · JACK Audio Connection Kit' refuses 44100 Hz; choose 48000."
    assert run.stderr == ""
