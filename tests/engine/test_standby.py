"""A process in store: it becomes whatever is wanted, once, and leaves nothing behind."""

from __future__ import annotations

import multiprocessing as mp
import sys
from collections.abc import Iterator

import psutil
import pytest

from inference.engine import entry
from inference.engine.child import Child
from inference.engine.internal import Loaded, Lost, Ready, UseVoice
from inference.engine.messages import StreamConfig, VoiceReady
from inference.engine.shared import SharedBlock
from inference.engine.standby import Standby
from tests.rig.caller import wait_until
from voices.builtin import find_voice

PATIENCE_S = 60.0


@pytest.fixture
def standby() -> Iterator[Standby]:
    shared = SharedBlock.create()
    made = Standby(shared, mp.get_context("spawn").Semaphore(0))
    yield made
    made.close()
    shared.close()
    shared.unlink()


def says(child: Child) -> object:
    """The next message of a process."""
    assert child.conn.poll(PATIENCE_S)
    return child.conn.recv()


def test_the_one_in_store_becomes_the_worker(standby: Standby) -> None:
    standby.prepare(0.0)
    standby.prepare(0.1)
    assert standby.child
    stored = standby.child.pid
    worker = standby.take(entry.worker)
    try:
        worker.send(UseVoice(find_voice("deep")))
        assert [says(worker), says(worker)] == [Ready(), VoiceReady("deep")]
        assert worker.pid == stored
        assert standby.child is None
    finally:
        worker.close(patience_s=0.0)


def test_it_becomes_the_audio_process_with_a_fresh_list_of_devices(standby: Standby) -> None:
    """Nothing may have asked the audio system before: it is asked once, when its library is loaded."""
    standby.prepare(0.0)
    assert standby.child
    stored = standby.child.pid
    audio = standby.take(entry.audio, StreamConfig(input_device="no such microphone"))
    try:
        assert says(audio) == Loaded()
        lost = says(audio)
        assert isinstance(lost, Lost)
        assert "input device" in lost.reason
        assert audio.pid == stored
    finally:
        audio.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what a process has mapped")
def test_while_it_waits_it_has_neither_the_audio_library_nor_the_rings(standby: Standby) -> None:
    standby.prepare(0.0)
    assert standby.child
    process = psutil.Process(standby.child.pid)

    def maps() -> str:
        return "\n".join(part.path for part in process.memory_maps())

    wait_until(lambda: "_flapack" in maps(), PATIENCE_S)  # the last code that a worker loads
    assert "portaudio" not in maps()
    assert "/dev/shm/psm_" not in maps()


def test_one_that_died_is_replaced_when_it_is_wanted_and_not_started_for_ever(standby: Standby) -> None:
    standby.prepare(0.0)
    assert standby.child
    first = standby.child
    psutil.Process(first.pid).kill()
    wait_until(lambda: not first.alive, PATIENCE_S)
    standby.prepare(1.0)
    standby.prepare(2.0)
    assert standby.child is None
    worker = standby.take(entry.worker)
    assert says(worker) == Ready()
    worker.close(patience_s=0.0)
    standby.prepare(100.0)
    assert standby.child


def test_one_that_died_unnoticed_is_not_taken(standby: Standby) -> None:
    standby.prepare(0.0)
    assert standby.child
    first = standby.child
    psutil.Process(first.pid).kill()
    wait_until(lambda: not first.alive, PATIENCE_S)
    worker = standby.take(entry.worker)
    try:
        assert worker.pid != first.pid
        assert says(worker) == Ready()
    finally:
        worker.close(patience_s=0.0)


def test_it_ends_when_nobody_is_left_to_tell_it_anything(standby: Standby) -> None:
    standby.prepare(0.0)
    assert standby.child
    process = psutil.Process(standby.child.pid)
    standby.child.conn.close()
    assert not psutil.wait_procs([process], timeout=PATIENCE_S)[1]
