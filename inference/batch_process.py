"""A batch in a process of its own, at low priority: the call and the window do not feel it."""

from __future__ import annotations

import multiprocessing as mp
import threading
from collections import deque
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event as Flag

from inference.background import be_gentle, uninterrupted
from inference.batch import Event, Failed, Job, Working, run
from voices.tuning import Tuning
from voices.voice import Voice


class BatchProcess:
    """One batch. One thread uses it; no call waits.

    >>> batch = BatchProcess(jobs, voice, tuning)
    >>> for event in batch.poll(): ...
    >>> batch.finished
    """

    def __init__(
        self,
        jobs: list[Job],
        voice: Voice,
        tuning: Tuning,
        noise_suppression: float = 0.0,
        loudness_match: bool = True,
    ) -> None:
        self.jobs = jobs
        self._events: deque[Event] = deque()
        context = mp.get_context("spawn")
        self._stop = context.Event()
        self._ours, theirs = context.Pipe(duplex=False)
        self._process = context.Process(
            target=_work,
            args=(theirs, self._stop, jobs, voice, tuning, noise_suppression, loudness_match),
            daemon=True,
            name="menura batch",
        )
        self._theirs = theirs
        self._ended = threading.Event()
        # Starting a process takes longer than a frame.
        threading.Thread(target=self._listen, name="batch", daemon=True).start()

    @property
    def finished(self) -> bool:
        """Whether nothing more will come."""
        return self._ended.is_set() and not self._events

    def poll(self) -> list[Event]:
        """Returns what happened since the last call; of several steps of a file only the last."""
        found: list[Event] = []
        while self._events:
            event = self._events.popleft()
            if found and isinstance(event, Working) and isinstance(found[-1], Working):
                found.pop()
            found.append(event)
        return found

    def cancel(self) -> None:
        """Ends it within a fraction of a second of sound; nothing half-written is left."""
        self._stop.set()

    def _listen(self) -> None:
        """Runs in a thread until the process has ended."""
        with uninterrupted():
            self._process.start()
        self._theirs.close()
        going: set[int] = set()
        try:
            while True:
                event: Event = self._ours.recv()
                (going.add if isinstance(event, Working) else going.discard)(event.index)
                self._events.append(event)
        except (EOFError, OSError):
            self._process.join()
        self._events.extend(
            Failed(index, "The conversion stopped unexpectedly; try this file again.") for index in going
        )
        self._ended.set()


def _work(
    conn: Connection,
    stop: Flag,
    jobs: list[Job],
    voice: Voice,
    tuning: Tuning,
    noise_suppression: float,
    loudness_match: bool,
) -> None:
    """The process."""
    be_gentle()
    try:
        for event in run(
            jobs,
            voice,
            tuning,
            tell=conn.send,
            cancelled=stop.is_set,
            noise_suppression=noise_suppression,
            loudness_match=loudness_match,
        ):
            conn.send(event)
    except OSError:
        # The window is gone, and with it whoever wanted these files.
        return
