"""The voices panel of the Live page and what it needs of the session: library, pictures, files."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject

from gui.control.library import SUFFIX
from gui.control.notice import Notice
from gui.control.refine import RefineController
from gui.control.rvc_content import CONTENT_SUFFIXES, ContentController
from gui.control.rvc_import import pair
from gui.panels.rvc_import import RvcQueue
from gui.panels.usual_pitch import PitchDialog
from gui.panels.voice_details import DetailsDialog
from gui.panels.voice_files import DragFolder, ask_export, ask_import, ask_recordings
from gui.panels.voices import VoicesPanel
from gui.session import Session
from gui.widgets.name_dialog import NameDialog
from gui.widgets.voice_model import VoiceModel
from voices.folder import LibraryError
from voices.voice import Voice

ENROL_PAGE, LIVE_PAGE = "enrol", "live"


class VoicesDesk(QObject):
    """Connects a `VoicesPanel` to the session."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self._library = session.library
        self._files = DragFolder(session.library)
        self._dialogs = session.dialogs
        self._rvc = RvcQueue(session.library, session.dialogs)
        self._content = ContentController(session)
        self.panel = VoicesPanel(VoiceModel(session.pictures.of, self._files.file))
        self.refine = RefineController(session, self)
        self.panel.refining.show_work(self.refine.work)
        self._show_voices()
        self._show_favourites()
        self.panel.show_voice(session.voice)
        self._connect()

    def add_files(self, paths: Sequence[Path]) -> None:
        """Adds voice files, asks about each RVC voice among them, installs a content model."""
        voices, spare = pair(paths)
        self._library.import_files([path for path in paths if path.suffix.casefold() == SUFFIX])
        self._rvc.add(self.panel.window(), voices)
        for path in paths:
            if path.suffix.casefold() in CONTENT_SUFFIXES:
                self._content.install(path)
        if spare:
            sentence = f"{spare[0].name} belongs to an RVC voice: add it together with the voice's .pth file."
            self._session.say(Notice(sentence, "danger"))

    def ask_pitch(self, voice_id: str) -> None:
        """Asks where a voice usually speaks."""
        voice = self._library.find(voice_id)
        if voice:
            PitchDialog(
                self.panel, voice, self._dialogs, lambda pitch: self._library.set_pitch(voice_id, pitch)
            ).open()

    def _connect(self) -> None:
        s, panel = self._session, self.panel
        s.library.changed.connect(self._show_voices)
        s.pictures.arrived.connect(panel.model.touch)
        s.voice_changed.connect(panel.show_voice)
        s.voice_ready.connect(self._forget_failure)
        s.voice_failed.connect(panel.show_failure)
        s.favourites_changed.connect(self._show_favourites)
        panel.chosen.connect(s.choose_voice)
        panel.favourite_changed.connect(s.set_favourite)
        panel.new_wanted.connect(lambda: s.go_to(ENROL_PAGE))
        panel.import_wanted.connect(self._ask_import)
        self._content.file_wanted.connect(self._ask_import)
        panel.details_wanted.connect(self._show_details)
        panel.export_wanted.connect(self._export)
        panel.renaming_wanted.connect(self._rename)
        panel.removal_wanted.connect(s.library.remove)
        panel.pitch_wanted.connect(self.ask_pitch)
        panel.refining_wanted.connect(self._refine)
        s.refining_wanted.connect(self._refine)
        panel.refining.stopped.connect(self.refine.stop)
        panel.refining.resumed.connect(self.refine.resume)
        panel.refining.discarded.connect(self.refine.discard)
        self.refine.changed.connect(panel.refining.show_work)

    def _show_voices(self) -> None:
        self.panel.show_voices(self._library.voices, self._library.damaged)

    def _show_favourites(self) -> None:
        self.panel.show_favourites(self._session.store.settings.favourites)

    def _forget_failure(self, voice_id: str) -> None:
        self.panel.show_failure(voice_id, "")

    def _ask_import(self) -> None:
        ask_import(self._dialogs, self.panel.window(), self.add_files)

    def _export(self, voice_id: str) -> None:
        voice = self._library.find(voice_id)
        if voice:
            write = partial(self._library.export_file, voice_id)
            ask_export(self._dialogs, self.panel.window(), voice, write)

    def _rename(self, voice_id: str) -> None:
        voice = self._library.find(voice_id)
        if voice:
            NameDialog(
                self.panel,
                f"Rename {voice.name}",
                "Rename",
                voice.name,
                lambda name: self._library.rename(voice_id, name),
            ).open()

    def _refine(self, voice_id: str) -> None:
        voice = self._library.find(voice_id)
        if voice is None:
            return
        if sentence := self.refine.refusal(voice):
            self._session.say(Notice(sentence, "danger"))
        else:
            begin = partial(self._begin_refining, voice)
            ask_recordings(self._dialogs, self.panel.window(), voice, begin)

    def _begin_refining(self, voice: Voice, paths: Sequence[Path]) -> None:
        """Begins, and goes to where its progress is seen."""
        self.refine.begin(voice, paths)
        self._session.go_to(LIVE_PAGE)

    def _show_details(self, voice_id: str) -> None:
        voice = self._library.find(voice_id)
        dialog = DetailsDialog(self.panel, voice.name if voice else voice_id, voice_id)
        damaged = next((d for d in self._library.damaged if d.id == voice_id), None)
        if damaged:
            dialog.show_damaged(damaged)
        else:
            try:
                manifest = self._library.library.manifest(voice_id)
            except LibraryError:
                return  # It has just gone; the list will follow.
            dialog.show_voice(manifest, self._session.pictures.of(voice_id))
        dialog.removal_wanted.connect(self._library.remove)
        dialog.export_wanted.connect(self._export)
        dialog.renaming_wanted.connect(self._rename)
        dialog.pitch_wanted.connect(self.ask_pitch)
        dialog.open()
