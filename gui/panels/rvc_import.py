"""The dialog that takes an RVC voice in: what it is, its name, who agreed, and how far the import is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLineEdit,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from gui.control.library import LibraryController
from gui.control.rvc_import import RvcImporter
from gui.file_dialogs import FileDialogs, Kind
from gui.pages.enrol.consent import ConsentStep
from gui.pages.enrol.step import StepCard, field
from gui.panels.usual_pitch import NAME as PITCH_NAME
from gui.panels.usual_pitch import PitchField
from gui.widgets.buttons import PushButton
from gui.widgets.dock import panel_area
from gui.widgets.select import Select
from gui.widgets.text import label
from inference.rvc.checkpoint import Checkpoint
from inference.rvc.content import installed_content
from inference.rvc.importing import INDEX_SUFFIX, Wish
from inference.usual_pitch import UsualPitch
from voices.folder import LibraryError
from voices.manifest import MAX_NAME, ArchiveError

WIDTH = 480
TITLE_BAR = 36
"""What a system draws over a dialog (px), where it does not say."""
LEAST_STEPS = 160
MOST_SPEAKERS = 64
"""More are the empty places of a voice trained from RVC's base models, which have 109."""

QUALITY = (
    "Studio quality: RVC listens for 0.2 to 1.1 s before it speaks. "
    "For a quick exchange, use a voice of Menura's own."
)


NO_CONTENT = (
    "It speaks once RVC's content model is installed, which Menura does not bring: add the voice, then get "
    "hubert_base.pt (190 MB) and drop it onto the window."
)


class VoiceStep(StepCard):
    """Step 1: the file, the name, the speaker of several, the index, the usual pitch."""

    def __init__(self, path: Path, index: Path | None, dialogs: FileDialogs) -> None:
        super().__init__(1, "Voice")
        self._dialogs = dialogs
        self.index = index
        self.about = label(f"Reading {path.name} …", wrap=True)
        self.name = QLineEdit()
        self.name.setMaxLength(MAX_NAME)
        self.speaker = Select("Speaker")
        self.choose = PushButton("", "plain", "folder")
        self.pitch = PitchField(dialogs)
        self._pitch_caption, _ = field(PITCH_NAME, self.pitch)
        self._speaker_caption, _ = field("Speaker", self.speaker)
        index_caption, _ = field("Index, which brings it nearer to its speaker", self.choose)
        self._asked = QWidget()
        column = QVBoxLayout(self._asked)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(label(QUALITY, "caption", wrap=True))
        self.no_content = label(NO_CONTENT, "warning", wrap=True)
        self.no_content.setVisible(installed_content() is None)
        column.addWidget(self.no_content)
        column.addSpacing(4)
        for widget in (*field("Name", self.name), self._speaker_caption, self.speaker):
            column.addWidget(widget)
        for widget in (index_caption, self.choose, self._pitch_caption, self.pitch):
            column.addWidget(widget)
        self.body.addWidget(self.about)
        self.body.addWidget(self._asked)
        self.show_index(index)
        self._show_speakers(False)
        self.choose.clicked.connect(self._ask)

    def show_refusal(self, sentence: str) -> None:
        """Says why the file cannot be used, and asks nothing."""
        self.about.setText(sentence)
        self._asked.hide()

    def show_found(self, found: Checkpoint) -> None:
        """Shows what the file says of itself."""
        sizes = found.sizes
        pitch = "follows your melody" if sizes.pitch else "has one melody of its own"
        about = f"{found.path.name}: RVC {found.version}, {sizes.sample_rate // 1000} kHz, {pitch}"
        self.about.setText(f"{about} ({found.info})" if found.info else about)
        self.pitch.show_pitch(UsualPitch(found.f0_median_hz))
        self.pitch.setVisible(sizes.pitch)
        self._pitch_caption.setVisible(sizes.pitch)
        names = found.speaker_names or [f"Number {number}" for number in range(sizes.speakers)]
        if 1 < sizes.speakers <= MOST_SPEAKERS:
            self.speaker.show_items([(name, number) for number, name in enumerate(names)], 0)
            self._show_speakers(True)

    def show_index(self, index: Path | None) -> None:
        """Shows the file that goes with the voice."""
        self.index = index
        self.choose.setText(index.name if index else "None; choose a file …")

    def _show_speakers(self, there: bool) -> None:
        self._speaker_caption.setVisible(there)
        self.speaker.setVisible(there)

    def _ask(self) -> None:
        filters = f"Index (*{INDEX_SUFFIX})"
        self._dialogs.file(self, "Index of this voice", Kind.VOICES, self.show_index, filters)


class RvcDialog(QDialog):
    """Open until the voice is in the library or its user has enough; blocks nothing.

    >>> RvcDialog(window, session.library, session.dialogs, path, index).open()
    """

    def __init__(
        self,
        parent: QWidget,
        library: LibraryController,
        dialogs: FileDialogs,
        path: Path,
        index: Path | None = None,
    ) -> None:
        super().__init__(parent.window())
        self.setWindowTitle("Add an RVC voice")
        self.setFixedWidth(WIDTH)
        self._library, self._path = library, path
        self._known = False
        self.importer = RvcImporter(library, self)
        self.step, self.consent = VoiceStep(path, index, dialogs), ConsentStep()
        self.step.name.setText(library.library.free_name(path.stem))
        self.reason = label("", "caption", wrap=True)
        self.progress = QProgressBar()
        self.progress.setRange(0, 100)
        self.progress.setTextVisible(False)
        self.progress.hide()
        self.add = PushButton("Add voice", "primary")
        self.cancel = PushButton("Cancel")
        self._lay_out()
        self._connect()
        self.importer.look(path)
        self._show()

    def reject(self) -> None:
        """Ends the import, or closes where there is none."""
        if self.importer.busy:
            self.importer.cancel()
            self.reason.setText("Ending …")
        else:
            super().reject()

    def _lay_out(self) -> None:
        self._column = column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 18)
        column.setSpacing(12)
        column.addWidget(label("Add an RVC voice", "title"))
        self._steps = QWidget()
        steps = QVBoxLayout(self._steps)
        steps.setContentsMargins(0, 0, 0, 0)
        steps.setSpacing(12)
        steps.addWidget(self.step)
        steps.addWidget(self.consent)
        self._area = panel_area(self._steps)
        for widget in (self._area, self.progress, self.reason):
            column.addWidget(widget)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(self.cancel)
        buttons.addWidget(self.add)
        column.addLayout(buttons)

    def _connect(self) -> None:
        self.importer.looked_at.connect(self._show_found)
        self.importer.told.connect(self._show_step)
        self.importer.refused.connect(self._show_refusal)
        self.importer.finished.connect(self.accept)
        self.step.name.textChanged.connect(self._show)
        self.step.pitch.changed.connect(self._show)
        self.consent.changed.connect(self._show)
        self.add.clicked.connect(self._start)
        self.cancel.clicked.connect(self.reject)
        self.finished.connect(self.importer.leave)

    def _start(self) -> None:
        agreement = self.consent.agreement()
        if self._missing() or agreement is None:
            return
        step = self.step
        speaker = int(step.speaker.currentData() or 0)
        name = step.name.text().strip()
        wish = Wish(self._path, agreement.consent, step.index, name, agreement.licence)
        self.importer.start(replace(wish, speaker=speaker, pitch=step.pitch.pitch()))
        self.progress.setValue(0)
        self._show()

    def _missing(self) -> str:
        """What has still to be said: a sentence, or empty."""
        try:
            self._library.library.check_new_name(self.step.name.text())
        except (ArchiveError, LibraryError) as error:
            return str(error)
        return self.step.pitch.missing() or self.consent.missing()

    def _show(self) -> None:
        busy = self.importer.busy
        missing = "" if busy else self._missing()
        self.reason.setText(missing)
        self.add.setEnabled(self._known and not busy and not missing)
        self.step.setEnabled(not busy)
        self.consent.setEnabled(not busy)
        self.progress.setVisible(busy)
        QTimer.singleShot(0, self, self._fit)

    def _fit(self) -> None:
        """Takes the height that wrapped lines need at this width, once all of them are laid out.

        Where the screen is lower than that the steps scroll: the buttons stay on it.
        """
        sides = self._column.contentsMargins()
        steps = self._steps.layout()
        assert steps is not None
        needed = steps.totalHeightForWidth(WIDTH - sides.left() - sides.right())
        self._area.setFixedHeight(needed)
        self._column.activate()
        whole = self._column.totalHeightForWidth(WIDTH)
        room = self.screen().availableGeometry()
        title = max(TITLE_BAR, self.frameGeometry().height() - self.height())
        over = max(0, whole + title - room.height())
        self._area.setFixedHeight(max(needed - over, LEAST_STEPS))
        self._column.activate()
        self.setFixedHeight(self._column.totalHeightForWidth(WIDTH))
        below = self.frameGeometry().bottom() - room.bottom()
        if below > 0:
            self.move(self.x(), max(room.top(), self.y() - below))

    def _show_found(self, found: Checkpoint) -> None:
        self._known = True
        self.step.show_found(found)
        self._show()

    def _show_step(self, what: str, share: float) -> None:
        self.progress.setValue(round(100 * share))
        self.reason.setText(f"{what} …")

    def _show_refusal(self, sentence: str) -> None:
        if not sentence:
            super().reject()
            return
        if not self._known:
            self.step.show_refusal(sentence)
            self.consent.hide()
            self.add.hide()
            self.cancel.setText("Close")
        self._show()
        self.reason.setText(sentence if self._known else "")


class RvcQueue:
    """Opens a dialog for each of several voices, one after the other.

    >>> queue.add(window, [(path, index)])
    """

    def __init__(self, library: LibraryController, dialogs: FileDialogs) -> None:
        self._library, self._dialogs = library, dialogs
        self._waiting: list[tuple[Path, Path | None]] = []
        self._open = False

    def add(self, parent: QWidget, voices: Sequence[tuple[Path, Path | None]]) -> None:
        """Asks about these after those that wait."""
        self._waiting.extend(voices)
        if not self._open:
            self._next(parent)

    def _next(self, parent: QWidget) -> None:
        self._open = bool(self._waiting)
        if self._open:
            dialog = RvcDialog(parent, self._library, self._dialogs, *self._waiting.pop(0))
            dialog.finished.connect(lambda _: self._next(parent))
            dialog.finished.connect(dialog.deleteLater)
            dialog.open()
