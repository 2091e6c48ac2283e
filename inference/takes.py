"""Records takes for enrolment from a microphone, in a small process beside the window's.

The engine and its streams are not touched: the process opens the microphone a second time. There nothing
keeps a PortAudio callback waiting, and a crash of the window leaves what was recorded as chunks that
`audio.recorder.recover` joins.
"""

from __future__ import annotations

from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.sharedctypes import RawArray
from pathlib import Path
from typing import Any

from inference.companion import Companion
from inference.quality.live import Advice

PEAK, RMS, SECONDS, SPEECH, OPEN = range(5)
"""Places in the status that the process writes and the window reads."""


@dataclass(frozen=True)
class Listen:
    """Opens the microphone (None: the system's) and measures it."""

    device: str | None


@dataclass(frozen=True)
class Record:
    """Records into `folder` what comes from now on."""

    folder: Path


@dataclass(frozen=True)
class Finish:
    """Ends the take and closes the microphone; `keep` False throws the take away."""

    keep: bool = True


Command = Listen | Record | Finish


@dataclass(frozen=True)
class TakeEnded:
    """`files`: what was recorded, FLAC at the microphone's rate. `problem`: a sentence, or empty."""

    files: tuple[Path, ...]
    seconds: float
    problem: str = ""


@dataclass(frozen=True)
class TakeFailed:
    """The microphone cannot be used; `reason` is a sentence for the user."""

    reason: str


Event = TakeEnded | TakeFailed | Advice


class TakeRecorder:
    """Steers the process, which starts with the first `listen`. One thread uses it; no call waits.

    >>> takes = TakeRecorder()
    >>> takes.listen(None)                  # level, and advice from `poll`
    >>> takes.record(home() / "takes")
    >>> takes.finish()                      # `poll` gives a TakeEnded
    """

    def __init__(self) -> None:
        self._status: Any = RawArray("d", 5)
        self._process = Companion("menura takes", run, self._status, begins=Listen)

    @property
    def peak(self) -> float:
        """Highest sample of the last moment, linear."""
        return float(self._status[PEAK])

    @property
    def rms(self) -> float:
        """Level of the last moment, linear."""
        return float(self._status[RMS])

    @property
    def seconds(self) -> float:
        """Length of the take so far."""
        return float(self._status[SECONDS])

    @property
    def speech_s(self) -> float:
        """Seconds of it that are speech, roughly."""
        return float(self._status[SPEECH])

    @property
    def open(self) -> bool:
        """Whether the microphone delivers."""
        return bool(self._status[OPEN])

    def listen(self, device: str | None) -> None:
        """Opens the microphone: stable name, None for the system's."""
        self._process.send(Listen(device))

    def record(self, folder: Path) -> None:
        """Begins the take."""
        self._status[SECONDS] = self._status[SPEECH] = 0.0
        self._process.send(Record(folder))

    def finish(self, keep: bool = True) -> None:
        """Ends it."""
        self._process.send(Finish(keep))

    def poll(self) -> list[Event]:
        """Returns what happened since the last call."""
        found: list[Event]
        found, gone = self._process.poll()
        if gone:
            self._status[OPEN] = 0.0
            found.append(TakeFailed("The recorder stopped unexpectedly; what was recorded is kept."))
        return found

    def close(self) -> None:
        """Ends the process, which finishes the take it is at; what is asked for later is passed over."""
        self._process.close(patience_s=5.0, terminate=False)


def run(conn: Connection, status: Any) -> None:
    """The recording process: until the other end of `conn` is closed."""
    from inference.take_input import Microphone

    Microphone(conn, status).serve()
