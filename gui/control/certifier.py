"""Runs `menura doctor --certify` beside the window: predictions would hold its interpreter lock."""

from __future__ import annotations

import sys

from PySide6.QtCore import QObject, QProcess, Signal

from inference.launch import own_command


def is_due() -> bool:
    """Whether this Mac has programs that nobody has tried on it yet."""
    if sys.platform != "darwin":
        return False
    from inference.coreml.certify import recall
    from inference.coreml.machine import CoreMLUnavailableError, key, workshop

    try:
        workshop()
    except CoreMLUnavailableError:
        return False
    return recall(key()) is None


class Certifier(QObject):
    """One run at a time. `finished(sentence)` ends it: empty when the certificate was written.

    >>> certifier = Certifier(parent)
    >>> certifier.finished.connect(lambda fault: ...)
    >>> certifier.start()
    """

    finished = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._process = QProcess(self)
        self._process.finished.connect(self._end)
        self._process.errorOccurred.connect(self._fail)

    @property
    def busy(self) -> bool:
        """Whether a run is under way."""
        return self._process.state() != QProcess.ProcessState.NotRunning

    def start(self) -> None:
        """Starts a run, unless one is under way."""
        if not self.busy:
            program, *arguments = own_command("doctor", "--certify")
            self._process.start(program, arguments)

    def stop(self) -> None:
        """Ends a run without a word."""
        self._process.blockSignals(True)
        self._process.kill()
        self._process.waitForFinished(2000)
        self._process.blockSignals(False)

    def _end(self, status: int) -> None:
        said = bytes(self._process.readAllStandardError().data()).decode(errors="replace").strip()
        self.finished.emit("" if status == 0 else said.rpartition("\n")[2] or "The certification failed.")

    def _fail(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart:
            self.finished.emit("The certification could not be started.")
