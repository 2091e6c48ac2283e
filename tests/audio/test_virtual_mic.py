"""The virtual microphone against a real PulseAudio: made once, heard by a call, gone afterwards."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from audio import virtual_mic
from audio.virtual_mic import VirtualMicError
from tests.rig.caller import wait_until
from tests.rig.pulse_server import pulse_server

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="other systems install a cable"),
    pytest.mark.timeout(300),
]


@pytest.fixture
def pulse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A PulseAudio of its own without hardware."""
    with pulse_server(tmp_path, monkeypatch):
        yield


_SPEAK = """
import numpy as np, sounddevice as sd
tone = (0.5 * np.sin(2 * np.pi * 440 * np.arange(96000) / 48000)).astype("float32")
device = next(d["index"] for d in sd.query_devices() if d["name"] == "Menura Microphone")
sd.play(tone, 48000, device=device, blocking=True)
"""


def test_a_call_hears_what_is_played_into_it(pulse: None) -> None:
    virtual_mic.create()
    call = subprocess.Popen(
        ["parec", "--device=menura_microphone", "--format=float32le", "--rate=48000", "--channels=1"],
        stdout=subprocess.PIPE,
    )
    assert call.stdout is not None
    try:
        subprocess.run([sys.executable, "-c", _SPEAK], check=True, capture_output=True, timeout=200)
        heard = np.frombuffer(call.stdout.read(4 * 48_000), np.float32)
        while np.abs(heard[-24_000:]).max() < 0.1:
            heard = np.frombuffer(call.stdout.read(4 * 48_000), np.float32)
    finally:
        call.kill()
        call.wait(60)
    spectrum = np.abs(np.fft.rfft(heard[-24_000:]))
    assert np.argmax(spectrum) * 2 == pytest.approx(440, abs=4)


def test_made_once_and_gone_without_trace(pulse: None) -> None:
    before = _modules()
    assert not virtual_mic.exists()
    virtual_mic.create()
    made = _modules()
    virtual_mic.create()
    assert virtual_mic.exists()
    assert _modules() == made
    assert len(made) == len(before) + 2
    virtual_mic.remove()
    virtual_mic.remove()
    assert not virtual_mic.exists()
    assert _modules() == before


def _unload(argument: str) -> None:
    rows = subprocess.run(["pactl", "list", "short", "modules"], capture_output=True, text=True, check=True)
    number = next(row.split("\t")[0] for row in rows.stdout.splitlines() if argument in row)
    subprocess.run(["pactl", "unload-module", number], check=True)


@pytest.mark.parametrize("part", ["source_name=menura_microphone", "sink_name=menura_call"])
def test_who_asks_is_told_that_it_was_taken_away(pulse: None, part: str) -> None:
    virtual_mic.create()
    with virtual_mic.removal() as removed:
        subprocess.run(["pactl", "load-module", "module-null-sink", "sink_name=other"], check=True)
        _unload("sink_name=other")
        time.sleep(0.3)
        assert not removed()
        _unload(part)
        wait_until(removed, 20.0)


def test_nobody_is_told_where_there_is_none(pulse: None) -> None:
    with virtual_mic.removal() as removed:
        subprocess.run(["pactl", "load-module", "module-null-sink", "sink_name=other"], check=True)
        _unload("sink_name=other")
        time.sleep(0.3)
        assert not removed()


_ASK = """
import time
from audio import virtual_mic
with virtual_mic.removal():
    print("listening", flush=True)
    time.sleep(60)
"""


def test_what_listens_for_it_ends_with_who_asked(pulse: None) -> None:
    """Also where that one is killed and can end nothing itself."""
    asking = subprocess.Popen([sys.executable, "-c", _ASK], stdout=subprocess.PIPE)
    assert asking.stdout
    with asking, asking.stdout:
        assert asking.stdout.readline() == b"listening\n"
        left: list[psutil.Process] = []

        def listens() -> bool:
            left[:] = psutil.Process(asking.pid).children(recursive=True)
            return any(process.name() == "pactl" for process in left)

        wait_until(listens, 20.0)
        asking.kill()
        assert not psutil.wait_procs(left, timeout=60.0)[1]


def _modules() -> list[str]:
    done = subprocess.run(["pactl", "list", "short", "modules"], capture_output=True, text=True, check=True)
    return sorted(line.split("\t", 1)[1] for line in done.stdout.splitlines())


def test_without_a_server_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULSE_SERVER", "unix:/tmp/menura-no-such-server")
    assert not virtual_mic.exists()
    with pytest.raises(VirtualMicError, match=r"No sound server answers.*Start one"):
        virtual_mic.create()


def test_without_the_client_it_names_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(VirtualMicError, match="pulseaudio-utils"):
        virtual_mic.create()
