"""The Call page's check: one click, a phrase through the whole way, and what to do where it is not good."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QProgressBar, QVBoxLayout, QWidget

from audio.opus import OPUS_RATE
from gui.control.call_check import CallCheckController, Step
from gui.control.notice import Notice
from gui.jobs import end_with
from gui.pages.frame import section
from gui.widgets.buttons import PushButton
from gui.widgets.text import label
from inference.call_check import Grade, Line, Result, Verdict
from inference.replay_player import Player

if TYPE_CHECKING:
    from gui.session import Session

TONES = {Grade.GOOD: "live", Grade.FAIR: "warning", Grade.POOR: "danger"}
MARKS = {Grade.GOOD: "✓", Grade.FAIR: "!", Grade.POOR: "✕"}
VERDICTS = {
    Verdict.GOOD: ("Good: a call hears the voice well.", Grade.GOOD),
    Verdict.FLAWS: ("Works with flaws", Grade.FAIR),
    Verdict.FAILS: ("Does not work", Grade.POOR),
}
STEPS = {
    Step.STARTING: "Going live …",
    Step.LISTENING: "Opening the far end …",
    Step.SPEAKING: "Menura speaks; whoever is in the call hears it …",
    Step.COLLECTING: "Taking the far end's recording …",
    Step.JUDGING: "Judging …",
}
_POLL_MS = 100
SETTLE_MS = 50
"""Lines that wrap say only in their new width how high they are."""


class CheckSection(QWidget):
    """Button, progress, verdict and a line per figure; `judged` once those have their place."""

    judged = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.control = CallCheckController(session, self)
        self.player = Player()
        self.run = PushButton("Check the call", "primary", "call", "on_accent")
        self.run.setToolTip("Speaks a phrase in your place and records what a call gets, about 10 s")
        self.hear = PushButton("Hear it", "plain", "play", "text_muted")
        self.hear.setToolTip("Plays what the far end got on your headphones, not into the call")
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setRange(0, 100)
        self.progress.setAccessibleName("Call check")
        self.state = label("", "caption", wrap=True)
        self.verdict = label("", "value", wrap=True)
        self.problem = label("", "danger", wrap=True)
        self._lines = QVBoxLayout()
        self._shown: Result | None = None
        self._lay_out()
        self.run.clicked.connect(self._toggle)
        self.hear.clicked.connect(self._hear)
        self.control.changed.connect(self.show_check)
        session.state_changed.connect(lambda *_: self.show_check())
        self._timer = QTimer(self)
        self._timer.setInterval(_POLL_MS)
        self._timer.timeout.connect(self._follow_player)
        end_with(self, self.player.close)
        self.show_check()

    def show_check(self) -> None:
        """Shows where the check is, or what it found."""
        control = self.control
        idle = "Check the call" if self._session.running else "Start and check the call"
        words = "Stop the check" if control.busy else idle
        if self.run.text() != words:
            self.run.setText(words)
            self.run.set_kind("plain" if control.busy else "primary")
            self.run.show_icon("stop" if control.busy else "call", "text" if control.busy else "on_accent")
        self.progress.setVisible(control.busy)
        self.progress.setValue(round(100 * control.progress))
        self.state.setText(STEPS.get(control.step, ""))
        self.state.setVisible(control.busy)
        self.problem.setText(control.problem)
        self.problem.setVisible(bool(control.problem))
        self.hear.setVisible(control.result is not None and len(control.result.heard) > 0)
        if control.result is not self._shown:
            self._show_result(control.result)

    def _show_result(self, result: Result | None) -> None:
        self._shown = result
        self.player.pause()
        while item := self._lines.takeAt(0):
            old = item.widget()
            if old:
                old.hide()
                old.deleteLater()
        self.verdict.setVisible(result is not None)
        if result is None:
            return
        words, grade = VERDICTS[result.verdict]
        self.verdict.setText(words)
        _colour(self.verdict, grade)
        self._lines.addWidget(_table(result))
        QTimer.singleShot(SETTLE_MS, self, self.judged.emit)

    def _toggle(self) -> None:
        if self.control.busy:
            self.control.stop()
        else:
            self.player.pause()
            self.control.start()

    def _monitor(self) -> str | None:
        return self._session.devices.stream_config().monitor_device

    def _hear(self) -> None:
        if self.player.playing:
            self.player.pause()
        elif self._monitor() is None and self._session.running:
            self._complain("The call would hear this: first choose headphones in Compare, on the Live page.")
        elif self._shown is not None:
            self.player.load([self._shown.heard], OPUS_RATE, self._monitor())
            self.player.play()
            self._timer.start()
        self._follow_player()

    def _follow_player(self) -> None:
        for failure in self.player.poll():
            self._complain(failure.reason)
        playing = self.player.playing
        if not playing:
            self._timer.stop()
        self.hear.setText("Pause" if playing else "Hear it")
        self.hear.show_icon("pause" if playing else "play", "text_muted")

    def _complain(self, sentence: str) -> None:
        self._session.say(Notice(sentence, "danger"))

    def _lay_out(self) -> None:
        frame, column = section("Call check")
        column.addWidget(
            label(
                "Speaks a known phrase in your place, through voice, cable and a call's codec, and listens "
                "at the other end.",
                "caption",
                wrap=True,
            )
        )
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        for button in (self.run, self.hear):
            buttons.addWidget(button)
        buttons.addStretch(1)
        column.addLayout(buttons)
        for part in (self.progress, self.state, self.problem, self.verdict):
            column.addWidget(part)
        column.addLayout(self._lines)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(frame)
        self.verdict.hide()


def _colour(text: QLabel, grade: Grade) -> None:
    text.setProperty("tone", TONES[grade])
    text.style().unpolish(text)
    text.style().polish(text)


def _table(result: Result) -> QWidget:
    """A row per figure, what to do about it below."""
    table = QWidget()
    grid = QGridLayout(table)
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setHorizontalSpacing(10)
    grid.setVerticalSpacing(3)
    grid.setColumnStretch(2, 1)
    for number, line in enumerate(result.lines):
        _fill(grid, 2 * number, line)
    return table


def _fill(grid: QGridLayout, row: int, line: Line) -> None:
    mark, value = label(MARKS[line.grade], "panel"), label(line.value)
    for coloured in (mark, value):
        _colour(coloured, line.grade)
    value.setAccessibleName(f"{line.name}: {line.value}, {line.grade}")
    grid.addWidget(mark, row, 0)
    grid.addWidget(label(line.name), row, 1)
    grid.addWidget(value, row, 2)
    if line.advice:
        advice = label(line.advice, "caption", wrap=True)
        advice.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        grid.addWidget(advice, row + 1, 1, 1, 2)
