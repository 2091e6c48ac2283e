"""The process that converts: a block loop, and a thread that makes voices ready beside it."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import time
import traceback
from collections import deque
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Semaphore
from queue import Queue

import numpy as np

from audio.priority import raise_priority
from inference.converter import HOP, MODEL_RATE, Converter
from inference.engine.internal import (
    Attach,
    Attached,
    Detach,
    Detached,
    Fault,
    Ready,
    UseParams,
    UseVoice,
    WorkerCommand,
)
from inference.engine.messages import EngineParams, VoiceFailed, VoiceReady
from inference.engine.session import Session
from inference.engine.shared import SharedBlock
from inference.registry import UnsupportedVoiceError, make_converter
from voices.builtin import model_free_voices
from voices.tuning import Tuning
from voices.voice import Voice

SWITCH_S = 0.0005
"""How soon a thread hands over the interpreter's lock when the other wants it: with Python's own 5 ms the
thread that builds a voice keeps a hop in 200 waiting beyond 5 ms (docs/soak.md)."""

_REST_S = 0.003
"""Between the hops of a piece that came at once: computed in one go it keeps the sound server waiting, and
PulseAudio then took no sound for 1 to 2 s (measured)."""

_BREATH_AFTER_S, _BREATH_S = 0.05, 0.00005
"""Work without a pause, and the pause. What has piled up is computed in one go, and a real-time thread that
never sleeps for 0.1 s would lose its class (`audio.priority_keeper`)."""

_MOST_ORDERS = 64
"""Voices and streams asked for and not made ready yet; more of them wait in the pipe."""


def main(shared_name: str, conn: Connection, wake: Semaphore) -> None:
    """Runs until `conn` closes. A failure in the block loop is told and ends the process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.setswitchinterval(SWITCH_S)
    worker = _Worker(SharedBlock.attach(shared_name), conn)
    threading.Thread(target=worker.listen, name="control", daemon=True).start()
    raise_priority("worker")
    # The loop makes no reference cycles; a collection would come at the worst time.
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        worker.loop(wake)
    except Exception as error:  # noqa: BLE001 - the last line of defence: silence, a reason, a new process
        conn.send(_fault(error))


def _fault(error: Exception) -> Fault:
    """The exception being handled, for the supervisor."""
    return Fault(f"{type(error).__name__}: {error}", traceback.format_exc())


class _Worker:
    """State of the process. `listen` runs in the control thread, `_build` in one that it starts, `loop` in
    the main thread.

    What was made ready waits in `_inbox`; deque's append and popleft are atomic. `_streams` guards how many
    streams were `_asked` for, `_made`, and `_closed` up to; the main thread never takes it.
    """

    def __init__(self, shared: SharedBlock, conn: Connection) -> None:
        self._shared = shared
        self._conn = conn
        self._orders: Queue[WorkerCommand] = Queue(_MOST_ORDERS)
        self._streams = threading.Lock()
        self._asked = self._made = self._closed = 0
        self._inbox: deque[Session | Converter | Detach] = deque()
        self._params = EngineParams()
        self._converter: Converter | None = None
        self._compute_s = 0.0
        self._session: Session | None = None
        shared["telemetry"]["running"] = 0.0

    def loop(self, wake: Semaphore) -> None:
        """Converts at each wake-up. The supervisor wakes it too, ten times a second."""
        rested = time.monotonic()
        while True:
            if not wake.acquire(block=False):
                wake.acquire()
                rested = time.monotonic()
            self._look_in()
            while self._session is not None and self._session.step(self._params):
                if self._session.ahead:
                    time.sleep(_REST_S)
                    rested = time.monotonic()
                    self._look_in()
                elif time.monotonic() - rested > _BREATH_AFTER_S:
                    time.sleep(_BREATH_S)
                    rested = time.monotonic()

    def _look_in(self) -> None:
        while self._inbox:
            self._accept(self._inbox.popleft())

    def _accept(self, item: Session | Converter | Detach) -> None:
        if isinstance(item, Session):
            item.begin()
            self._session = item
            self._conn.send(Attached())
        elif isinstance(item, Detach):
            self._session = None
            self._shared["telemetry"]["running"] = 0.0
            self._conn.send(Detached())
        elif self._session is not None:
            self._session.chain.swap(item)

    def listen(self) -> None:
        """Takes commands until the supervisor is gone, then ends the process.

        A thread that other programs may push aside while it holds the interpreter's lock would keep the
        block loop waiting for as long: 70 to 110 ms while the first network is loaded, 7 with a priority.
        """
        raise_priority("builder")
        threading.Thread(target=self._build, name="builder", daemon=True).start()
        try:
            self._conn.send(Ready())
            while True:
                command = self._conn.recv()
                if isinstance(command, UseParams | Detach):
                    # Whoever mutes or stops is not kept waiting for a voice that loads.
                    self._obey(command)
                else:
                    self._asked += isinstance(command, Attach)
                    self._orders.put(command)
        except (EOFError, OSError):
            # The supervisor is gone. No clean-up is owed: the output ring runs dry, which is silence.
            os._exit(0)
        except Exception as error:  # noqa: BLE001 - a deaf worker would hang; a new one is told what failed
            self._fail(error)

    def _build(self) -> None:
        """Carries out in their order the commands that may take long; a failure ends the process."""
        raise_priority("builder")
        try:
            while True:
                self._obey(self._orders.get())
        except Exception as error:  # noqa: BLE001 - as in `listen`
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        with suppress(OSError):
            self._conn.send(_fault(error))
        os._exit(1)

    def _obey(self, command: WorkerCommand) -> None:
        match command:
            case UseParams(params):
                self._params = params
            case UseVoice(voice):
                self._use(voice)
            case Attach(info, speaker_hz):
                if self._converter is None:
                    self._use(model_free_voices()[0])
                assert self._converter is not None
                session = Session(self._shared, info, self._converter, self._compute_s, speaker_hz)
                with self._streams:
                    self._made += 1
                    if self._made > self._closed:
                        self._inbox.append(session)
            case Detach():
                with self._streams:
                    self._closed = self._asked
                    self._inbox.append(command)

    def _use(self, voice: Voice) -> None:
        """Builds and warms up the voice here, beside the running one."""
        try:
            converter = make_converter(voice)
            converter.warm_up()
            self._compute_s = time_hop(converter)
        except UnsupportedVoiceError as error:
            self._conn.send(VoiceFailed(voice.id, str(error)))
            return
        except Exception as error:  # noqa: BLE001 - runtimes raise what they like; the voice before goes on
            self._conn.send(VoiceFailed(voice.id, f"The voice '{voice.name}' could not be loaded ({error})."))
            return
        self._converter = converter
        self._inbox.append(converter)
        self._conn.send(VoiceReady(voice.id))


def time_hop(converter: Converter, hops: int = 20) -> float:
    """Seconds a hop takes here; the converter forgets them.

    The block loop, and other programs where there are no priorities, stretch some hops: of CPU time the
    longest but one of `hops` counts, of the clock's (what computes elsewhere: Core ML) the lower quartile.
    """
    hum = (0.1 * np.sin(2 * np.pi * 120 / MODEL_RATE * np.arange(hops * HOP))).astype(np.float32)
    own, clock = [], []
    for block in hum.reshape(hops, HOP):
        begin, begin_own = time.perf_counter(), time.thread_time()
        converter.process(block, Tuning())
        own.append(time.thread_time() - begin_own)
        clock.append(time.perf_counter() - begin)
    converter.reset()
    return max(sorted(own)[-2], sorted(clock)[hops // 4])
