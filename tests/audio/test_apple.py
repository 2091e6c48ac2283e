"""What is asked of macOS, with stand-ins for its modules; nothing is asked elsewhere."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from audio import apple, priority


@pytest.fixture(autouse=True)
def forgotten():
    apple.stay_awake.cache_clear()
    yield
    apple.stay_awake.cache_clear()


def test_nothing_is_asked_elsewhere():
    assert apple.stream_settings("linux") is None
    assert apple.stay_awake("win32") is None


@pytest.mark.parametrize(("beside", "relative"), [(False, 0), (True, -5)])
@pytest.mark.parametrize(("status", "granted"), [(0, "user-interactive"), (1, "normal")])
def test_a_thread_asks_to_go_before_windows(monkeypatch, beside, relative, status, granted):
    asked = []

    def ask(quality, place):
        asked.append((quality.value, place.value))
        return status

    monkeypatch.setattr(apple.ctypes, "CDLL", lambda name: SimpleNamespace(pthread_set_qos_class_self_np=ask))
    assert apple.urgent(beside, "darwin") == granted
    assert asked == [(0x21, relative)]
    assert apple.urgent(beside, "linux") == "normal"
    assert len(asked) == 1


def test_every_thread_of_the_engine_asks_on_a_mac(monkeypatch):
    asked = []
    monkeypatch.setattr(priority.sys, "platform", "darwin")
    monkeypatch.setattr(priority, "stay_awake", lambda: asked.append("awake"))
    monkeypatch.setattr(priority, "urgent", lambda beside: asked.append(beside) or "user-interactive")
    for role in ("callback", "worker", "builder", "loading"):
        assert priority.raise_priority(role) == "user-interactive"
    assert asked == ["awake", False, "awake", False, "awake", True, "awake", True]


def test_streams_may_change_the_device(monkeypatch):
    monkeypatch.setattr(apple, "portaudio", lambda: SimpleNamespace(CoreAudioSettings=dict))
    assert apple.stream_settings("darwin") == {"change_device_parameters": True}


def test_one_assertion_is_held_for_the_life_of_the_process(monkeypatch):
    asked = []

    class Info:
        @staticmethod
        def processInfo():
            return Info

        @staticmethod
        def beginActivityWithOptions_reason_(options, reason):
            asked.append((options, reason))
            return "token"

    monkeypatch.setitem(sys.modules, "Foundation", SimpleNamespace(NSProcessInfo=Info))
    assert apple.stay_awake("darwin") == "token"
    assert apple.stay_awake("darwin") == "token"
    assert [options for options, _ in asked] == [0xFF00EFFFFF]


def test_an_assertion_lasts_as_long_as_it_is_wanted(monkeypatch):
    said = []
    info = SimpleNamespace(
        beginActivityWithOptions_reason_=lambda options, reason: said.append("begin") or "token",
        endActivity_=said.append,
    )
    foundation = SimpleNamespace(NSProcessInfo=SimpleNamespace(processInfo=lambda: info))
    monkeypatch.setitem(sys.modules, "Foundation", foundation)
    awake = apple.Awake("darwin")
    for wanted in (False, True, True, False, False, True):
        awake.hold(wanted)
    assert said == ["begin", "token", "begin"]
    apple.Awake("linux").hold(True)
    monkeypatch.setitem(sys.modules, "Foundation", None)
    apple.Awake("darwin").hold(True)
    assert said == ["begin", "token", "begin"]


def test_without_pyobjc_the_call_goes_on(monkeypatch):
    monkeypatch.setitem(sys.modules, "Foundation", None)
    assert apple.stay_awake("darwin") is None


def test_exact_zeros_are_told_once_as_a_missing_permission():
    watch = apple.ZeroWatch("darwin")
    said = [watch.hear(second, 0.0) for second in (0.0, 1.0, 2.9, 3.0, 4.0)]
    assert said == ["", "", "", apple.NO_PERMISSION, ""]
    assert watch.hear(5.0, 1e-6) == ""
    assert watch.hear(7.9, 0.0) == ""
    assert watch.hear(8.0, 0.0) == apple.NO_PERMISSION
    # A new stream counts anew.
    assert watch.hear(0.5, 0.0) == ""
    assert watch.hear(3.5, 0.0) == apple.NO_PERMISSION


def test_noise_or_another_system_is_no_missing_permission():
    assert apple.ZeroWatch("linux").hear(60.0, 0.0) == ""
    watch = apple.ZeroWatch("darwin")
    assert [watch.hear(float(second), 1e-7) for second in range(9)] == [""] * 9
