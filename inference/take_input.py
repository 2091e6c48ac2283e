"""The recording process's side of the pipe: microphone stream, meter, advice, recorder."""

from __future__ import annotations

import signal
import sys
from multiprocessing.connection import Connection
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audio.devices import DeviceError, choose_rate, find_device, portaudio, refresh
from audio.recorder import Recorder, RecordingEnded, RecordingError, Source
from audio.ring import Ring
from inference.quality.live import Advice, LiveCoach
from inference.takes import (
    OPEN,
    PEAK,
    RMS,
    SECONDS,
    SPEECH,
    Command,
    Finish,
    Listen,
    Record,
    TakeEnded,
    TakeFailed,
)

_TICK_S = 0.04
_RING = 1 << 19
"""Samples on their way to the disk: 10.9 s at 48 kHz, for a disk that is busy."""

_METER = 1 << 17
_WAIT_S = 60.0
_SWITCH_S = 5e-4
"""How long the callback may wait for the interpreter lock."""


class Microphone:
    """Handles commands; lives in the recording process, in one thread beside PortAudio's callback."""

    def __init__(self, conn: Connection, status: Any) -> None:
        self._conn = conn
        self._status = status
        self._stream: Any = None
        self._rate = 0
        self._take, self._meter = Ring.create(_RING), Ring.create(_METER)
        self._lost = np.zeros(1, np.int64)
        self._recording = np.zeros(1, np.int64)
        self._recorder: Recorder | None = None
        self._ended: SimpleQueue[RecordingEnded] = SimpleQueue()
        self._coach = LiveCoach(48_000)
        self._advice = Advice("")
        self._block = np.zeros(_METER, np.float32)

    def serve(self) -> None:
        """Works until the window closes the pipe; then finishes what is being recorded."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        # Whoever ends the window's process ends this one: the take is finished first.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit())
        # No real-time priority here: writing FLAC must never come before a call's worker.
        sys.setswitchinterval(_SWITCH_S)
        try:
            while True:
                while self._conn.poll(_TICK_S if self._stream or self._recorder else None):
                    self._handle(self._conn.recv())
                self._measure()
        except (EOFError, OSError, SystemExit):
            self._finish(keep=True, tell=False)

    def _handle(self, command: Command) -> None:
        try:
            match command:
                case Listen(device):
                    self._open(device)
                case Record(folder):
                    self._record(folder)
                case Finish(keep):
                    self._finish(keep)
        except (DeviceError, RecordingError) as error:
            self._close()
            self._conn.send(TakeFailed(str(error)))

    def _open(self, name: str | None) -> None:
        """Opens the microphone anew. Raises DeviceError."""
        self._finish(keep=True)
        sd = portaudio()
        refresh()
        device = find_device(name, "input")
        self._rate = choose_rate(device, None)
        self._coach = LiveCoach(self._rate)
        self._meter.skip(self._meter.fill)
        try:
            self._stream = sd.InputStream(
                device=device.index,
                samplerate=self._rate,
                channels=1,
                dtype="float32",
                latency="high",
                callback=self._callback,
            )
            self._stream.start()
        except sd.PortAudioError as error:
            raise DeviceError(
                f"The microphone '{device.label}' would not open ({error.args[0]}). If a call uses it, "
                "stop the call while you record, or choose another microphone."
            ) from error
        self._status[OPEN] = 1.0

    def _callback(self, indata: NDArray[np.float32], frames: int, _time: Any, _status: Any) -> None:
        mono = indata[:, 0]
        self._meter.push(mono)
        if self._recording[0]:
            self._lost[0] += frames - self._take.push(mono)

    def _record(self, folder: Path) -> None:
        """Begins a take. Raises RecordingError."""
        if self._stream is None or self._recorder is not None:
            return
        source = Source("take", self._take, lambda: self._rate, lambda: int(self._lost[0]))
        self._recorder = Recorder(folder, [source], self._ended.put)
        self._coach.forget_speech()
        self._recorder.start()
        self._recording[0] = 1

    def _measure(self) -> None:
        """Tells the window level, length and advice; and that the disk has ended the take."""
        got = self._meter.pop_into(self._block)
        if got:
            self._coach.take(self._block[:got])
            self._status[PEAK], self._status[RMS] = self._coach.peak, self._coach.rms
        if self._recorder is not None:
            self._status[SECONDS] = self._recorder.seconds
            self._status[SPEECH] = self._coach.speech_s
        advice = self._coach.advice()
        if self._stream is not None and advice != self._advice:
            self._advice = advice
            self._conn.send(advice)
        if not self._ended.empty():
            self._finish(keep=True)
        if self._stream is not None and not self._stream.active:
            self._finish(keep=True)
            self._conn.send(TakeFailed("The microphone went away; what was recorded is kept."))

    def _finish(self, keep: bool, tell: bool = True) -> None:
        """Ends the take, if there is one, and closes the microphone."""
        self._recording[0] = 0
        recorder, self._recorder = self._recorder, None
        self._close()
        if recorder is None:
            return
        recorder.stop()
        recorder.wait(_WAIT_S)
        try:
            ended = self._ended.get(timeout=1.0)
        except Empty:
            problem = "The disk is busy; the take will be offered later."
            ended = RecordingEnded((), recorder.seconds, 0, problem)
        if not keep:
            for file in ended.files:
                file.unlink(missing_ok=True)
        elif tell:
            self._conn.send(TakeEnded(ended.files, ended.seconds, ended.problem))

    def _close(self) -> None:
        self._status[OPEN] = self._status[PEAK] = self._status[RMS] = 0.0
        stream, self._stream = self._stream, None
        if stream is None:
            return
        sd = portaudio()
        try:
            stream.abort()
            stream.close()
        except sd.PortAudioError:
            # A device that is already gone cannot be closed; its resources went with it.
            return
