"""Everything that may go wrong in a call, done to the real parts: silence at worst, and it goes on by itself.

Crashes of the engine's processes and of the command, and a server that comes back: `test_live_rig.py`. The
studio with its journal through all of it: `test_soak.py`. How long each takes: `tests.tools.recovery`.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import pytest

from audio import virtual_mic
from tests.e2e.heard import is_part_of, raw_microphone
from tests.e2e.product import Live
from tests.rig.caller import Call, Caller, Recording, mostly_sound, wait_until, white_noise
from tests.rig.faults import SpoiltMachine, busy, sleep, small_disk
from tests.rig.jack_server import JackServer
from tests.rig.pulse_server import PulseServer

pytestmark = [
    pytest.mark.jack,
    pytest.mark.skipif(sys.platform != "linux", reason="the rig's sound servers are Linux's"),
]
_PATIENCE_S = 60.0
_CALL_S, _LONGEST_CALM_S = 300.0, 160.0
"""Length of a call, and the longest that the delay waits to be as before (`inference/engine/margin.py`)."""

_SLEEP_S = 5.2
_VOICE = ["--voice", "deep", "--gate", "-100"]


@dataclass
class Trouble:
    """A product in a call that things happen to."""

    server: JackServer
    live: Live
    machine: SpoiltMachine
    disk: bool

    def call(self, seconds: float = 1.0) -> Call:
        """Someone speaks into it; returns once that has lasted for so long."""
        call = Caller(self.server).start(white_noise(_CALL_S, self.server.rate), _CALL_S)
        wait_until(lambda: call.played_s > seconds, _PATIENCE_S)
        return call

    def heard_well(self, call: Call) -> Recording:
        """Ends a call that goes on, whose far end never heard the microphone."""
        recording = call.listen_on(1.5)
        assert mostly_sound(recording.heard[-recording.rate :], recording.rate)
        assert not raw_microphone(recording.played, recording.heard, recording.rate)
        return recording

    def wait_for(self, words: str, times: int = 1) -> None:
        """Until the product has said so, so often."""
        wait_until(lambda: self.live.count(words) >= times, _PATIENCE_S)


@pytest.fixture(scope="module")
def trouble(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trouble]:
    """One product for all: it has to outlast one fault after the other."""
    home, takes = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("takes")
    machine, under = SpoiltMachine(home), small_disk(takes, kilobytes=300)
    with (
        JackServer() as server,
        Live(server, home, *_VOICE, "--record", str(takes), env=machine.env, under=under or ()) as live,
    ):
        yield Trouble(server, live, machine, under is not None)


def test_a_full_disk_ends_the_recording_and_not_the_call(trouble: Trouble) -> None:
    if not trouble.disk:
        pytest.skip("this user may not mount a disk of its own")
    call = trouble.call()
    trouble.wait_for("The recording has stopped, the call goes on.")
    recording = trouble.heard_well(call)
    assert recording.connections == 1
    assert trouble.live.count("The recording has stopped") == 1
    assert "disk is full" in trouble.live.log


def test_a_clock_that_is_set_changes_nothing_but_the_journal(trouble: Trouble) -> None:
    call = trouble.call()
    for hours, words in ((1, "set forward by 60 min"), (-1, "set back by 2 h"), (0, "set forward by 60 min")):
        told = trouble.live.count(words)
        trouble.machine.set_clock(3600 * hours)
        trouble.wait_for(words, told + 1)
    assert trouble.heard_well(call).connections == 1
    assert trouble.live.count("The computer's clock was set") == 3


def test_a_model_that_fails_is_silence_and_then_the_voice_again(trouble: Trouble) -> None:
    call, back = trouble.call(), trouble.live.count("Back to normal.")
    trouble.machine.fail_converter("no such operator")
    trouble.wait_for("The converter stopped (RuntimeError: no such operator); the call hears silence")
    trouble.wait_for("Back to normal.", back + 1)
    assert trouble.heard_well(call).connections == 1
    assert trouble.live.count("The converter stopped") == 1


def test_a_sleep_ends_with_the_call(trouble: Trouble) -> None:
    """Sound server, product and caller sleep, as everything on a computer does."""
    call = trouble.call()
    told = trouble.live.count("it may have been unplugged")
    sleep([trouble.server.process, psutil.Process(trouble.live.pid), call.process], _SLEEP_S)
    trouble.wait_for("The computer slept, or stopped Menura, for ")
    trouble.heard_well(call)
    assert trouble.live.count("The computer slept") == 1
    assert trouble.live.count("it may have been unplugged") == told


def test_a_server_that_comes_back_at_another_rate_is_followed(trouble: Trouble) -> None:
    trouble.server.stop()
    trouble.wait_for("it may have been unplugged. Trying again")
    trouble.server.rate = 44_100
    trouble.server.start()
    trouble.wait_for("at 44100 Hz")
    trouble.heard_well(trouble.call())
    assert trouble.live.count("it may have been unplugged") == 1


def test_a_load_is_planned_for_told_and_over_when_it_is_over(trouble: Trouble) -> None:
    """What the machine itself was busy with before may have been planned for and told already."""

    def told() -> bool:
        log = trouble.live.log
        return log.rfind("more delay so that nothing stutters.") > log.rfind("the delay is as before.")

    call = trouble.call()
    with busy():
        wait_until(told, _PATIENCE_S)
    wait_until(lambda: not told(), _LONGEST_CALM_S + _PATIENCE_S)
    trouble.heard_well(call)


@dataclass
class Cable:
    """A PulseAudio with somebody who speaks into its microphone, and the product between that and a call."""

    pulse: PulseServer
    live: Live
    folder: Path

    def speak(self) -> subprocess.Popen[bytes]:
        """Noise into what the system's microphone hears."""
        noise = self.folder / "noise.raw"
        white_noise(_CALL_S).tofile(noise)
        return self._stream("pacat", "--playback", "--device=room", str(noise))

    def hears(self) -> np.ndarray:
        """What the call gets from 'Menura Microphone' now, until there is sound in it; (n,) float32."""
        file = self.folder / "heard.raw"
        file.write_bytes(b"")
        listener = self._stream("parec", "--device=menura_microphone", str(file))
        try:
            wait_until(lambda: mostly_sound(np.fromfile(file, np.float32)[-24_000:]), _PATIENCE_S)
        finally:
            listener.kill()
            listener.wait()
        return np.fromfile(file, np.float32)

    def _stream(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        options = ["--rate=48000", "--channels=1", "--format=float32le", "--raw", "--latency-msec=20"]
        return subprocess.Popen([program, *options, *arguments], stderr=subprocess.DEVNULL)


def _again(cable: Cable, harm: Callable[[], None]) -> None:
    """Does harm; the call must hear the voice again, told in one line, and never the microphone."""
    before = cable.live.count("Back to normal.")
    harm()
    wait_until(lambda: cable.live.count("Back to normal.") > before, _PATIENCE_S)
    assert virtual_mic.exists()
    speaker = cable.speak()
    try:
        heard = cable.hears()
    finally:
        speaker.kill()
        speaker.wait()
    assert not is_part_of(white_noise(_CALL_S), heard[-4800:])


def test_the_virtual_microphone_outlasts_its_sound_server_and_its_own_removal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both take 'Menura Microphone' away from the call; the engine makes it again and goes on."""
    monkeypatch.setenv("PULSE_SOURCE", "room.monitor")
    with PulseServer(tmp_path, monkeypatch, sinks=("room",)) as pulse:
        env = {"MENURA_HOME": str(tmp_path)}
        with Live(None, tmp_path, *_VOICE, output=virtual_mic.DEVICE, env=env) as live:
            cable = Cable(pulse, live, tmp_path)
            _again(cable, virtual_mic.remove)
            _again(cable, pulse.restart)
        assert live.report["stream_restarts"] == 2
