"""The middle of the window: the live signal, and what to do first when there is none."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from gui.history import SignalHistory
from gui.widgets.buttons import PushButton
from gui.widgets.scope_view import GUTTER, ScopeView
from gui.widgets.text import label
from inference.engine.telemetry import Scope

START = "start"
EDGE = 6
"""Room (px) that the style leaves left of a step's text, for its focus ring."""
STEPS = (
    ("devices", "Choose your microphone", "and where the call listens, in Devices."),
    ("voices", "Pick a voice", "in Voices. You can change it while you speak."),
    (START, "Press Start", "and speak. Use headphones to hear yourself."),
)


class Introduction(QFrame):
    """Three steps for the first start; afterwards one line.

    Each step is a button that leads there: in a small window its panel lies below another one.
    `panel_wanted` carries the panel's name.
    """

    dismissed = Signal()
    panel_wanted = Signal(str)
    start_wanted = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("intro")
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(20, 16, 20, 16)
        self._column.setSpacing(10)
        self.title = label("Be heard in another voice", "value")
        self._column.addWidget(self.title)
        self._steps = QWidget()
        steps = QVBoxLayout(self._steps)
        steps.setContentsMargins(0, 0, 0, 0)
        steps.setSpacing(8)
        self.steps: dict[str, PushButton] = {}
        for number, (where, what, more) in enumerate(STEPS, 1):
            self.steps[where] = button = PushButton(what, "step")
            button.clicked.connect(lambda _=False, to=where: self._go(to))
            steps.addLayout(_step(number, button, more))
        self._column.addWidget(self._steps)
        self.button = PushButton("Got it", "plain")
        self.button.clicked.connect(self.dismissed)
        self._column.addWidget(self.button, alignment=Qt.AlignmentFlag.AlignRight)

    def _go(self, where: str) -> None:
        if where == START:
            self.start_wanted.emit()
        else:
            self.panel_wanted.emit(where)

    def set_brief(self, brief: bool) -> None:
        """Shows one line in place of the steps."""
        self.title.setText("Press Start to see and hear your voice" if brief else "Be heard in another voice")
        self._steps.setVisible(not brief)
        self.button.setVisible(not brief)


class ScopePanel(QFrame):
    """Feeds the scope; `introduced` says that the first steps were read."""

    introduced = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("card")
        self.history = SignalHistory()
        self.view = ScopeView(self.history)
        column = QVBoxLayout(self)
        column.setContentsMargins(6, 12, 0, 4)
        column.addWidget(self.view)
        self.intro = Introduction(self)
        self.intro.dismissed.connect(self.introduced)
        self.installEventFilter(self)

    def show_scope(self, scope: Scope) -> None:
        """Draws what is new."""
        self.history.append(scope)
        self.view.advance()

    def show_running(self, running: bool) -> None:
        """Hides the first steps for good once there is a signal to look at."""
        self.intro.setVisible(not running and self.history.end == 0)
        self._place()

    def set_introduced(self, introduced: bool) -> None:
        """Shows all steps or one line."""
        self.intro.set_brief(introduced)
        self._place()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keeps the introduction in the middle."""
        if event.type() in (QEvent.Type.Resize, QEvent.Type.LayoutRequest, QEvent.Type.Show):
            self._place()
        return super().eventFilter(watched, event)

    def _place(self) -> None:
        self.intro.adjustSize()
        middle = self.view.geometry().center()
        left = middle.x() + GUTTER // 2 - self.intro.width() // 2
        left = max(0, min(left, self.width() - self.intro.width()))
        self.intro.move(left, middle.y() - self.intro.height() // 2)
        self.intro.raise_()


def _step(number: int, what: PushButton, more: str) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(10 - EDGE)
    mark = label(str(number), "step")
    mark.setAlignment(Qt.AlignmentFlag.AlignCenter)
    row.addWidget(mark)
    text = QVBoxLayout()
    text.setSpacing(0)
    text.addWidget(what, alignment=Qt.AlignmentFlag.AlignLeft)
    caption = label(more, "caption")
    caption.setContentsMargins(EDGE, 0, 0, 0)
    text.addWidget(caption)
    row.addLayout(text, 1)
    return row
