"""Plays takes and recordings on a device of its own choosing, from a small process beside the window's.

There nothing keeps a PortAudio callback waiting. The process mixes `AHEAD_S` ahead into a ring; the
callback copies it out (audio/streams.py). The engine and its streams are not touched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.sharedctypes import RawArray
from pathlib import Path
from typing import Any

from inference.companion import Companion
from inference.replay_mixer import Samples

AHEAD_S = 0.08
"""Sound mixed ahead: what a switch is late by, and what a busy machine may take away unheard."""

_TICK_S = 0.01
POSITION, PLAYING, UNDERRUNS, OPEN = range(4)
"""Places in the status that the process writes and the player reads."""


@dataclass(frozen=True)
class Load:
    """What to play: takes of one length at `rate` Hz, or one sound file; stops what plays.

    `device` is a stable name, None the system's output.
    """

    takes: tuple[Samples, ...] = ()
    rate: int = 0
    file: Path | None = None
    device: str | None = None


@dataclass(frozen=True)
class Select:
    """Which take is heard."""

    index: int


@dataclass(frozen=True)
class Loop:
    """Plays [start_s, stop_s), again and again if `repeats`."""

    start_s: float
    stop_s: float
    repeats: bool = True


@dataclass(frozen=True)
class Seek:
    """Goes on at `seconds`."""

    seconds: float


@dataclass(frozen=True)
class Play:
    """Opens the device where it is closed, and plays or pauses."""

    on: bool


Command = Load | Select | Loop | Seek | Play


@dataclass(frozen=True)
class PlayerFailed:
    """Nothing can be heard; `reason` is a sentence for the user."""

    reason: str


class Player:
    """Steers the process, which starts with the first `load`. One thread uses it; no call waits.

    >>> player = Player()
    >>> player.load([own, converted], 24_000, device=None)
    >>> player.play()
    >>> player.select(1)
    >>> player.position_s, player.playing
    """

    def __init__(self) -> None:
        self._status: Any = RawArray("d", 4)
        self._process = Companion("menura player", run, self._status, begins=Load)

    def load(self, takes: Sequence[Samples], rate: int, device: str | None) -> None:
        """Takes over what to play: (n,) float32 each; silent until `play`."""
        self._status[PLAYING] = 0.0
        self._process.send(Load(tuple(takes), rate, None, device))

    def load_file(self, path: Path, device: str | None) -> None:
        """Plays a sound file instead, once through."""
        self._status[PLAYING] = 0.0
        self._process.send(Load((), 0, path, device))

    def select(self, index: int) -> None:
        """Cross-fades to a take."""
        self._process.send(Select(index))

    def loop(self, start_s: float, stop_s: float, repeats: bool = True) -> None:
        """Plays a part, again and again."""
        self._process.send(Loop(start_s, stop_s, repeats))

    def seek(self, seconds: float) -> None:
        """Goes on elsewhere."""
        self._process.send(Seek(seconds))

    def play(self) -> None:
        """Plays on."""
        self._status[PLAYING] = 1.0
        self._process.send(Play(True))

    def pause(self) -> None:
        """Falls silent."""
        self._status[PLAYING] = 0.0
        self._process.send(Play(False))

    @property
    def position_s(self) -> float:
        """Where playback is, in seconds of the takes."""
        return float(self._status[POSITION])

    @property
    def playing(self) -> bool:
        """Whether it plays or is about to."""
        return bool(self._status[PLAYING])

    @property
    def underruns(self) -> int:
        """Callbacks that found too little."""
        return int(self._status[UNDERRUNS])

    @property
    def audible(self) -> bool:
        """Whether the device is open."""
        return bool(self._status[OPEN])

    def poll(self) -> list[PlayerFailed]:
        """Returns what went wrong since the last call."""
        found, gone = self._process.poll()
        if gone:
            found.append(PlayerFailed("The player stopped unexpectedly; press Play again."))
        if found:
            self._status[PLAYING] = 0.0
        return found

    def close(self) -> None:
        """Ends the process."""
        self._process.close(patience_s=2.0, terminate=True)


def run(conn: Connection, status: Any) -> None:
    """The player's process: until the other end of `conn` is closed."""
    from inference.replay_output import Output, PlaybackError

    output = Output(status)
    try:
        while True:
            try:
                while conn.poll(_TICK_S if output.open else None):
                    output.handle(conn.recv())
                output.advance()
            except PlaybackError as error:
                output.close()
                conn.send(PlayerFailed(str(error)))
    except (EOFError, OSError):
        output.close()
