"""`menura doctor`: what works on this machine, what does not, and what to do about it."""

from __future__ import annotations

import hashlib
import importlib
import json
import multiprocessing as mp
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audio.cables import find_cables, how_to_get_one
from audio.devices import Device, DeviceError, Kind, list_devices, portaudio
from audio.pairing import pairing_advice
from audio.priority import find_out
from inference.background import uninterrupted
from inference.converter import HOP, MODEL_RATE
from inference.registry import make_converter
from inference.sample import bundled_speech
from voices.builtin import builtin_voices
from voices.folder import LibraryError
from voices.home import home
from voices.library import Library
from voices.tuning import Tuning
from voices.voice import Voice, VoiceKind

_OLDEST_PYTHON = (3, 11)
_AUDIBLE = 1e-3


class Level(StrEnum):
    """How bad a finding is: nothing to do, something to gain, something that keeps Menura from working."""

    OK = "ok"
    ADVICE = "advice"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `remedy` says what to do, where there is something to do."""

    level: Level
    subject: str
    text: str
    remedy: str = ""

    def line(self) -> str:
        """The finding as one line of a report."""
        return f"{self.level.value:<8} {self.subject}: {self.text}{' ' if self.remedy else ''}{self.remedy}"


def examine() -> list[Finding]:
    """Looks at everything and returns what was found, good and bad; raises nothing."""
    found: list[Finding] = []
    for check in (
        _python,
        _sound,
        _sound_servers,
        _priority,
        _data_folder,
        _library,
        _voices,
        _models,
        _runtimes,
        _certificate,
        _rvc,
    ):
        found += _guarded(check)
    return found


def _guarded(check: Callable[[], Iterator[Finding]]) -> list[Finding]:
    found: list[Finding] = []
    try:
        found.extend(check())
    except Exception as error:  # noqa: BLE001 - a check that breaks is itself a finding
        subject = check.__name__.strip("_").replace("_", " ")
        text = f"the check itself failed ({type(error).__name__}: {error})."
        found.append(Finding(Level.PROBLEM, subject, text, "Please report this."))
    return found


def _python() -> Iterator[Finding]:
    text = f"{platform.python_version()} on {platform.platform()}."
    if sys.version_info < _OLDEST_PYTHON:
        yield Finding(Level.PROBLEM, "python", text, "Install Python 3.11 or newer.")
    else:
        yield Finding(Level.OK, "python", text)


def _sound() -> Iterator[Finding]:
    """PortAudio, and what it can see."""
    try:
        version = portaudio().get_portaudio_version()[1]
        devices = list_devices()
    except DeviceError as error:
        yield Finding(Level.PROBLEM, "portaudio", str(error))
        return
    yield Finding(Level.OK, "portaudio", f"{version}.")
    yield from check_devices(devices, sys.platform)
    yield check_cable(devices, sys.platform)
    yield from check_pairing(devices, sys.platform)


def check_devices(devices: list[Device], system: str) -> Iterator[Finding]:
    """Microphone and output among `devices`, on `system` (as sys.platform says)."""
    kinds: tuple[Kind, ...] = ("input", "output")
    for kind in kinds:
        usable = [device for device in devices if device.channels(kind)]
        if usable:
            default = next((d.name for d in usable if d.is_default(kind)), usable[0].name)
            yield Finding(Level.OK, kind, f"{len(usable)} found, default '{default}'.")
        else:
            yield Finding(Level.PROBLEM, kind, f"no sound {kind} found.", _connect(kind, system))


def check_cable(devices: list[Device], system: str) -> Finding:
    """A virtual cable among the devices, or the sound server's own way to one."""
    cables = find_cables(devices)
    if cables:
        text = f"'{cables[0].output.name}'; calls choose '{cables[0].microphone}' as microphone."
        return Finding(Level.OK, "virtual cable", text)
    return Finding(
        Level.ADVICE, "virtual cable", "none found; calls cannot hear the new voice.", how_to_get_one(system)
    )


def check_pairing(devices: list[Device], system: str) -> Iterator[Finding]:
    """On a Mac the default microphone and the cable, which a call uses together."""
    cables = find_cables(devices)
    source = next((d for d in devices if d.inputs and d.is_default_input), None)
    remedy = pairing_advice(source, cables[0].output if cables else None, system)
    if remedy:
        yield Finding(Level.ADVICE, "clocks", "microphone and cable are two devices.", remedy)


def _connect(kind: Kind, system: str) -> str:
    if system == "darwin" and kind == "input":
        return (
            "Connect one, and allow the terminal or Menura in System Settings > Privacy & Security > "
            "Microphone."
        )
    if system == "win32" and kind == "input":
        return "Connect one, and allow desktop apps in Settings > Privacy > Microphone."
    if system == "linux":
        return "Connect one, or start the sound server (PipeWire, PulseAudio or JACK)."
    return "Connect one."


def _sound_servers() -> Iterator[Finding]:
    """Which sound servers answer; Linux only, elsewhere the system is the server."""
    if sys.platform != "linux":
        return
    probes = {
        "PipeWire": ("pw-cli", "info", "0"),
        "PulseAudio": ("pactl", "info"),
        "JACK": ("jack_wait", "-c"),
    }
    # jack_wait exits with 0 either way and says which.
    there = [
        name for name, command in probes.items() if "not running" not in (_answer(command) or "not running")
    ]
    if there:
        yield Finding(Level.OK, "sound server", f"{', '.join(there)} answers.")
    else:
        text = "none of PipeWire, PulseAudio and JACK answers."
        yield Finding(
            Level.ADVICE, "sound server", text, "Start one; on a desktop: systemctl --user start pipewire."
        )


def _answer(command: tuple[str, ...]) -> str | None:
    """What a sound server's own client prints; None where it fails or is not installed."""
    environment = os.environ | {"JACK_NO_START_SERVER": "1", "LC_ALL": "C"}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=3, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def _priority() -> Iterator[Finding]:
    """Asked for in a process of its own, which takes the priority with it."""
    with ProcessPoolExecutor(1, mp_context=mp.get_context("spawn")) as pool:
        with uninterrupted():
            asked = pool.submit(find_out)
        granted, refused = asked.result(timeout=20)
    yield check_priority(granted, refused, sys.platform)


def check_priority(granted: str, refused: str, system: str) -> Finding:
    """What was `granted` on `system` (as sys.platform says); `refused`: why RealtimeKit did not."""
    if system == "linux" and not granted.startswith("real-time"):
        low = "" if granted == "normal" else f" beyond {granted}"
        text = f"the system does not let audio work go first{low}: {refused}."
        remedy = (
            "Install rtkit and log in to the desktop again (sudo apt install rtkit); or let the audio group "
            "have it: put '@audio - rtprio 95' and '@audio - nice -15' into "
            "/etc/security/limits.d/audio.conf, join the group (sudo usermod -aG audio $USER), log in again."
        )
        return Finding(Level.ADVICE, "priority", text, remedy)
    if granted == "normal" and system != "darwin":
        text = "the system does not let audio work go first."
        return Finding(Level.ADVICE, "priority", text, "Close other programs while you speak.")
    return Finding(Level.OK, "priority", f"{granted}.")


def _data_folder() -> Iterator[Finding]:
    try:
        folder = home()
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"menura")
    except OSError as error:
        yield Finding(
            Level.PROBLEM,
            "data folder",
            f"cannot be written ({error.strerror}).",
            "Set MENURA_HOME to a folder you may write to.",
        )
        return
    yield Finding(Level.OK, "data folder", f"{folder}.")


def _library() -> Iterator[Finding]:
    """The user's own voices."""
    try:
        library = Library.open()
    except LibraryError as error:
        yield Finding(Level.PROBLEM, "library", str(error))
        return
    for damaged in library.damaged():
        remedy = f"`menura voices remove '{damaged.id}'` moves it to the trash; import a good copy."
        yield Finding(Level.PROBLEM, f"library: {damaged.path.name}", damaged.reason, remedy)
    own = sum(not voice.builtin for voice in library.voices())
    yield Finding(Level.OK, "library", f"{own} voices of your own in {library.path}.")


def _voices() -> Iterator[Finding]:
    speech = bundled_speech(MODEL_RATE)[:MODEL_RATE]
    broken = 0
    for voice in builtin_voices():
        fault = speak(voice, speech)
        if fault:
            broken += 1
            yield Finding(Level.PROBLEM, f"voice {voice.id}", fault, "Install Menura again.")
    sound = len(builtin_voices()) - broken
    if sound:
        yield Finding(Level.OK, "voices", f"{sound} speak.")


def speak(voice: Voice, speech: NDArray[np.float32]) -> str:
    """What is wrong with a voice that says `speech`: (n,) float32 at the model rate; empty if nothing."""
    try:
        converter = make_converter(voice)
        converter.warm_up()
    except (ValueError, OSError, ImportError, RuntimeError) as error:
        return f"cannot be made: {error}"
    hops = speech[: len(speech) // HOP * HOP].reshape(-1, HOP)
    spoken = np.concatenate([converter.process(hop, Tuning()).copy() for hop in hops])
    if not np.isfinite(spoken).all():
        return "gives samples that are not numbers."
    if float(np.abs(spoken).max(initial=0.0)) < _AUDIBLE:
        return "is silent."
    return ""


def _models() -> Iterator[Finding]:
    with as_file(files("assets")) as assets:
        yield from check_models(Path(assets) / "models")


def check_models(folder: Path) -> Iterator[Finding]:
    """Compares the files of `folder` with the sha256 of its manifest.json, where there is one.

    The manifest maps file names to checksums, or to objects that have one under `sha256`, at its top or
    under `files`.
    """
    manifest = folder / "manifest.json"
    if not manifest.exists():
        return
    try:
        listed = json.loads(manifest.read_text(encoding="utf-8"))
        networks = listed.get("networks", {})
        listed = {entry["file"]: entry for entry in networks.values()} or listed.get("files", listed)
        sums = {name: entry if isinstance(entry, str) else entry["sha256"] for name, entry in listed.items()}
    except (OSError, ValueError, AttributeError, TypeError, KeyError):
        yield Finding(Level.PROBLEM, "models", f"{manifest} cannot be read.", "Install Menura again.")
        return
    wrong = [name for name, wanted in sums.items() if _sha256(folder / name) != wanted.lower()]
    if wrong:
        text = f"missing or damaged: {', '.join(wrong)}."
        yield Finding(Level.PROBLEM, "models", text, "Install Menura again.")
    else:
        yield Finding(Level.OK, "models", f"{len(sums)} files as they were shipped.")


def _sha256(path: Path) -> str:
    """Checksum of a file, empty when it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def _runtimes() -> Iterator[Finding]:
    names = ["onnxruntime", *(["coremltools"] if sys.platform == "darwin" else [])]
    for name in names:
        try:
            version = importlib.import_module(name).__version__
        except (ImportError, OSError) as error:
            yield Finding(Level.PROBLEM, name, f"cannot be loaded ({error}).", "Install Menura again.")
            continue
        yield Finding(Level.OK, name, f"{version}.")


def _certificate() -> Iterator[Finding]:
    """What the networks run on, and since which certificate."""
    from inference.coreml.certify import recall
    from inference.coreml.machine import CoreMLUnavailableError, key, workshop

    found = recall(key())
    if found is not None:
        row = found.chosen("hop")
        times = f"p50 {row.p50_ms:.1f}, p99.9 {row.p999_ms:.1f} ms"
        text = f"{row.program} on {row.unit}: {row.snr_db:.0f} dB, {times}."
        yield Finding(Level.OK, "networks", text)
    elif sys.platform == "darwin":
        try:
            workshop()
            remedy = "Run: menura doctor --certify"
        except CoreMLUnavailableError as error:
            remedy = str(error)
        yield Finding(Level.ADVICE, "networks", "ONNX Runtime; Core ML is not certified here.", remedy)
    else:
        yield Finding(Level.OK, "networks", "ONNX Runtime; its table: menura doctor --certify")


def _rvc() -> Iterator[Finding]:
    """What RVC voices need beside themselves: nothing that those without one miss."""
    from inference.rvc.content import (
        content_folder,
        describe,
        installed_content,
        missing_content,
        read_manifest,
    )
    from inference.rvc.content_files import ContentError

    if installed_content() is None:
        wanted = any(voice.kind is VoiceKind.RVC for voice in Library.open().voices())
        level = Level.PROBLEM if wanted else Level.OK
        yield Finding(level, "RVC voices", f"no content model in {content_folder()}.", missing_content())
        return
    try:
        yield Finding(Level.OK, "RVC voices", describe(read_manifest(content_folder())))
    except ContentError as error:
        yield Finding(Level.PROBLEM, "RVC voices", str(error))
