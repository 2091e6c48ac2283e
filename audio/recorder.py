"""Records streams into FLAC files so that a crash costs no more than the last seconds.

While it runs, a recording is a hidden folder of short files, each finished by fsync and rename:

    DIR/.2026-11-22 22-10-05.recording/input-00000.flac, output-00000.flac, input-00001.flac ...

At the end they are joined into `DIR/2026-11-22 22-10-05 input.flac` and `... output.flac`. After a crash
`recover(DIR)` joins what is there. After a power cut the file system may add its own commit interval
(some seconds) to what is lost.
"""

from __future__ import annotations

import itertools
import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from audio.files import AudioFileError, AudioWriter, check_writable, read_mono, write_audio
from audio.ring import Ring

_log = logging.getLogger(__name__)

CHUNK_S = 2.0
"""Length of a chunk: what a crash may cost at most, together with `_POLL_S`."""

_POLL_S = 0.2
_LAST_CALLBACKS_S = 0.1
"""Time for callbacks that had begun when the recording was switched off."""

_GOING, _DONE, _UNREADABLE = ".recording", ".joined", ".unreadable"


class RecordingError(ValueError):
    """A recording that cannot begin or be finished; the message is a sentence for the user."""


@dataclass(frozen=True)
class Source:
    """A stream to record. `name` goes into the file's name; the recorder is the only reader of `ring`.

    `rate()`: Hz of what comes now, 0 while no stream is open. `lost()`: samples so far that found the
    ring full; silence is written in their place, so that sources stay aligned.
    """

    name: str
    ring: Ring
    rate: Callable[[], int]
    lost: Callable[[], int]


@dataclass(frozen=True)
class RecordingEnded:
    """`files`: what was written. `problem`: why it ended by itself, a sentence; empty when it was stopped."""

    files: tuple[Path, ...]
    seconds: float
    lost_samples: int
    problem: str = ""


class Recorder:
    """One recording, drained by a thread of its own from `start` to `stop`.

    >>> recorder = Recorder(folder, [Source("input", ring, lambda: 48_000, lambda: 0)], print)
    >>> recorder.start()            # after the writers have been told to fill the rings
    >>> recorder.stop()             # after they have been told to stop; `ended` gets a RecordingEnded

    Raises RecordingError when nothing can be written to `folder`, which is made if missing. A disk that
    fills up ends the recording with a problem; what was recorded is kept.
    """

    def __init__(self, folder: Path, sources: list[Source], ended: Callable[[RecordingEnded], None]) -> None:
        self._take, self._lock = _new_take(folder)
        self._tracks = [_Track(source, self._take) for source in sources]
        self._ended = ended
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)

    def start(self) -> None:
        """Begins; what the rings hold from before is forgotten."""
        for track in self._tracks:
            track.begin()
        self._thread.start()

    def stop(self) -> None:
        """Asks for the end; writing and joining the files goes on in the thread."""
        self._stopping.set()

    def wait(self, timeout_s: float) -> bool:
        """Waits until the files are there; False when that takes longer."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    @property
    def seconds(self) -> float:
        """Length so far."""
        return max(track.seconds for track in self._tracks)

    @property
    def lost_samples(self) -> int:
        """Samples replaced by silence because this process was held up for too long."""
        return sum(track.lost for track in self._tracks)

    def _run(self) -> None:
        problem = ""
        try:
            while not self._stopping.wait(_POLL_S):
                for track in self._tracks:
                    track.drain()
            time.sleep(_LAST_CALLBACKS_S)
            for track in self._tracks:
                track.finish()
        except AudioFileError as error:
            problem = f"The recording has stopped, the call goes on. {error}"
        self._lock.release()
        files: tuple[Path, ...] = ()
        try:
            files = _join(self._take)
        except (AudioFileError, OSError) as error:
            problem = problem or f"The recording is kept in pieces in {self._take}. {error}"
        self._ended(RecordingEnded(files, self.seconds, self.lost_samples, problem))


class _Track:
    """One source: its samples on their way from the ring into chunks."""

    def __init__(self, source: Source, take: Path) -> None:
        self._source = source
        self._take = take
        self._chunk: NDArray[np.float32] = np.zeros(0, np.float32)
        self._rate = self._fill = self._number = 0
        self._lost_before = 0
        self.seconds = 0.0
        self.lost = 0

    def begin(self) -> None:
        """Forgets what the ring held before."""
        self._source.ring.skip(self._source.ring.fill)
        self._lost_before = self._source.lost()

    def drain(self) -> None:
        """Takes what is in the ring; writes each chunk that has filled. Raises AudioFileError."""
        rate = self._source.rate()
        if rate and rate != self._rate:
            self._flush()
            self._rate, self._chunk = rate, np.zeros(round(rate * CHUNK_S), np.float32)
        if not self._rate:
            return
        while self._source.ring.fill:
            self._advance(self._source.ring.pop_into(self._chunk[self._fill :]))
        missing = self._source.lost() - self._lost_before
        self._lost_before += missing
        self.lost += missing
        while missing > 0:
            room = min(missing, len(self._chunk) - self._fill)
            self._chunk[self._fill : self._fill + room] = 0.0
            missing -= room
            self._advance(room)

    def finish(self) -> None:
        """Writes the rest. Raises AudioFileError."""
        self.drain()
        self._flush()

    def _advance(self, count: int) -> None:
        self._fill += count
        self.seconds += count / self._rate
        if self._fill == len(self._chunk):
            self._flush()

    def _flush(self) -> None:
        if not self._fill:
            return
        path = self._take / f"{self._source.name}-{self._number:05d}.flac"
        write_audio(path, self._chunk[: self._fill], self._rate)
        self._number += 1
        self._fill = 0


def recover(folder: Path) -> tuple[Path, ...]:
    """Finishes recordings that a crash left in `folder`; returns the files they became.

    A recording that still runs, in whatever process, is left alone; one that cannot be finished now (no
    room) waits for the next time. Slow for long recordings (about a second for ten minutes): call it
    beside the window's thread.
    """
    found: list[Path] = []
    for done in folder.glob(f".*{_DONE}"):
        shutil.rmtree(done, ignore_errors=True)
    for take in sorted(folder.glob(f".*{_GOING}")):
        lock = FileLock(take / "lock", thread_local=False)
        try:
            lock.acquire(timeout=0)
            lock.release()
            found += _join(take)
        except (AudioFileError, OSError, Timeout) as error:
            _log.warning("not recovered: %s (%s)", take, error)
    return tuple(found)


def _new_take(folder: Path) -> tuple[Path, FileLock]:
    """A hidden folder of a new recording, and the lock that says it is going on."""
    title = time.strftime("%Y-%m-%d %H-%M-%S")
    names = itertools.chain([title], (f"{title} ({n})" for n in itertools.count(2)))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        name = next(n for n in names if not any(folder.glob(f"{n} *")) and not any(folder.glob(f".{n}.*")))
        take = folder / f".{name}{_GOING}"
        take.mkdir()
        check_writable(take / "input.flac")
        lock = FileLock(take / "lock", thread_local=False)
        lock.acquire(timeout=0)
    except AudioFileError as error:
        raise RecordingError(str(error)) from error
    except (OSError, Timeout) as error:
        reason = getattr(error, "strerror", None) or error
        raise RecordingError(
            f"Recordings cannot be written to {folder} ({reason}); choose another folder."
        ) from error
    return take, lock


def _join(take: Path) -> tuple[Path, ...]:
    """Makes one file of each source's chunks (one for each rate it had), and removes the chunks.

    Raises AudioFileError or OSError, and then has removed nothing.
    """
    title = take.name.removeprefix(".").removesuffix(_GOING)
    files: list[Path] = []
    unreadable: list[Path] = []
    for name, chunks in itertools.groupby(sorted(take.glob("[!.]*-*.flac")), lambda c: c.stem.split("-")[0]):
        stretches = itertools.groupby(_read(chunks, unreadable), lambda piece: piece[1])
        for number, (rate, pieces) in enumerate(stretches, start=1):
            path = take.parent / f"{title} {name}{f' {number}' if number > 1 else ''}.flac"
            with AudioWriter(path, rate) as writer:
                for samples, _ in pieces:
                    writer.write(samples)
            files.append(path)
    # First another name: half of the chunks must never be taken for the whole of a recording.
    ended = take.rename(take.with_suffix(_UNREADABLE if unreadable else _DONE))
    if not unreadable:
        shutil.rmtree(ended, ignore_errors=True)
    return tuple(files)


def _read(chunks: Iterable[Path], unreadable: list[Path]) -> Iterator[tuple[NDArray[np.float32], int]]:
    """(samples, rate) of each chunk that can be read; notes the others."""
    for chunk in chunks:
        try:
            yield read_mono(chunk)
        except AudioFileError as error:
            _log.warning("a piece of a recording is damaged: %s", error)
            unreadable.append(chunk)
