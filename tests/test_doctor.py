"""The doctor: a finding for everything, a remedy for everything bad, and never an exception."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from audio.devices import Device, DeviceError
from inference import doctor
from inference.converter import MODEL_RATE
from inference.doctor import Finding, Level, check_cable, check_devices, check_models, examine, speak
from inference.registry import UnsupportedVoiceError
from inference.sample import bundled_speech
from voices.builtin import find_voice

SYSTEMS = ["linux", "darwin", "win32"]


def device(name: str, inputs: int = 0, outputs: int = 0) -> Device:
    return Device(0, name, name, "API", inputs, outputs, 48_000, 0.01, 0.01)


def test_a_finding_is_one_line() -> None:
    assert Finding(Level.OK, "python", "3.11.").line() == "ok       python: 3.11."
    assert Finding(Level.ADVICE, "cable", "none.", "Get one.").line() == "advice   cable: none. Get one."


def test_everything_is_looked_at(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MENURA_HOME", str(tmp_path))
    findings = examine()
    subjects = {finding.subject for finding in findings}
    assert {"python", "portaudio", "priority", "data folder", "library", "voices", "onnxruntime"} <= subjects
    assert not [f for f in findings if f.level is Level.PROBLEM and "check itself" in f.text]
    for finding in findings:
        assert "\n" not in finding.line()
        assert finding.level is Level.OK or finding.remedy or finding.text.endswith(".")


@pytest.mark.parametrize(
    ("granted", "refused", "system", "level", "words"),
    [
        ("real-time (round robin 15) by RealtimeKit", "", "linux", Level.OK, "by RealtimeKit"),
        ("normal", "RealtimeKit is not installed", "linux", Level.ADVICE, "RealtimeKit is not installed."),
        ("nice -11", "RealtimeKit did not answer", "linux", Level.ADVICE, "beyond nice -11"),
        ("normal", "", "win32", Level.ADVICE, "Close other programs"),
        ("normal", "", "darwin", Level.OK, "normal"),
    ],
)
def test_priority_says_what_was_granted_or_what_to_do(granted, refused, system, level, words) -> None:
    found = doctor.check_priority(granted, refused, system)
    assert found.level is level
    assert words in found.line()
    assert ("rtkit" in found.remedy) == (level is Level.ADVICE and system == "linux")


def test_the_library_tells_its_damaged_files(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MENURA_HOME", str(tmp_path))
    (tmp_path / "voices").mkdir()
    (tmp_path / "voices" / "ada.menura").write_bytes(b"broken")
    damaged, counted = doctor._library()
    assert (damaged.level, counted.level) == (Level.PROBLEM, Level.OK)
    assert "ada.menura" in damaged.subject
    assert "menura voices remove 'ada'" in damaged.remedy
    assert counted.text.startswith("0 voices")


def test_it_raises_nothing_whatever_breaks(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MENURA_HOME", str(tmp_path))

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("broken")

    for name in ("list_devices", "home", "builtin_voices", "check_models", "portaudio"):
        monkeypatch.setattr(doctor, name, fail)
    monkeypatch.setattr(doctor.subprocess, "run", fail)
    monkeypatch.setattr(doctor.importlib, "import_module", fail)
    problems = [finding for finding in examine() if finding.level is Level.PROBLEM]
    assert len(problems) >= 6
    assert [problem.line() for problem in problems if "broken" not in problem.text] == []


def test_a_missing_portaudio_is_a_problem_with_its_own_sentence(monkeypatch) -> None:
    def missing() -> None:
        raise DeviceError("The PortAudio library is missing; install it.")

    monkeypatch.setattr(doctor, "portaudio", missing)
    (problem,) = doctor._sound()
    assert (problem.level, problem.text) == (Level.PROBLEM, "The PortAudio library is missing; install it.")


@pytest.mark.parametrize("system", SYSTEMS)
def test_missing_devices_are_problems_with_a_remedy(system: str) -> None:
    problems = list(check_devices([], system))
    assert [p.subject for p in problems] == ["input", "output"]
    assert all(p.level is Level.PROBLEM and p.remedy for p in problems)


def test_macos_is_asked_for_its_permission() -> None:
    assert "Privacy" in next(check_devices([], "darwin")).remedy


def test_devices_that_are_there_are_named() -> None:
    found = list(check_devices([device("Desk Microphone", inputs=1), device("Phones", outputs=2)], "linux"))
    assert all(f.level is Level.OK for f in found)
    assert "Desk Microphone" in found[0].text
    assert "Phones" in found[1].text


@pytest.mark.parametrize(
    "name", ["BlackHole 2ch", "CABLE Input (VB-Audio Virtual Cable)", "Menura Microphone"]
)
def test_a_cable_is_named_with_what_calls_choose(name: str) -> None:
    finding = check_cable([device("Desk Microphone", inputs=1), device(name, outputs=2)], "linux")
    assert finding.level is Level.OK
    assert "calls choose" in finding.text


@pytest.mark.parametrize(
    ("system", "product"), [("linux", "Menura Microphone"), ("darwin", "BlackHole"), ("win32", "VB-CABLE")]
)
def test_without_a_cable_there_is_advice_for_each_system(system: str, product: str) -> None:
    finding = check_cable(
        [device("Desk Microphone", inputs=1), device("USB cable headset", outputs=2)], system
    )
    assert finding.level is Level.ADVICE
    assert product in finding.remedy


def test_a_data_folder_in_the_way_is_a_problem(monkeypatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MENURA_HOME", str(tmp_path / "file" / "home"))
    (finding,) = doctor._data_folder()
    assert finding.level is Level.PROBLEM
    assert "MENURA_HOME" in finding.remedy


class Mute:
    """A converter that gives the same sample always."""

    def __init__(self, sample: float) -> None:
        self._sample = sample

    def warm_up(self) -> None:
        pass

    def process(self, block: np.ndarray, _controls: object) -> np.ndarray:
        return np.full_like(block, self._sample)


@pytest.mark.parametrize(("sample", "fault"), [(0.0, "silent"), (np.nan, "not numbers"), (0.5, "")])
def test_a_voice_is_made_to_speak(monkeypatch, sample: float, fault: str) -> None:
    monkeypatch.setattr(doctor, "make_converter", lambda _: Mute(sample))
    said = speak(find_voice("deep"), bundled_speech(MODEL_RATE)[:2400])
    assert fault in said
    assert bool(said) == bool(fault)


def test_a_voice_that_cannot_be_made_is_told(monkeypatch) -> None:
    def fail(_: object) -> None:
        raise UnsupportedVoiceError("No model here.")

    monkeypatch.setattr(doctor, "make_converter", fail)
    findings = list(doctor._voices())
    assert all(f.level is Level.PROBLEM and "No model here." in f.text for f in findings)


@pytest.mark.parametrize("shape", ["flat", "objects", "files"])
def test_models_are_checked_by_their_sums(tmp_path: Path, shape: str) -> None:
    content = b"weights"
    checksum = hashlib.sha256(content).hexdigest()
    (tmp_path / "net.onnx").write_bytes(content)
    manifest = {
        "flat": {"net.onnx": checksum},
        "objects": {"net.onnx": {"sha256": checksum}},
        "files": {"files": {"net.onnx": {"sha256": checksum.upper()}}},
    }[shape]
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    (good,) = check_models(tmp_path)
    assert good.level is Level.OK
    (tmp_path / "net.onnx").write_bytes(b"weighty")
    (bad,) = check_models(tmp_path)
    assert (bad.level, "net.onnx" in bad.text) == (Level.PROBLEM, True)
    (tmp_path / "net.onnx").unlink()
    assert next(check_models(tmp_path)).level is Level.PROBLEM


@pytest.mark.parametrize("content", ["{", "[]", '{"net.onnx": 5}', '{"net.onnx": {}}'])
def test_a_broken_manifest_is_a_problem(tmp_path: Path, content: str) -> None:
    (tmp_path / "manifest.json").write_text(content)
    assert next(check_models(tmp_path)).level is Level.PROBLEM


def test_without_a_manifest_there_is_nothing_to_say(tmp_path: Path) -> None:
    assert list(check_models(tmp_path)) == []
