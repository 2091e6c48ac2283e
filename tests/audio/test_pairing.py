"""When a Mac's user is told of an Aggregate Device."""

from __future__ import annotations

import pytest

from audio.devices import Device
from audio.pairing import pairing_advice
from inference.doctor import check_pairing


def device(label: str, inputs: int, outputs: int, default: bool = False) -> Device:
    return Device(
        0, f"{label} · Core Audio", label, "Core Audio", inputs, outputs, 48_000, 0.01, 0.01, default
    )


MICROPHONE = device("MacBook Pro Microphone", 1, 0, default=True)
CABLE = device("BlackHole 2ch", 2, 2)


def test_two_devices_are_told_how_to_become_one():
    advice = pairing_advice(MICROPHONE, CABLE, "darwin")
    assert "Aggregate Device" in advice
    assert "Drift Correction" in advice
    assert advice.index("'MacBook Pro Microphone' first") < advice.index("then 'BlackHole 2ch'")


@pytest.mark.parametrize(
    ("source", "sink", "system"),
    [
        (MICROPHONE, CABLE, "linux"),
        (CABLE, CABLE, "darwin"),
        (None, CABLE, "darwin"),
        (MICROPHONE, None, "darwin"),
        # Its own outputs would come first in the aggregate, and get the voice.
        (device("Scarlett 2i2", 2, 2), CABLE, "darwin"),
        # Wireless delay is far more than what an aggregate saves, and such a clock must not lead.
        (device("Ada's AirPods", 1, 0), CABLE, "darwin"),
    ],
)
def test_where_it_does_not_pay_nothing_is_said(source, sink, system):
    assert pairing_advice(source, sink, system) == ""


def test_the_doctor_says_it_too():
    (finding,) = check_pairing([MICROPHONE, CABLE], "darwin")
    assert "Aggregate Device" in finding.remedy
    assert list(check_pairing([MICROPHONE, CABLE], "linux")) == []
