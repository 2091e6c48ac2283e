"""The engine's processes without a device: failing in a sentence, coming back, leaving nothing behind."""

from __future__ import annotations

import multiprocessing as mp
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing.shared_memory import SharedMemory
from types import SimpleNamespace

import psutil
import pytest

from inference.engine.client import EngineClient
from inference.engine.internal import Attach, Attached, Detach, Detached, Opened, StreamInfo
from inference.engine.live import LiveError, LiveSession
from inference.engine.messages import (
    DevicesListed,
    EngineParams,
    EngineState,
    Event,
    Start,
    StateChanged,
    Stop,
    StreamConfig,
    StreamsOpened,
    VoiceFailed,
    VoiceReady,
)
from inference.engine.shared import SharedBlock
from inference.engine.supervisor import Supervisor
from voices.builtin import find_voice
from voices.tuning import Tuning
from voices.voice import Voice, VoiceKind

NO_DEVICE = StreamConfig(input_device="no such microphone")
PATIENCE_S = 60.0


def wait_for(condition: Callable[[], object]) -> None:
    """Returns once `condition()` holds; fails after a minute."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)


class Listener:
    """Collects the events of a client."""

    def __init__(self, client: EngineClient) -> None:
        self._client = client
        self.events: list[Event] = []

    def wait(self, kind: type, **wanted: object) -> Event:
        """The next event of this kind with these values."""

        def fits(event: Event) -> bool:
            return isinstance(event, kind) and all(getattr(event, k) == v for k, v in wanted.items())

        found: list[Event] = []

        def look() -> bool:
            self.events += self._client.poll()
            found[:] = [event for event in self.events if fits(event)]
            return bool(found)

        wait_for(look)
        self.events.remove(found[0])
        return found[0]


@pytest.fixture(scope="module")
def engine() -> Iterator[EngineClient]:
    with EngineClient() as client:
        yield client


@pytest.fixture
def listener(engine: EngineClient) -> Listener:
    engine.poll()
    return Listener(engine)


def test_an_unknown_device_fails_in_a_sentence(engine: EngineClient, listener: Listener) -> None:
    engine.start(NO_DEVICE)
    listener.wait(StateChanged, state=EngineState.STARTING)
    failed = listener.wait(StateChanged, state=EngineState.FAILED)
    assert "input device" in failed.reason
    assert failed.reason.endswith(".")
    assert "Traceback" not in failed.reason
    assert not engine.telemetry().running


def test_it_can_be_started_again_after_failing(engine: EngineClient, listener: Listener) -> None:
    for _ in range(2):
        engine.start(NO_DEVICE)
        listener.wait(StateChanged, state=EngineState.FAILED)
    engine.stop()
    listener.wait(StateChanged, state=EngineState.STOPPED)


def test_a_voice_is_made_ready(engine: EngineClient, listener: Listener) -> None:
    engine.set_voice(find_voice("child"))
    listener.wait(VoiceReady, voice_id="child")


def test_a_voice_that_cannot_be_made_fails_in_a_sentence(engine: EngineClient, listener: Listener) -> None:
    engine.set_voice(Voice("odd", "Odd", "No embedding.", VoiceKind.NEURAL))
    failed = listener.wait(VoiceFailed, voice_id="odd")
    assert failed.reason
    engine.set_voice(find_voice("deep"))
    listener.wait(VoiceReady, voice_id="deep")


def test_a_killed_worker_comes_back_with_its_voice(engine: EngineClient, listener: Listener) -> None:
    engine.set_voice(find_voice("robot"))
    listener.wait(VoiceReady, voice_id="robot")
    before, restarts = engine.pids["worker"], engine.telemetry().worker_restarts
    os.kill(before, signal.SIGKILL)
    listener.wait(VoiceReady, voice_id="robot")
    assert engine.pids["worker"] != before
    assert engine.telemetry().worker_restarts == restarts + 1


def test_devices_are_listed(engine: EngineClient, listener: Listener) -> None:
    engine.request_devices()
    listed = listener.wait(DevicesListed)
    assert isinstance(listed.devices, tuple)
    assert listed.problem == "" or listed.problem.endswith(".")


class Gone:
    """A process as the supervisor sees it; it only notes what it is told."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def send(self, message: object) -> None:
        self.told.append(message)

    def close(self) -> None:
        """Nothing to end."""


def test_streams_that_are_stopped_before_they_are_attached_stay_stopped() -> None:
    """As when a voice is still loading while its user starts and stops."""
    shared = SharedBlock(SimpleNamespace(buf=bytearray(SharedBlock.size()), name="in this process"))
    said: list[Event] = []
    supervisor = Supervisor(shared, mp.Pipe()[1], said.append)
    worker, audio = Gone(), Gone()
    supervisor._worker, supervisor._audio = worker, audio  # type: ignore[assignment]
    supervisor._obey(Start(NO_DEVICE))
    supervisor._audio = audio  # type: ignore[assignment]
    streams = StreamsOpened("a", "b", None, 48_000, 0, True)
    supervisor._hear(Opened(streams, StreamInfo(48_000, 48_000, 0, True, 0.0, 0.0)))
    supervisor._obey(Stop())
    assert [type(message) for message in worker.told] == [Attach, Detach]
    supervisor._hear(Attached())
    supervisor._hear(Detached())
    assert said[-1] == StateChanged(EngineState.STOPPED)


def test_params_may_be_sent_at_any_time(engine: EngineClient) -> None:
    for pitch in range(100):
        engine.set_params(EngineParams(tuning=Tuning(pitch % 24)))
    assert engine.telemetry().running is False


def test_a_live_session_without_its_device_is_one_sentence() -> None:
    session = LiveSession(NO_DEVICE, find_voice("deep"), EngineParams(), lambda _: None)
    with pytest.raises(LiveError, match="input device"):
        session.run(1.0, bypass=False)


def test_close_ends_the_processes_and_frees_the_memory() -> None:
    client = EngineClient()
    wait_for(lambda: "worker" in client.pids)
    pids, name = client.pids, client._shared.name
    client.close()
    client.close()
    wait_for(lambda: not any(_runs(pid) for pid in pids.values()))
    with pytest.raises(FileNotFoundError):
        SharedMemory(name=name)
    client.stop()


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


_STUDIO = """
import sys, time
from inference.engine.client import EngineClient
if __name__ == "__main__":
    client = EngineClient()
    while "worker" not in client.pids:
        time.sleep(0.01)
    time.sleep(float(sys.argv[1]))
    print(client.pids["worker"], flush=True)
    time.sleep(60)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("after_s", [0.0, 3.0], ids=["while starting", "later"])
def test_children_end_when_the_studio_is_killed(tmp_path, after_s: float) -> None:
    (tmp_path / "studio.py").write_text(_STUDIO)
    studio = subprocess.Popen(
        [sys.executable, str(tmp_path / "studio.py"), str(after_s)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        worker = int(studio.stdout.readline())
        assert _runs(worker)
        studio.kill()
        studio.wait(10)
        wait_for(lambda: not _runs(worker))
    finally:
        studio.kill()
        studio.wait()
        studio.stdout.close()
