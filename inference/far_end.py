"""Records what the far end of a call gets: a virtual cable's microphone end, opened as a call opens it.

In a small process of its own: PortAudio does not run in the window's.
"""

from __future__ import annotations

import multiprocessing as mp
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audio.devices import DeviceError, choose_rate, find_device, portaudio, refresh
from inference.background import uninterrupted

LONGEST_S = 30.0
"""A recording ends by itself after this."""

_FIRST_S = 5.0
"""A device that has given nothing by then will not."""

_TIMED_OUT = -9987
"""PortAudio's paTimedOut: its thread did not run for seconds, which a busy machine does once in a while."""


@dataclass(frozen=True)
class Recording:
    """`samples`: (n,) float32 at `rate` Hz; sample i could be had at `began_at` + i / rate, the earliest.

    `began_at` is in perf_counter seconds, which all processes of a machine share.
    """

    samples: NDArray[np.float32]
    rate: int
    began_at: float


@dataclass(frozen=True)
class Listening:
    """The device delivers."""


@dataclass(frozen=True)
class FarEndFailed:
    """It cannot be recorded; `reason` is a sentence for the user."""

    reason: str


Event = Listening | Recording | FarEndFailed


class FarEnd:
    """One recording. One thread uses it; no call waits.

    >>> far_end = FarEnd("BlackHole 2ch · Core Audio")
    >>> far_end.poll()                # Listening, when it delivers
    >>> far_end.finish()              # then poll gives the Recording
    """

    def __init__(self, device: str) -> None:
        context = mp.get_context("spawn")
        self._conn, theirs = context.Pipe()
        self._process: Any = context.Process(
            target=run, args=(theirs, device), daemon=True, name="menura far end"
        )
        self._over = False
        # Starting a process takes longer than a frame.
        self._starter = ThreadPoolExecutor(1, "menura far end")
        self._starter.submit(self._start, theirs)

    def _start(self, theirs: Connection) -> None:
        with uninterrupted():
            self._process.start()
        theirs.close()

    def poll(self) -> list[Event]:
        """Returns what happened since the last call; a Recording or FarEndFailed is the last of all."""
        found: list[Event] = []
        try:
            while not self._over and self._conn.poll():
                found.append(self._conn.recv())
                self._over = not isinstance(found[-1], Listening)
        except (EOFError, OSError):
            self._over = True
            found.append(FarEndFailed("The recorder of the far end stopped unexpectedly; check again."))
        return found

    def finish(self) -> None:
        """Ends the recording; `poll` hands it out."""
        self._starter.submit(self._ask)

    def _ask(self) -> None:
        try:
            self._conn.send(None)
        except OSError:
            # Its end is noticed, and told, by `poll`.
            return

    def close(self) -> None:
        """Ends the process, without waiting for what it records."""
        self._starter.shutdown(wait=True)
        self._conn.close()
        if self._process.pid is not None:
            self._process.terminate()
            self._process.join(timeout=2.0)


def run(conn: Connection, device: str) -> None:
    """The recording process: until it is asked to finish, or `conn` closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        stream, tape = _open(device)
        _await_first(tape, conn, device)
        conn.send(Listening())
        conn.poll(LONGEST_S)
        stream.abort()
        stream.close()
        conn.send(tape.recording())
    except DeviceError as error:
        conn.send(FarEndFailed(str(error)))
    except (EOFError, OSError):
        # Nobody waits for it any more.
        return


def _await_first(tape: Tape, conn: Connection, device: str) -> None:
    """Returns when the device has delivered. Raises DeviceError when it does not."""
    end = time.monotonic() + _FIRST_S
    while not tape.count:
        if time.monotonic() > end:
            raise DeviceError(f"'{device}' delivers no sound: restart the audio system, then check again.")
        conn.poll(0.02)


def _open(name: str, attempts: int = 2) -> tuple[Any, Tape]:
    """Opens the device and begins to record. Raises DeviceError."""
    sd = portaudio()
    refresh()
    device = find_device(name, "input")
    tape = Tape(choose_rate(device, None))
    stream = None
    try:
        stream = sd.InputStream(
            device=device.index,
            samplerate=tape.rate,
            channels=1,
            dtype="float32",
            latency="low",
            callback=tape.callback,
        )
        stream.start()
    except sd.PortAudioError as error:
        if stream:
            stream.close(ignore_errors=True)
        if attempts > 1 and _TIMED_OUT in error.args[1:2]:
            return _open(name, attempts - 1)
        raise DeviceError(
            f"'{device.label}' cannot be recorded ({error.args[0]}): allow Menura to use microphones in the "
            "system's privacy settings, and close programs that use it alone."
        ) from error
    return stream, tape


class Tape:
    """What the stream gave and when: room for `LONGEST_S`, filled by its callback."""

    def __init__(self, rate: int) -> None:
        """`rate` in Hz."""
        self.rate = rate
        self.count = 0
        self._samples = np.zeros(round((LONGEST_S + _FIRST_S) * rate), np.float32)
        self._earliest = np.inf

    def callback(self, indata: NDArray[np.float32], frames: int, _time: Any, _status: Any) -> None:
        """PortAudio's: (frames, 1)."""
        now = time.perf_counter()
        room = self._samples[self.count : self.count + frames]
        room[:] = indata[: len(room), 0]
        # Callbacks come late, never early: the earliest says where the device's clock stands.
        self._earliest = min(self._earliest, now - (self.count + frames) / self.rate)
        self.count += len(room)

    def recording(self) -> Recording:
        """What there is, NaN and infinity as 0."""
        samples = np.nan_to_num(self._samples[: self.count], nan=0.0, posinf=0.0, neginf=0.0)
        return Recording(samples, self.rate, float(self._earliest))
