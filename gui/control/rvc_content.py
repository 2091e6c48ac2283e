"""RVC's content model on its way in: installed beside the window."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QObject, Signal

from gui.control.notice import Notice
from gui.control.worker import Worker
from inference.rvc.content import installed_content, missing_content
from inference.rvc.content_install import install_beside
from voices.voice import VoiceKind

if TYPE_CHECKING:
    from gui.session import Session

CONTENT_SUFFIXES = (".pt", ".bin", ".safetensors", ".onnx")


class ContentController(QObject):
    """Installs files that are dropped, says how it went, and lets RVC voices speak with what is new.

    `file_wanted`: the user wants to show where the file of the content model is.
    """

    file_wanted = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self._worker = Worker(self)
        self._waiting, self._leave = "", Event()
        session.voice_failed.connect(self._note_failed)
        session.voice_ready.connect(self._note_ready)
        application = QCoreApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self.close)

    def install(self, path: Path) -> None:
        """Installs a file, which takes up to half a minute."""
        self._session.say(Notice(f"Installing {path.name} as RVC's content model …", "toast"))
        self._worker.do(partial(install_beside, path, self._leave), self._show, self._refuse)

    def close(self) -> None:
        """Breaks off what is being installed."""
        self._leave.set()
        self._worker.close()

    def _note_failed(self, voice_id: str, _reason: str) -> None:
        """Without the model no second try helps, only its file."""
        voice = self._session.library.find(voice_id)
        if voice is None or voice.kind is not VoiceKind.RVC:
            return
        self._waiting = voice_id
        if installed_content() is None:
            sentence = f"{voice.name} cannot speak yet. {missing_content()}"
            self._session.say(Notice(sentence, "danger", "Choose file …", self.file_wanted.emit))

    def _note_ready(self, voice_id: str) -> None:
        if voice_id == self._waiting:
            self._waiting = ""

    def _show(self, sentence: str) -> None:
        """The RVC voice in use is made ready again; the one that could not be loaded before is offered."""
        session, said = self._session, f"RVC's content model is installed: {sentence}"
        waiting, spoken = session.library.find(self._waiting), session.voice
        if waiting is not None and waiting != spoken:
            use = partial(session.choose_voice, waiting.id)
            session.say(Notice(said, "info", f"Use {waiting.name}", use))
        else:
            session.say(Notice(said))
        if spoken is not None and spoken.kind is VoiceKind.RVC:
            session.choose_voice(spoken.id)

    def _refuse(self, sentence: str) -> None:
        self._session.say(Notice(sentence, "danger"))
