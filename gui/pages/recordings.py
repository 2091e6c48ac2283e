"""The Recordings page: record the call, listen to what was recorded, convert files."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QTimer
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QHideEvent, QShowEvent
from PySide6.QtWidgets import QStackedWidget

from gui.control.recording import clock
from gui.pages.frame import PageFrame
from gui.pages.recordings_batch import BatchPanel
from gui.pages.recordings_list import RecordingsList
from gui.session import Session
from gui.widgets.buttons import Choice, PushButton, Segments
from inference.engine.messages import RecordWhat

TICK_MS = 200
WHAT = (
    Choice(RecordWhat.INPUT, "You", "Records your own voice, as the microphone hears it", "input"),
    Choice(RecordWhat.OUTPUT, "Call", "Records what the call hears"),
    Choice(RecordWhat.BOTH, "Both", "Records both, in two files of one length", "plain"),
)
VIEWS = (
    Choice("list", "Recordings", "What was recorded", "plain"),
    Choice("batch", "Convert files", "Many files in another voice", "plain"),
)


class RecordingsPage(PageFrame):
    """Two views under one heading with the record button."""

    def __init__(self, session: Session) -> None:
        super().__init__("Recordings", "Record the call, listen again, and convert files in any voice.")
        self._session = session
        self.what = Segments("Record", WHAT)
        self.record = PushButton("Record", "primary", "record", "on_accent")
        self.record.setMinimumWidth(132)
        self.views = Segments("Show", VIEWS)
        self.list = RecordingsList(session)
        self.batch = BatchPanel(session)
        self._stack = QStackedWidget()
        for view in (self.list, self.batch):
            self._stack.addWidget(view)
        self.what.choose(RecordWhat.BOTH)
        self.what.setFixedWidth(210)
        self.views.setFixedWidth(280)
        self.head.addWidget(self.what)
        self.head.addWidget(self.record)
        self.body.addWidget(self.views)
        self.body.addWidget(self._stack, 1)
        self.record.clicked.connect(lambda: session.recording.toggle(RecordWhat(self.what.value())))
        self.views.chosen.connect(self.show_view)
        self.list.convert_wanted.connect(self._convert_again)
        session.recording.changed.connect(self._show_recording)
        session.state_changed.connect(lambda *_: self._show_recording())
        self._timer = QTimer(self)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self._show_recording)
        self.setAcceptDrops(True)
        self.show_view("list")
        self._show_recording()

    def show_view(self, view: str) -> None:
        """Brings the recordings or the batch to the front."""
        self.views.choose(view)
        self._stack.setCurrentWidget(self.list if view == "list" else self.batch)

    def showEvent(self, event: QShowEvent) -> None:
        """Counts the time."""
        super().showEvent(event)
        self._timer.start()

    def hideEvent(self, event: QHideEvent) -> None:
        """Rests."""
        super().hideEvent(event)
        self._timer.stop()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Takes files and folders."""
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Adds them to the batch."""
        self.show_view("batch")
        self.batch.add([Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()])

    def _convert_again(self, path: Path) -> None:
        self.show_view("batch")
        self.batch.begin_with([path], path.parent, path.suffix)

    def _show_recording(self) -> None:
        recording = self._session.recording
        progress = recording.progress
        text = f"Stop  {clock(progress.seconds)}" if progress else "Record"
        text = "Saving …" if recording.ending else text
        if self.record.text() != text:
            self.record.setText(text)
            self.record.show_icon("stop" if progress else "record", "on_accent")
        self.record.setToolTip("Ends the recording" if progress else "Records into FLAC files")
        self.record.setEnabled((self._session.running or recording.going) and not recording.ending)
        self.what.setEnabled(not recording.going)
