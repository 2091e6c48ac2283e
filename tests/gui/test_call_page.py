"""The Call page: what users click to be heard in a call."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest

from audio import virtual_mic
from audio.cables import PROGRAMS
from audio.devices import Device
from gui.control.call import CallAction
from gui.pages.call import CallPage
from inference.engine.messages import DevicesListed
from tests.fakes.fake_engine import DEVICES
from tests.gui.conftest import Factory, Studio
from tests.rig.pulse_server import pulse_server

OWN_MICROPHONE = Device(90, virtual_mic.DEVICE, virtual_mic.NAME, "ALSA", 2, 2, 48_000, 0.01, 0.01)
CABLE = Device(91, "BlackHole 2ch · Core Audio", "BlackHole 2ch", "Core Audio", 2, 2, 48_000, 0.01, 0.01)


def page(studio: Studio) -> CallPage:
    studio.window.go_to("call")
    made = studio.window.stack.made("call")
    assert isinstance(made, CallPage)
    return made


def listing(studio: Studio, *more: Device) -> None:
    studio.engine.events.append(DevicesListed((*DEVICES, *more)))
    studio.bot.waitUntil(lambda: len(studio.session.devices.listed) == len(DEVICES) + len(more))


@pytest.fixture
def pulse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A real sound server."""
    with pulse_server(tmp_path, monkeypatch):
        yield


@pytest.mark.skipif(sys.platform != "linux", reason="other systems install a cable")
def test_one_click_makes_the_microphone_and_sends_the_voice_there(open_studio: Factory, pulse: None) -> None:
    studio = open_studio()
    route = page(studio).route
    assert route.make.isVisibleTo(route)
    QTest.mouseClick(route.make, Qt.MouseButton.LeftButton)
    studio.bot.waitUntil(lambda: studio.session.microphone.there, timeout=20_000)
    assert virtual_mic.exists()
    assert studio.session.devices.settings.output == virtual_mic.DEVICE
    listing(studio, OWN_MICROPHONE)
    assert "choose 'Menura Microphone'" in route.state.text()
    assert not route.warnings.text()
    QTest.mouseClick(route.take_away, Qt.MouseButton.LeftButton)
    studio.bot.waitUntil(lambda: not studio.session.microphone.there, timeout=20_000)
    assert not virtual_mic.exists()
    assert studio.session.devices.settings.output is None


@pytest.mark.skipif(sys.platform != "linux", reason="other systems install a cable")
def test_it_goes_with_the_studio_and_comes_back_with_it(open_studio: Factory, pulse: None) -> None:
    first = open_studio()
    first.session.microphone.make()
    first.bot.waitUntil(lambda: first.session.microphone.there, timeout=20_000)
    first.window.close()
    assert not virtual_mic.exists()
    second = open_studio()
    order: list[str] = []
    second.session.microphone.prepare(lambda: order.append("engine"))
    second.bot.waitUntil(lambda: bool(order), timeout=20_000)
    assert second.session.microphone.there
    assert virtual_mic.exists()
    second.session.microphone.take_away()
    second.bot.waitUntil(lambda: not second.session.microphone.there, timeout=20_000)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems install a cable")
def test_a_deaf_sound_server_is_a_sentence(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULSE_SERVER", "unix:/tmp/menura-no-such-server")
    route = page(studio).route
    QTest.mouseClick(route.make, Qt.MouseButton.LeftButton)
    studio.bot.waitUntil(lambda: "sound server" in route.warnings.text(), timeout=20_000)
    assert route.make.isEnabled()
    assert studio.session.devices.settings.output != virtual_mic.DEVICE


def test_a_cable_that_is_there_is_used_at_one_click(studio: Studio) -> None:
    route = page(studio).route
    listing(studio, CABLE)
    assert route.use.isVisibleTo(route)
    QTest.mouseClick(route.use, Qt.MouseButton.LeftButton)
    assert studio.session.devices.settings.output == CABLE.name
    assert not route.use.isVisibleTo(route)


def test_who_plays_into_a_cable_finds_the_way_to_hear_it(studio: Studio) -> None:
    studio.window.resize(1200, 760)
    route = page(studio).route
    listing(studio, CABLE)
    assert not route.hear.isVisibleTo(route)
    route.use.click()
    route.hear.click()
    assert studio.window.stack.current_id == "live"
    compare = studio.window.live.compare
    studio.bot.waitUntil(lambda: not compare.visibleRegion().isEmpty())


def test_trouble_with_the_devices_is_shown(studio: Studio) -> None:
    route = page(studio).route
    listing(studio, CABLE)
    studio.session.devices.set_device("input", CABLE.name)
    assert "hear itself" in route.warnings.text()


@pytest.mark.parametrize("program", PROGRAMS)
def test_steps_follow_the_program_and_are_remembered(studio: Studio, program: str) -> None:
    route = page(studio).route
    route.program.setCurrentText(program)
    route.program.activated.emit(route.program.currentIndex())
    assert studio.session.store.settings.call.program == program
    assert "Menura Microphone" in route.steps.text()


def test_keys_are_changed_and_cleared(studio: Studio) -> None:
    keys = page(studio).keys
    edit = keys.edits[CallAction.MUTE]
    edit.setKeySequence(QKeySequence("Ctrl+Shift+F9"))
    edit.editingFinished.emit()
    assert studio.session.hotkeys.keys[CallAction.MUTE] == "Ctrl+Shift+F9"
    studio.session.hotkeys.set_keys(CallAction.MUTE, "")
    assert edit.keySequence().isEmpty()


def test_why_keys_do_not_work_is_shown(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    keys = page(studio).keys
    if sys.platform == "linux":
        keys.on.click()
        assert "menura tell" in keys.problem.text()


def test_wishes_for_the_start_are_kept(open_studio: Factory) -> None:
    first = open_studio()
    for switch in page(first).keys.switches.values():
        switch.click()
    first.session.save()
    second = open_studio()
    wishes = second.session.store.settings.call
    assert wishes.start_live
    assert wishes.start_minimised
    assert wishes.close_to_tray
    assert all(switch.isChecked() for switch in page(second).keys.switches.values())
