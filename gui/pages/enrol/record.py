"""Recording: a text to read, the microphone, countdown, level, advice and how much there is."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from audio.devices import Device
from gui.pages.enrol.prompts import all_prompts
from gui.pages.enrol.step import GoalBar
from gui.theme import font
from gui.widgets.buttons import IconButton, PushButton
from gui.widgets.level_meter import LevelMeter
from gui.widgets.select import Select
from gui.widgets.text import Readout, label
from inference.quality.live import Advice, Tone

PROMPT_PX = (132, 2000)
TEXT_PX = (16, 20)
"""Greatest height of the text to read, and height of its letters, with clips below and without."""

COUNT_FROM = 3
COUNT_MS = 1000
ENOUGH_S, GOAL_S = 10.0, 30.0
ENOUGH_WORDS = "Enough for a good voice: stop when you like."
READY = "Press Record, wait for the countdown, then read the text aloud."


class PromptView(QFrame):
    """The text to read, in a language of the user's, with the next one at hand."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("tile")
        self._prompts = all_prompts()
        self._at = [0] * len(self._prompts)
        self.language = Select("Language of the text")
        names = [(prompts.language, i) for i, prompts in enumerate(self._prompts)]
        self.language.show_items([(name, i) for name, i in names], 0)
        self.language.setMinimumContentsLength(9)
        self.next = IconButton("refresh", "Another text", 16)
        self.text: QLabel = label("", "prompt", wrap=True)
        self.text.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._lay_out()
        self.language.activated.connect(self._show)
        self.next.clicked.connect(self._turn)
        self._show()

    def _lay_out(self) -> None:
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(self.text)
        top = QHBoxLayout()
        top.addWidget(label("Read this aloud", "section"), 1)
        top.addWidget(self.language)
        top.addWidget(self.next)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 8, 10)
        column.setSpacing(4)
        column.addLayout(top)
        column.addWidget(scroll, 1)
        self.setMinimumHeight(PROMPT_PX[0])
        self.set_compact(False)

    def set_compact(self, on: bool) -> None:
        """Leaves more room for what stands below."""
        self.setMaximumHeight(PROMPT_PX[0 if on else 1])
        self.text.setFont(font(TEXT_PX[0 if on else 1]))

    def _turn(self) -> None:
        language = self.language.currentIndex()
        self._at[language] = (self._at[language] + 1) % len(self._prompts[language].texts)
        self._show()

    def _show(self) -> None:
        language = max(0, self.language.currentIndex())
        text = self._prompts[language].texts[self._at[language]]
        self.text.setText(text)
        self.text.setAccessibleName(f"Text to read: {text}")


class RecordPanel(QWidget):
    """`listen_wanted` opens the microphone, `record_wanted` follows the countdown.

    `finish_wanted(keep)` ends the take; `microphone_chosen(name or None)`.
    """

    listen_wanted = Signal()
    record_wanted = Signal()
    finish_wanted = Signal(bool)
    microphone_chosen = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.prompt = PromptView()
        self.microphone = Select("Microphone")
        self.button = PushButton("Record", "primary", "record", "on_accent")
        self.button.setMinimumWidth(150)
        self.cancel = PushButton("Discard", "link")
        self.cancel.setToolTip("Stop and throw this take away")
        self.meter = LevelMeter("Level of the microphone", "input", scale=False)
        self.goal = GoalBar("Speech in this take", ENOUGH_S, GOAL_S)
        self.elapsed = Readout("value", "00:00")
        self.advice: QLabel = label(READY, "panel", wrap=True)
        self.state = "idle"
        self._left = 0
        self._countdown = QTimer(self)
        self._countdown.setInterval(COUNT_MS)
        self._countdown.timeout.connect(self._count)
        self._lay_out()
        self.button.clicked.connect(self._press)
        self.cancel.clicked.connect(lambda: self._end(False))
        self.microphone.activated.connect(self._choose)
        self._show_state("idle")

    def set_compact(self, on: bool) -> None:
        """Leaves more room for what stands below."""
        self.prompt.set_compact(on)

    def show_microphones(self, devices: tuple[Device, ...], chosen: str | None) -> None:
        """Lists the microphones."""
        items: list[tuple[str, object]] = [("System microphone", None)]
        items += [(d.label, d.name) for d in devices if d.inputs]
        missing = chosen is not None and chosen not in [data for _, data in items]
        if missing:
            items.append((f"{chosen} (not connected)", chosen))
        self.microphone.show_items(items, chosen, missing)

    def show_level(self, peak: float, rms: float) -> None:
        """Shows the level now, linear."""
        self.meter.show_level(peak, rms)

    def show_time(self, seconds: float, speech_s: float) -> None:
        """Shows how long the take is and how much of it is speech."""
        if self.state == "recording":
            self.elapsed.setText(f"{int(seconds) // 60:02d}:{int(seconds) % 60:02d}")
            self.goal.show_seconds(speech_s)

    def show_advice(self, advice: Advice) -> None:
        """Says what to do just now."""
        if self.state in ("countdown", "recording"):
            enough = self.state == "recording" and self.goal.seconds >= GOAL_S
            done = enough and advice.tone is Tone.CALM
            self._say(
                "Enough for a good voice: stop when you like." if done else advice.sentence, advice.tone
            )

    def show_ended(self, problem: str) -> None:
        """Goes back to the beginning."""
        self._countdown.stop()
        self._show_state("idle")
        self._say(problem or READY, Tone.WARNING if problem else Tone.CALM)

    def stop(self) -> None:
        """Ends the take and keeps it."""
        if self.state != "idle":
            self._end(self.state == "recording")

    def _press(self) -> None:
        if self.state == "idle":
            self._left = COUNT_FROM
            self._show_state("countdown")
            self._say("Be quiet for a moment: the room is being measured.", Tone.CALM)
            self.listen_wanted.emit()
            self._countdown.start()
        elif self.state != "ending":
            self._end(self.state == "recording")

    def _count(self) -> None:
        self._left -= 1
        if self._left > 0:
            self.elapsed.setText(str(self._left))
            return
        self._countdown.stop()
        self._show_state("recording")
        self.record_wanted.emit()

    def _end(self, keep: bool) -> None:
        recorded = self.state == "recording"
        self._countdown.stop()
        self.finish_wanted.emit(keep)
        if keep and recorded:
            self._show_state("ending")
        else:
            self.show_ended("")

    def _show_state(self, state: str) -> None:
        self.state = state
        text, glyph = {
            "idle": ("Record", "record"),
            "countdown": ("Cancel", "close"),
            "recording": ("Stop", "stop"),
            "ending": ("Saving …", "record"),
        }[state]
        self.button.setText(text)
        self.button.show_icon(glyph, "on_accent")
        self.button.setEnabled(state != "ending")
        self.cancel.setVisible(state == "recording")
        self.microphone.setEnabled(state == "idle")
        self.elapsed.setText(str(self._left) if state == "countdown" else "00:00")
        if state != "recording":
            self.goal.show_seconds(0.0)
            self.meter.show_level(0.0, 0.0)

    def _say(self, sentence: str, tone: Tone) -> None:
        self.advice.setText(sentence)
        self.advice.setAccessibleName(sentence)
        shown = "warning" if tone is Tone.WARNING else ""
        if self.advice.property("tone") != shown:
            self.advice.setProperty("tone", shown)
            self.advice.style().unpolish(self.advice)
            self.advice.style().polish(self.advice)

    def _choose(self) -> None:
        self.microphone_chosen.emit(self.microphone.currentData())

    def _lay_out(self) -> None:
        bars = QVBoxLayout()
        bars.setSpacing(5)
        bars.addWidget(self.meter)
        bars.addWidget(self.goal)
        row = QHBoxLayout()
        row.setSpacing(12)
        row.addWidget(self.button)
        row.addWidget(self.elapsed)
        row.addLayout(bars, 1)
        row.addWidget(self.cancel)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.prompt, 1)
        column.addLayout(row)
        column.addWidget(self.advice)
