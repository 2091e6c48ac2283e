"""Many files in one voice: what to convert, how, and how far it is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QMessageBox,
    QProgressBar,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from gui.control.notice import Notice
from gui.file_dialogs import Kind
from gui.jobs import end_with
from gui.pages.recordings_files import BatchModel, ShareDelegate
from gui.session import Session
from gui.widgets.buttons import PushButton
from gui.widgets.select import Select
from gui.widgets.text import ElidedLabel, label
from inference.batch import (
    SUFFIXES,
    BatchError,
    Cancelled,
    Done,
    Event,
    Existing,
    Failed,
    Job,
    Working,
    already_there,
    find_sources,
    plan,
    settle,
)
from inference.batch_process import BatchProcess

POLL_MS = 60


class BatchPanel(QWidget):
    """Choose files, a voice and a folder; convert; cancel."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._paths: list[Path] = []
        self._going: list[int] = []
        self._folder = Path.home()
        self._wanted = ""
        self.batch: BatchProcess | None = None
        self.model = BatchModel()
        self.table = QTableView()
        self.empty = label("Drop sound files or folders here, or press Add.", "caption")
        self.add_files = PushButton("Add files …")
        self.add_folder = PushButton("Add a folder …")
        self.clear = PushButton("Clear")
        self.voice = Select("Voice of the batch")
        self.format = Select("Format")
        self.out = PushButton("Choose folder …", "plain", "folder", "text_muted")
        self.out_name = ElidedLabel("")
        self.total = QProgressBar()
        self.summary = ElidedLabel("")
        self.convert = PushButton("Convert", "primary", "batch", "on_accent")
        self.cancel = PushButton("Cancel")
        self._set_up()
        self._lay_out()
        self._connect()
        self._timer = QTimer(self)
        self._timer.setInterval(POLL_MS)
        self._timer.timeout.connect(self._poll)
        self._show()

    def add(self, paths: Sequence[Path]) -> None:
        """Adds files and folders; the folder to write to becomes that of the first."""
        if self.batch is not None:
            self._complain("The batch goes on; wait for its end or cancel it before adding files.")
            return
        if paths and not self._paths:
            first = paths[0]
            self._folder = first if first.is_dir() else first.parent
        self._paths = find_sources([*self._paths, *paths])
        self.model.show_files(self._paths)
        self.summary.setText("")
        self._show()

    def begin_with(self, paths: Sequence[Path], folder: Path, suffix: str) -> None:
        """Starts over with these files."""
        if self.batch is None:
            self._paths = []
            self.add(paths)
            self._folder = folder
            self.format.setCurrentIndex(max(0, self.format.findData(suffix)))
            self._show()

    def start(self) -> None:
        """Converts; asks first where files would be written over."""
        voice = next((v for v in self._session.voices if v.id == self.voice.currentData()), None)
        if voice is None:
            return
        try:
            jobs = plan(self._paths, self._folder, str(self.format.currentData()), voice)
        except BatchError as error:
            self._complain(str(error))
            return
        if already_there(jobs):
            self._ask(jobs)
        else:
            self._run(jobs, jobs)

    def stop(self) -> None:
        """Ends the batch after a moment; files that are finished stay."""
        if self.batch is not None:
            self.batch.cancel()

    def _ask(self, jobs: list[Job]) -> None:
        """Offers what to do with files that are there; opens over the window and blocks nothing."""
        count = len(already_there(jobs))
        box = QMessageBox(self.window())
        box.setIcon(QMessageBox.Icon.Question)
        box.setText(f"{count} of the files exist already." if count > 1 else "This file exists already.")
        box.setInformativeText(f"In {self._folder}. What shall become of them?")
        for text, choice in (
            ("Keep both", Existing.RENAME),
            ("Skip", Existing.SKIP),
            ("Replace", Existing.REPLACE),
        ):
            button = box.addButton(text, QMessageBox.ButtonRole.ActionRole)
            button.clicked.connect(lambda _=False, c=choice: self._run(jobs, settle(jobs, c)))
        box.addButton(QMessageBox.StandardButton.Cancel)
        box.open()

    def _run(self, planned: list[Job], jobs: list[Job]) -> None:
        voice = next(v for v in self._session.voices if v.id == self.voice.currentData())
        wanted = {job.source for job in jobs}
        self._going = [i for i, job in enumerate(planned) if job.source in wanted]
        self.model.show_files([job.source for job in planned])
        for i, job in enumerate(planned):
            if job.source not in wanted:
                self.model.update(i, "skipped, exists already")
        if not jobs:
            self.summary.setText("Nothing to do: every file exists already.")
            return
        params = self._session.params
        self.batch = BatchProcess(
            jobs,
            voice,
            self._session.tuning.of(voice.id),
            noise_suppression=params.noise_suppression,
            loudness_match=params.loudness_match,
        )
        end_with(self, self.batch.cancel)
        self.total.setMaximum(100 * len(jobs))
        self.total.setValue(0)
        self._timer.start()
        self._show()

    def _poll(self) -> None:
        batch = self.batch
        if batch is None:
            return
        for event in batch.poll():
            self._take(event)
        if batch.finished:
            self._finish()

    def _take(self, event: Event) -> None:
        row = self._going[event.index]
        done = 100 * event.index
        match event:
            case Working(_, share):
                self.model.update(row, "", share)
                self.total.setValue(done + round(100 * share))
                self.summary.setText(f"File {event.index + 1} of {len(self._going)}")
            case Done(index, seconds):
                target = self.batch.jobs[index].target.name if self.batch else ""
                self.model.update(row, f"{target} ({seconds:.1f} s)")
                self.total.setValue(done + 100)
            case Failed(_, reason):
                self.model.update(row, reason, failed=True)
                self.total.setValue(done + 100)
            case Cancelled():
                self.model.update(row, "cancelled")

    def _finish(self) -> None:
        self._timer.stop()
        self.batch = None
        rows = [self.model.rows[i] for i in self._going]
        failed = sum(row.failed for row in rows)
        stopped = [i for i in self._going if self.model.rows[i].state in ("waits", "cancelled")]
        for i in stopped:
            self.model.update(i, "cancelled")
        done = len(rows) - failed - len(stopped)
        words = [f"{done} of {len(rows)} files converted to {self._folder}"]
        words += [f"{failed} failed"] * bool(failed) + [f"{len(stopped)} cancelled"] * bool(stopped)
        self.summary.setText(", ".join(words) + ".")
        self._session.recording.changed.emit()
        self._show()

    def _show(self) -> None:
        """Shows what can be done now."""
        idle = self.batch is None
        self.table.setVisible(bool(self.model.rows))
        self.empty.setVisible(not self.model.rows)
        for widget in (self.add_files, self.add_folder, self.clear, self.voice, self.format, self.out):
            widget.setEnabled(idle)
        self.clear.setEnabled(idle and bool(self._paths))
        self.convert.setEnabled(idle and bool(self._paths))
        self.cancel.setVisible(not idle)
        self.total.setVisible(not idle)
        self.out_name.setText(f"to {self._folder}")
        voices = self._session.voices
        chosen = self._wanted if any(v.id == self._wanted for v in voices) else self._session.voice_id
        shown = [self.voice.itemData(i) for i in range(self.voice.count())]
        if idle and (shown != [v.id for v in voices] or self.voice.currentData() != chosen):
            self.voice.show_items([(v.name, v.id) for v in voices], chosen)

    def _set_up(self) -> None:
        table = self.table
        table.setModel(self.model)
        table.setItemDelegate(ShareDelegate(table))
        table.setAccessibleName("Files to convert")
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setShowGrid(False)
        table.setTabKeyNavigation(False)
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(34)
        table.horizontalHeader().setHighlightSections(False)
        table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.format.show_items([(suffix[1:].upper(), suffix) for suffix in SUFFIXES], ".flac")
        self.total.setTextVisible(False)
        self.total.setAccessibleName("Progress of the whole batch")
        self.cancel.setToolTip("Ends after a moment; files that are finished stay")
        self.convert.setToolTip("Converts beside the call, at low priority")

    def _lay_out(self) -> None:
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        top = QHBoxLayout()
        top.setSpacing(8)
        for button in (self.add_files, self.add_folder, self.clear):
            top.addWidget(button)
        top.addStretch(1)
        column.addLayout(top)
        column.addWidget(self.table, 1)
        column.addWidget(self.empty, 1)
        how = QHBoxLayout()
        how.setSpacing(8)
        for text, box, width in (("Voice", self.voice, 190), ("Format", self.format, 96)):
            box.setFixedWidth(width)
            how.addWidget(label(text, "caption"))
            how.addWidget(box)
        how.addWidget(self.out)
        how.addWidget(self.out_name, 1)
        how.addWidget(self.cancel)
        how.addWidget(self.convert)
        column.addLayout(how)
        column.addWidget(self.total)
        column.addWidget(self.summary)

    def _connect(self) -> None:
        self.add_files.clicked.connect(self._choose_files)
        self.add_folder.clicked.connect(self._choose_sources)
        self.clear.clicked.connect(self._clear)
        self.out.clicked.connect(self._choose_out)
        self.voice.activated.connect(self._choose_voice)
        self.convert.clicked.connect(self.start)
        self.cancel.clicked.connect(self.stop)
        self._session.voice_changed.connect(lambda _: self._show())

    def _choose_voice(self) -> None:
        """The user's choice stays; before it the batch has the voice of the call."""
        self._wanted = str(self.voice.currentData())

    def _choose_files(self) -> None:
        self._session.dialogs.files(self, "Files to convert", Kind.SOUNDS, self.add)

    def _choose_sources(self) -> None:
        self._session.dialogs.folder(self, "Folder to convert", Kind.SOUNDS, lambda path: self.add([path]))

    def _choose_out(self) -> None:
        self._session.dialogs.folder(
            self, "Folder to write to", Kind.SOUNDS, self._write_to, begin=self._folder
        )

    def _write_to(self, folder: Path) -> None:
        self._folder = folder
        self._show()

    def _clear(self) -> None:
        self._paths = []
        self.model.show_files([])
        self.summary.setText("")
        self._show()

    def _complain(self, sentence: str) -> None:
        self._session.say(Notice(sentence, "danger"))
