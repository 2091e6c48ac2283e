"""An RVC voice into the library: its model converted, then its voice file written."""

from __future__ import annotations

import multiprocessing as mp
import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event as Flag
from pathlib import Path

import numpy as np

from inference.background import be_gentle, uninterrupted
from inference.rvc.convert import Tell, convert
from inference.rvc.facts import RvcError, RvcFacts
from inference.usual_pitch import UsualPitch
from voices.archive import Consent, VoiceArchive
from voices.encoder import EMBEDDING_SIZE
from voices.library import Library
from voices.portrait import colour_of, draw_portrait
from voices.voice import Voice, VoiceKind

SUFFIX, INDEX_SUFFIX = ".pth", ".index"


@dataclass(frozen=True)
class Wish:
    """A file to import and what its user said of it. An empty name or description is made of its facts.

    `pitch` None: what the file says, which is hardly ever anything.
    """

    path: Path
    consent: Consent
    index: Path | None = None
    name: str = ""
    licence: str = "private"
    description: str = ""
    speaker: int = 0
    pitch: UsualPitch | None = None


@dataclass(frozen=True)
class Working:
    """What is being done, and how much of all is done, 0 to 1."""

    what: str
    share: float


@dataclass(frozen=True)
class Done:
    """The voice is in the library."""

    voice: Voice


@dataclass(frozen=True)
class Failed:
    """It is not, and why: a sentence, empty when it was cancelled."""

    sentence: str


Event = Working | Done | Failed


class _CancelledError(Exception):
    """The user wants it no more."""


def import_voice(wish: Wish, library: Library, tell: Tell) -> tuple[Voice, RvcFacts]:
    """Converts the file and adds the voice. Raises RvcError, LibraryError, ArchiveError, FileError."""
    if not (wish.consent.who.strip() and wish.consent.when.strip()):
        raise RvcError("No voice is imported without consent: say who agreed and when.")
    try:
        _, facts = convert(wish.path, library.models, tell, wish.index)
    except OSError as error:
        raise RvcError(
            f"The voice could not be kept ({error.strerror or error}); make room and try again."
        ) from error
    if not 0 <= wish.speaker < facts.speakers:
        raise RvcError(f"{wish.path.name} has {facts.speakers} speakers, 0 to {facts.speakers - 1}.")
    spoken_by = facts.speaker_names[wish.speaker] if facts.speaker_names else ""
    pitch = wish.pitch or UsualPitch(facts.f0_median_hz)
    voice = Voice(
        id="new",
        name=wish.name or library.free_name(spoken_by or facts.name),
        description=wish.description or facts.in_words(),
        kind=VoiceKind.RVC,
        f0_median_hz=pitch.median_hz,
        f0_low_hz=pitch.low_hz,
        f0_high_hz=pitch.high_hz,
        licence=wish.licence,
        source=wish.path.name,
        model=facts.sha256,
        speaker=wish.speaker,
    )
    return library.add(_with_face(voice, wish.consent)), facts


def _with_face(voice: Voice, consent: Consent) -> VoiceArchive:
    """The voice with colour and picture of its own, drawn from the file's hash: it has no embedding."""
    traits = np.random.default_rng([int(voice.model[:16], 16), voice.speaker]).normal(size=EMBEDDING_SIZE)
    traits /= np.linalg.norm(traits)
    voice = replace(voice, colour=colour_of(traits.tolist()))
    picture = draw_portrait(replace(voice, embedding=tuple(traits.tolist())))
    return VoiceArchive(voice, consent, picture=picture)


class RvcImport:
    """One import in a process of its own, at low priority. One thread uses it; no call waits.

    >>> job = RvcImport(wish, library.path)
    >>> for event in job.poll(): ...
    """

    def __init__(self, wish: Wish, folder: Path) -> None:
        """`folder`: the library's."""
        self._events: deque[Event] = deque()
        context = mp.get_context("spawn")
        self._stop = context.Event()
        self._ours, self._theirs = context.Pipe(duplex=False)
        self._process = context.Process(
            target=_work, args=(self._theirs, self._stop, wish, folder), daemon=True, name="menura import"
        )
        # Starting a process takes longer than a frame.
        threading.Thread(target=self._listen, name="rvc import", daemon=True).start()

    def poll(self) -> list[Event]:
        """What happened since the last call; `Done` or `Failed` is the last there is."""
        return [self._events.popleft() for _ in range(len(self._events))]

    def cancel(self) -> None:
        """Ends it before its next step; nothing half-written is left."""
        self._stop.set()

    def _listen(self) -> None:
        """Runs in a thread until the process has ended."""
        with uninterrupted():
            self._process.start()
        self._theirs.close()
        last: Event | None = None
        try:
            while True:
                last = self._ours.recv()
                self._events.append(last)
        except (EOFError, OSError):
            self._process.join()
        if not isinstance(last, Done | Failed):
            self._events.append(Failed("The import stopped unexpectedly; try this file again."))


def _work(conn: Connection, stop: Flag, wish: Wish, folder: Path) -> None:
    """The process."""
    be_gentle()

    def tell(what: str, share: float) -> None:
        if stop.is_set():
            raise _CancelledError
        conn.send(Working(what, share))

    # Nobody listens any more: the window is gone, and with it whoever wanted the voice.
    with suppress(OSError):
        conn.send(_outcome(wish, folder, tell))


def _outcome(wish: Wish, folder: Path, tell: Tell) -> Event:
    try:
        return Done(import_voice(wish, Library.open(folder), tell)[0])
    except _CancelledError:
        return Failed("")
    except ValueError as error:
        return Failed(str(error))
