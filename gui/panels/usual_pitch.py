"""Where a voice usually speaks: typed, or measured in a recording of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QIntValidator
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from gui.file_dialogs import FileDialogs, Kind
from gui.jobs import Jobs, end_with
from gui.widgets.buttons import PushButton
from gui.widgets.text import label
from inference.usual_pitch import HIGHEST_HZ, PitchError, UsualPitch, heard_in, said
from voices.voice import Voice

NAME = "Usual pitch"
WHAT = "“Move to the voice's range” brings your pitch to where the voice usually speaks."
KNOWN = "“Move to the voice's range” then brings your pitch there."
UNKNOWN = "Leave it empty if unknown: the voice keeps your pitch then."
_WIDTH, _NUMBER_WIDTH = 420, 110


class PitchField(QWidget):
    """A number that may be left empty, and a button that measures it; `changed` on every edit."""

    changed = Signal()

    def __init__(self, dialogs: FileDialogs) -> None:
        super().__init__()
        self._dialogs = dialogs
        self.number = QLineEdit()
        self.number.setPlaceholderText("Not known")
        self.number.setAccessibleName(NAME)
        self.number.setValidator(QIntValidator(1, round(HIGHEST_HZ), self.number))
        self.number.setFixedWidth(_NUMBER_WIDTH)
        self.measure = PushButton("Measure in a recording …", "plain", "wave")
        self.note = label(UNKNOWN, "caption", wrap=True)
        self._measured = UsualPitch()
        self._jobs = jobs = Jobs(self)
        jobs.finished.connect(self._show_measured)
        jobs.failed.connect(lambda _, sentence: self._say(sentence))
        end_with(self, jobs.close)
        self.number.textEdited.connect(self._edit)
        self.measure.clicked.connect(self._ask)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.number)
        row.addWidget(label("Hz"))
        row.addWidget(self.measure, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(row)
        column.addWidget(self.note)

    def show_pitch(self, pitch: UsualPitch) -> None:
        """Shows what is known."""
        self._measured = pitch
        self.number.setText(f"{pitch.median_hz:.0f}" if pitch.median_hz else "")
        self._say(pitch.in_words() or UNKNOWN)

    def pitch(self) -> UsualPitch:
        """What is wanted. Raises PitchError for a number that no voice has."""
        text = self.number.text().strip()
        if not text:
            return UsualPitch()
        if text == f"{self._measured.median_hz:.0f}":
            return self._measured
        return said(float(text))

    def missing(self) -> str:
        """What has still to be said: a sentence, or empty."""
        try:
            self.pitch()
        except PitchError as error:
            return str(error)
        return self.note.text() if self._jobs.busy else ""

    def listen(self, path: Path) -> None:
        """Measures the pitch in a recording."""
        self._jobs.submit(path.name, heard_in, (path,))
        self._say(f"Listening to {path.name} …")

    def _edit(self) -> None:
        # A line in either case: what stands below must not move under the pointer.
        self._say(KNOWN if self.number.text() else UNKNOWN)

    def _ask(self) -> None:
        title = "A recording of the voice, spoken by one person"
        self._dialogs.file(self, title, Kind.SOUNDS, self.listen)

    def _show_measured(self, name: str, pitch: UsualPitch) -> None:
        self.show_pitch(pitch)
        self._say(f"{name}: {pitch.in_words()}")

    def _say(self, sentence: str) -> None:
        self.note.setText(sentence)
        self.note.setVisible(bool(sentence))
        self.changed.emit()


class PitchDialog(QDialog):
    """Calls `then` with the pitch chosen for a voice; opens over its window and blocks nothing.

    >>> PitchDialog(panel, voice, dialogs, lambda pitch: library.set_pitch(voice.id, pitch)).open()
    """

    def __init__(
        self, parent: QWidget, voice: Voice, dialogs: FileDialogs, then: Callable[[UsualPitch], None]
    ) -> None:
        super().__init__(parent.window())
        self.setWindowTitle(f"Usual pitch of {voice.name}")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setFixedWidth(_WIDTH)
        self._then = then
        self.field = PitchField(dialogs)
        self.field.show_pitch(UsualPitch.of(voice))
        self.reason = label("", "caption", wrap=True)
        self.ok = PushButton("Save", "primary")
        self.ok.setDefault(True)
        cancel = PushButton("Cancel")
        cancel.clicked.connect(self.reject)
        self.ok.clicked.connect(self._accept)
        self.field.changed.connect(self._show)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 18)
        column.setSpacing(12)
        column.addWidget(label(f"Usual pitch of {voice.name}", "title", wrap=True))
        column.addWidget(label(WHAT, "caption", wrap=True))
        column.addWidget(self.field)
        column.addWidget(self.reason)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(cancel)
        buttons.addWidget(self.ok)
        column.addLayout(buttons)
        self._show()

    def _show(self) -> None:
        missing = self.field.missing()
        self.reason.setText("" if missing == self.field.note.text() else missing)
        self.reason.setVisible(bool(self.reason.text()))
        self.ok.setEnabled(not missing)

    def _accept(self) -> None:
        pitch = self.field.pitch()
        self.accept()
        self._then(pitch)
