"""Records what passes the engine's device streams: the client's side of the shared record rings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from audio.recorder import Recorder, RecordingEnded, RecordingError, Source
from inference.engine.messages import RecordWhat
from inference.engine.shared import SharedBlock

_CLOSE_S = 10.0
"""How long the end of the program waits for files; after that they are left to `audio.recorder.recover`."""


@dataclass(frozen=True)
class RecordingProgress:
    """How far a recording is. `lost_samples` were replaced by silence: this process was held up."""

    seconds: float
    lost_samples: int


class RecordingSwitch:
    """At most one recording at a time; `tell` gets its RecordingEnded, from the recorder's thread."""

    def __init__(self, shared: SharedBlock, tell: Callable[[RecordingEnded], None]) -> None:
        self._shared = shared
        self._tell = tell
        self._recorder: Recorder | None = None

    def start(self, folder: Path, what: RecordWhat) -> None:
        """Begins. Raises RecordingError."""
        if self._recorder and not self._recorder.wait(0.0):
            raise RecordingError("A recording is still going on; stop it first.")
        names = ["input", "output"] if what == RecordWhat.BOTH else [str(what)]
        self._recorder = Recorder(folder, [self._source(name) for name in names], self._ended)
        self._recorder.start()
        self._shared["recording"][0] = 1

    def stop(self) -> None:
        """Ends it; harmless when there is none."""
        self._shared["recording"][0] = 0
        if self._recorder:
            self._recorder.stop()

    def close(self) -> None:
        """Ends it and waits a while for its files; the shared memory may go afterwards."""
        self.stop()
        if self._recorder:
            self._recorder.wait(_CLOSE_S)

    @property
    def progress(self) -> RecordingProgress | None:
        """How far it is; None when there is none."""
        if not self._recorder or self._recorder.wait(0.0):
            return None
        return RecordingProgress(self._recorder.seconds, self._recorder.lost_samples)

    def _source(self, name: str) -> Source:
        stream, lost = self._shared[f"{name}_stream"], self._shared[f"{name}_unrecorded"]
        return Source(
            name, self._shared.record_rings[name], lambda: int(stream["rate"][0]), lambda: int(lost[0])
        )

    def _ended(self, ended: RecordingEnded) -> None:
        self._shared["recording"][0] = 0
        self._tell(ended)
