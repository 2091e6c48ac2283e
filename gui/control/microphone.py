"""The virtual microphone that Menura makes itself where the system lets it: there, wanted, in the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from audio import virtual_mic
from gui.control.worker import Worker

if TYPE_CHECKING:
    from gui.session import Session


class MicrophoneController(QObject):
    """`changed`: it came, went, or could not. Made again at the next start, taken away at the end."""

    changed = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self._settings = session.store.settings.call
        self._worker = Worker(self)
        self.there = False
        self.problem = ""

    @property
    def supported(self) -> bool:
        """Whether this system needs no cable installed."""
        return virtual_mic.supported()

    @property
    def busy(self) -> bool:
        """Whether the sound server was asked and has not answered."""
        return self._worker.busy

    def make(self) -> None:
        """Makes it and sends the call's sound there."""
        self._settings.virtual_mic = True
        self._session.remember()
        self._worker.do(virtual_mic.create, self._made, self._fail)
        self.changed.emit()

    def take_away(self) -> None:
        """Removes it; the call's sound goes to the system's output again."""
        self._settings.virtual_mic = False
        self._session.remember()
        if self._session.devices.settings.output == virtual_mic.DEVICE:
            self._session.devices.set_device("output", None)
        self._worker.do(virtual_mic.remove, lambda _: self._show(False), self._fail)
        self.changed.emit()

    def prepare(self, then: Callable[[], None]) -> None:
        """Makes it where it was wanted at the last run, then goes on, whether that worked or not."""
        if not (self.supported and self._settings.virtual_mic):
            then()
            return

        def failed(sentence: str) -> None:
            self._fail(sentence)
            then()

        def done(_: None) -> None:
            self._show(True)
            then()

        self._worker.do(virtual_mic.create, done, failed)

    def close(self) -> None:
        """Takes it away at the end of the program; what cannot be removed stays until the next start."""
        self._worker.close()
        if self.there:
            try:
                virtual_mic.remove()
            except virtual_mic.VirtualMicError:
                return

    def _made(self, _: None) -> None:
        self._show(True)
        self._session.devices.set_device("output", virtual_mic.DEVICE)
        self._session.refresh_devices()

    def _show(self, there: bool) -> None:
        self.there, self.problem = there, ""
        self.changed.emit()

    def _fail(self, sentence: str) -> None:
        self.problem = sentence
        self.changed.emit()
