"""Cables are found, the right one first; a choice that would trouble a call is told before the call."""

from __future__ import annotations

import pytest

from audio.cables import PROGRAMS, call_steps, far_end, find_cables, how_to_get_one, is_cable, route_warnings
from audio.devices import Device


def device(
    label: str, rate: int = 48_000, api: str = "Core Audio", inputs: int = 2, outputs: int = 2
) -> Device:
    return Device(0, f"{label} · {api}", label, api, inputs, outputs, rate, 0.01, 0.01)


MIC = device("MacBook Pro Microphone", outputs=0)
PHONES = device("External Headphones", inputs=0)
CABLE = device("BlackHole 2ch")


def test_the_cable_with_two_channels_comes_first() -> None:
    many, plain = device("BlackHole 16ch"), device("BlackHole 2ch")
    assert [cable.output for cable in find_cables([MIC, many, PHONES, plain])] == [plain, many]


def test_on_windows_the_two_ends_have_two_names() -> None:
    ends = [
        device("CABLE Output (VB-Audio Virtual Cable)", api="MME", outputs=0),
        device("CABLE Input (VB-Audio Virtual Cable)", api="MME", inputs=0),
    ]
    (cable,) = find_cables(ends)
    assert (cable.output, cable.microphone) == (ends[1], "CABLE Output")


def test_own_microphone_is_found_on_linux() -> None:
    (cable,) = find_cables([device("Menura Microphone", api="ALSA"), device("pulse", api="ALSA")])
    assert cable.microphone == "Menura Microphone"


def test_the_end_that_a_call_records_is_found_in_the_same_audio_system() -> None:
    output = device("CABLE Input (VB-Audio Virtual Cable)", api="Windows WASAPI", inputs=0)
    ends = [
        device("CABLE Output (VB-Audio Virtual Cable)", api=api, outputs=0)
        for api in ("MME", "Windows WASAPI")
    ]
    assert far_end(output, [MIC, output, *ends]) == ends[1]
    assert far_end(output, [MIC, output, ends[0]]) == ends[0]
    assert far_end(output, [MIC, output]) is None
    assert far_end(CABLE, [MIC, CABLE]) == CABLE
    assert far_end(PHONES, [MIC, CABLE, PHONES]) is None


@pytest.mark.parametrize("name", ["Headphones", "pulse · ALSA", "Cabled Headset", "Studio Display"])
def test_ordinary_devices_are_no_cables(name: str) -> None:
    assert not is_cable(name)
    assert not find_cables([device(name)])


def test_a_good_choice_has_no_warnings() -> None:
    assert route_warnings(MIC, CABLE, PHONES, 48_000) == []


def test_what_alsa_says_of_a_rate_is_no_trouble() -> None:
    own = device("Menura Microphone", rate=44_100, api="ALSA")
    assert route_warnings(MIC, own, PHONES) == []
    assert "44100" in route_warnings(MIC, own, PHONES, 44_100)[0]
    server = device("default", rate=44_100, api="ALSA")
    assert not any("Hz" in sentence for sentence in route_warnings(MIC, server, PHONES))


TROUBLE = {
    "hears itself": ((CABLE, CABLE, None), "not a microphone"),
    "monitor into the call": ((MIC, device("BlackHole 16ch"), CABLE), "into the call"),
    "same device twice": ((MIC, PHONES, PHONES), "same device"),
    "no cable": ((MIC, PHONES, None), "no virtual cable"),
    "16 channels": ((MIC, device("BlackHole 16ch"), None), "2 channels"),
    "multi-output": ((MIC, device("Multi-Output Device"), None), "drifts"),
    "Bluetooth microphone": ((device("Anna's AirPods Pro"), CABLE, PHONES), "Bluetooth"),
    "Bluetooth monitor": ((MIC, CABLE, device("WH-1000 Hands-Free")), "Bluetooth"),
    "wrong rate": ((MIC, device("BlackHole 2ch", rate=44_100), PHONES), "44100"),
}


@pytest.mark.parametrize(("devices", "word"), TROUBLE.values(), ids=TROUBLE)
def test_each_trouble_is_told(devices: tuple[Device, Device, Device | None], word: str) -> None:
    assert any(word in sentence for sentence in route_warnings(*devices))


def test_the_rate_in_use_counts_more_than_the_default() -> None:
    assert any("44100" in sentence for sentence in route_warnings(MIC, CABLE, PHONES, 44_100))


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_program_is_told_which_microphone(program: str) -> None:
    assert any("'CABLE Output'" in step for step in call_steps(program, "CABLE Output"))


@pytest.mark.parametrize(
    ("system", "word"), [("darwin", "BlackHole"), ("win32", "VB-CABLE"), ("linux", "Menura")]
)
def test_each_system_has_its_way_to_a_cable(system: str, word: str) -> None:
    assert word in how_to_get_one(system)
