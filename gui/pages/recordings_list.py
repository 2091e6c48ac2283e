"""The list of recordings, and what can be done with the chosen one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, QTimer, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QHideEvent, QKeyEvent, QShowEvent
from PySide6.QtWidgets import QAbstractItemView, QHBoxLayout, QHeaderView, QTableView, QVBoxLayout, QWidget

from gui.control.notice import Notice
from gui.control.recording import clock
from gui.jobs import Jobs, end_with
from gui.pages.recordings_store import (
    Recording,
    RecordingFileError,
    RecordingStore,
    Trashed,
    peaks,
    recordings_folder,
    scan,
)
from gui.pages.recordings_wave import WaveStrip
from gui.session import Session
from gui.widgets.buttons import PushButton
from gui.widgets.name_dialog import NameDialog
from gui.widgets.text import ElidedLabel, Readout, label
from inference.replay_player import Player
from voices.files import FileError

FRAME_MS = 50
COLUMNS = ("Name", "Recorded", "Length", "Heard", "Voice", "Size")
_RIGHT = {2, 5}
_LIST, _PEAKS = "list", "peaks"
Index = QModelIndex | QPersistentModelIndex

LOOKING = "Looking for recordings …"
NOTHING = "Nothing recorded yet. Start a call, then press Record."
GOING = "The recording goes on. It will be listed here once you press Stop."


class RecordingModel(QAbstractTableModel):
    """Recordings, the newest first."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[Recording] = []

    def show_recordings(self, recordings: list[Recording]) -> None:
        """Replaces the rows."""
        self.beginResetModel()
        self.rows = recordings
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 Qt's signature
        """As many as there are."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 Qt's signature
        """`COLUMNS`."""
        return len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> object:
        """The titles."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(section)
        return None

    def data(self, index: Index, role: int = 0) -> object:
        """Text and alignment of a cell."""
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(index.column())
        if role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return None
        r = self.rows[index.row()]
        when = r.when.strftime("%d %b %Y, %H:%M").lstrip("0")
        cells = (r.name, when, clock(r.seconds), r.heard or "–", r.voice or "–", f"{r.size / 1e6:.1f} MB")
        return cells[index.column()]


class RecordingsList(QWidget):
    """`convert_wanted(path)`: the chosen one again in another voice."""

    convert_wanted = Signal(object)

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.player = Player()
        self.jobs = Jobs(self)
        self.model = RecordingModel()
        self.table = QTableView()
        self.empty = label(LOOKING, "caption")
        self._looked = False
        self.wave = WaveStrip()
        self.name = ElidedLabel("", "panel")
        self.position = Readout("caption", "0:00:00 of 0:00:00", Qt.AlignmentFlag.AlignRight)
        self._loaded: Path | None = None
        self._make_buttons()
        self._set_up_table()
        self._lay_out()
        self.jobs.finished.connect(self._take)
        self.jobs.failed.connect(lambda _, sentence: self._complain(sentence))
        self.wave.sought.connect(self._seek)
        session.recording.changed.connect(self.refresh)
        session.recording.changed.connect(self._show_chosen)
        self._timer = QTimer(self)
        self._timer.setInterval(FRAME_MS)
        self._timer.timeout.connect(self._tick)
        jobs, player = self.jobs, self.player

        def end() -> None:
            jobs.close()
            player.close()

        end_with(self, end)
        self._show_chosen()

    @property
    def chosen(self) -> Recording | None:
        """The recording in focus."""
        row = self.table.currentIndex().row()
        return self.model.rows[row] if 0 <= row < len(self.model.rows) else None

    def refresh(self) -> None:
        """Looks at the folder again."""
        if not self.isVisible():
            return
        try:
            self.jobs.submit(_LIST, scan, recordings_folder())
        except OSError as error:
            self._complain(f"The folder for recordings cannot be made ({error.strerror}).")

    def showEvent(self, event: QShowEvent) -> None:
        """Shows what is there now."""
        super().showEvent(event)
        self.refresh()
        self._timer.start()

    def hideEvent(self, event: QHideEvent) -> None:
        """Falls silent."""
        super().hideEvent(event)
        self._timer.stop()
        self.player.pause()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Space plays, Delete deletes, F2 renames."""
        action = {
            Qt.Key.Key_Space: self.toggle,
            Qt.Key.Key_Return: self.toggle,
            Qt.Key.Key_Delete: self.delete,
            Qt.Key.Key_Backspace: self.delete,
            Qt.Key.Key_F2: self.rename,
        }.get(Qt.Key(event.key()))
        if action is None or event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            super().keyPressEvent(event)
        else:
            action()

    def toggle(self) -> None:
        """Plays the chosen one, or pauses."""
        chosen, monitor = self.chosen, self._session.devices.stream_config().monitor_device
        if chosen is None:
            return
        if self.player.playing:
            self.player.pause()
        elif monitor is None and self._session.running:
            self._complain("The call would hear this: first choose headphones in Compare, on the Live page.")
        else:
            if self._loaded != chosen.path:
                self.player.load_file(chosen.path, monitor)
                self._loaded = chosen.path
            self.player.play()

    def rename(self) -> None:
        """Asks for another name."""
        chosen = self.chosen
        if chosen is not None:
            path = chosen.path
            NameDialog(
                self, "Rename recording", "Rename", chosen.name, lambda n: self._rename(path, n)
            ).open()

    def delete(self) -> None:
        """Puts the chosen one into the trash; the message offers it back."""
        chosen = self.chosen
        if chosen is None:
            return
        self._forget_loaded()
        try:
            trashed = RecordingStore(chosen.path.parent).remove(chosen.path)
        except RecordingFileError as error:
            self._complain(str(error))
            return
        self._session.say(Notice(f"Deleted {chosen.name}.", "toast", "Undo", lambda: self._restore(trashed)))
        self.refresh()

    def show_folder(self) -> None:
        """Opens the folder in the system's file manager."""
        try:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(recordings_folder())))
        except OSError as error:
            self._complain(f"The folder for recordings cannot be opened ({error.strerror}).")

    def _convert_again(self) -> None:
        if self.chosen is not None:
            self.convert_wanted.emit(self.chosen.path)

    def _make_buttons(self) -> None:
        self.play = PushButton("Play", "primary", "play", "on_accent")
        self.play.setMinimumWidth(104)
        self.play.setToolTip("Plays on your headphones, not into the call (Space)")
        self.again = PushButton("Convert again …", "plain", "voices", "text_muted")
        self.again.setToolTip("The same recording in another voice")
        self.folder = PushButton("Show in folder", "plain", "folder", "text_muted")
        self.name_it = PushButton("Rename …", "plain", "edit", "text_muted")
        self.name_it.setToolTip("Gives the recording another name (F2)")
        self.remove = PushButton("Delete", "plain", "trash", "text_muted")
        self.remove.setToolTip("Puts the recording into the trash for a month (Delete)")
        self.play.clicked.connect(self.toggle)
        self.again.clicked.connect(self._convert_again)
        self.folder.clicked.connect(self.show_folder)
        self.name_it.clicked.connect(self.rename)
        self.remove.clicked.connect(self.delete)

    def _set_up_table(self) -> None:
        table = self.table
        table.setModel(self.model)
        table.setAccessibleName("Recordings")
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setShowGrid(False)
        table.setTabKeyNavigation(False)
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(36)
        header = table.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        table.selectionModel().currentRowChanged.connect(lambda *_: self._show_chosen())
        table.doubleClicked.connect(lambda _: self.toggle())

    def _lay_out(self) -> None:
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        head = QHBoxLayout()
        head.addWidget(self.name, 1)
        head.addWidget(self.position)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.play)
        buttons.addStretch(1)
        for button in (self.again, self.folder, self.name_it, self.remove):
            buttons.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.table, 1)
        column.addWidget(self.empty, 1)
        column.addLayout(head)
        column.addWidget(self.wave)
        column.addLayout(buttons)

    def _take(self, key: str, result: object) -> None:
        chosen = self.chosen
        if key == _LIST and isinstance(result, list):
            self._show_list(result, chosen.path if chosen else None)
        elif key == _PEAKS and chosen is not None:
            self.wave.show_peaks(np.asarray(result, np.float32), chosen.seconds)

    def _show_list(self, recordings: list[Recording], chosen: Path | None) -> None:
        self._looked = True
        if recordings != self.model.rows:
            self.model.show_recordings(recordings)
            row = next((i for i, r in enumerate(recordings) if r.path == chosen), 0)
            self.table.selectRow(row)
        self._show_chosen()

    def _show_chosen(self) -> None:
        chosen = self.chosen
        self.table.setVisible(bool(self.model.rows))
        self.empty.setVisible(not self.model.rows)
        self.empty.setText(self._why_empty())
        for widget in (self.play, self.again, self.name_it, self.remove, self.wave):
            widget.setEnabled(chosen is not None)
        self.name.setText(chosen.name if chosen else "")
        if chosen is None:
            self.wave.show_peaks(np.zeros(0, np.float32), 0.0)
        elif chosen.path != self._loaded:
            self._forget_loaded()
            self.wave.show_peaks(np.zeros(0, np.float32), chosen.seconds)
            self.jobs.submit(_PEAKS, peaks, chosen.path)
        self._tick()

    def _why_empty(self) -> str:
        if self._session.recording.going:
            return GOING
        return NOTHING if self._looked else LOOKING

    def _forget_loaded(self) -> None:
        self.player.pause()
        self._loaded = None

    def _seek(self, seconds: float) -> None:
        if self._loaded is None:
            self.toggle()
        self.player.seek(seconds)

    def _rename(self, path: Path, name: str) -> None:
        self._forget_loaded()
        try:
            RecordingStore(path.parent).rename(path, name)
        except (RecordingFileError, FileError) as error:
            self._complain(str(error))
        self.refresh()

    def _restore(self, trashed: Trashed) -> None:
        try:
            RecordingStore(trashed.original.parent).restore(trashed)
        except RecordingFileError as error:
            self._complain(str(error))
        self.refresh()

    def _tick(self) -> None:
        for failure in self.player.poll():
            self._complain(failure.reason)
        playing, chosen = self.player.playing, self.chosen
        at = self.player.position_s if self._loaded else 0.0
        self.wave.show_position(at)
        self.position.setText(f"{clock(at)} of {clock(chosen.seconds)}" if chosen else "")
        if self.play.text() != ("Pause" if playing else "Play"):
            self.play.setText("Pause" if playing else "Play")
            self.play.show_icon("pause" if playing else "play", "on_accent")

    def _complain(self, sentence: str) -> None:
        self._session.say(Notice(sentence, "danger"))


def _alignment(column: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if column in _RIGHT else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter
