"""One RVC voice on its way in: looked at, asked about, converted beside the window."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from gui.control.library import LibraryController
from inference.rvc.checkpoint import Checkpoint, read_checkpoint
from inference.rvc.importing import INDEX_SUFFIX, Done, Failed, RvcImport, Wish, Working
from inference.rvc.importing import SUFFIX as RVC_SUFFIX

POLL_MS = 50


def pair(paths: Sequence[Path]) -> tuple[list[tuple[Path, Path | None]], list[Path]]:
    """RVC voices with the index that belongs to each, and the indexes left over.

    One voice and one index belong together; of several, an index is named after its voice.
    """
    voices = [path for path in paths if path.suffix.casefold() == RVC_SUFFIX]
    spare = [path for path in paths if path.suffix.casefold() == INDEX_SUFFIX]
    if len(voices) == len(spare) == 1:
        return [(voices[0], spare[0])], []
    pairs: list[tuple[Path, Path | None]] = []
    for voice in sorted(voices, key=lambda path: -len(path.stem)):
        index = next((path for path in spare if voice.stem.casefold() in path.stem.casefold()), None)
        if index:
            spare.remove(index)
        pairs.append((voice, index))
    return sorted(pairs, key=lambda found: voices.index(found[0])), spare


class RvcImporter(QObject):
    """`looked_at` carries what the file holds, `told` a step and its share of all, `refused` a sentence.

    That is empty for an import that was cancelled. After `finished` the voice is in the library.
    """

    looked_at = Signal(object)
    told = Signal(str, float)
    refused = Signal(str)
    finished = Signal()

    def __init__(self, library: LibraryController, parent: QObject) -> None:
        super().__init__(parent)
        self._library = library
        self._job: RvcImport | None = None
        self._left = False
        self._timer = QTimer(self)
        self._timer.setInterval(POLL_MS)
        self._timer.timeout.connect(self._poll)

    @property
    def busy(self) -> bool:
        """Whether an import is going on."""
        return self._job is not None

    def look(self, path: Path) -> None:
        """Reads what a file says of itself."""

        def show(found: Checkpoint) -> None:
            if not self._left:
                self.looked_at.emit(found)

        def refuse(sentence: str) -> None:
            if not self._left:
                self.refused.emit(sentence)

        self._library.worker.do(lambda: read_checkpoint(path), show, refuse)

    def leave(self) -> None:
        """Who asked is going: what is still being read is of no interest any more."""
        self._left = True

    def start(self, wish: Wish) -> None:
        """Begins an import."""
        self._job = RvcImport(wish, self._library.library.path)
        self._timer.start()

    def cancel(self) -> None:
        """Ends the import that is going on; `refused` follows."""
        if self._job:
            self._job.cancel()

    def _poll(self) -> None:
        job = self._job
        for event in job.poll() if job else ():
            if isinstance(event, Working):
                self.told.emit(event.what, event.share)
                continue
            self._timer.stop()
            self._job = None
            if isinstance(event, Failed):
                self.refused.emit(event.sentence)
            elif isinstance(event, Done):
                self._library.take_in(event.voice)
                self.finished.emit()
