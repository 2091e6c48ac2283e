"""How far a refinement is, below the voices: what goes on, how long still, stop, go on, throw away."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QVBoxLayout

from gui.control.refine import Work
from gui.widgets.buttons import IconButton
from gui.widgets.text import ElidedLabel, label


class RefineBar(QFrame):
    """Hidden while nothing is refined."""

    stopped = Signal()
    resumed = Signal()
    discarded = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("tile")
        self.title = ElidedLabel("", "panel")
        self.state = label("", "caption", wrap=True)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setMaximum(1000)
        self.stop = IconButton("pause", "Stop refining; go on later", 16)
        self.cancel = IconButton("close", "Cancel; nothing is kept", 16)
        self.resume = IconButton("play", "Go on refining", 16)
        self.discard = IconButton("trash", "Throw this refinement away", 16)
        self.stop.clicked.connect(self.stopped)
        self.cancel.clicked.connect(self.stopped)
        self.resume.clicked.connect(self.resumed)
        self.discard.clicked.connect(self.discarded)
        row = QHBoxLayout()
        row.setSpacing(2)
        row.addWidget(self.title, 1)
        # Last are those that take each other's place: a second click on "stop" must not throw away.
        for button in (self.discard, self.stop, self.cancel, self.resume):
            row.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 6, 8, 10)
        column.setSpacing(4)
        column.addLayout(row)
        column.addWidget(self.bar)
        column.addWidget(self.state)
        self.hide()

    def show_work(self, work: Work | None) -> None:
        """Shows how far it is, or hides."""
        self.setVisible(work is not None)
        if work is None:
            return
        self.title.setText(f"Refining {work.name}")
        self.bar.setValue(round(1000 * work.share))
        self.bar.setAccessibleName(f"Refining {work.name}")
        self.state.setText(_words(work))
        self.stop.setVisible(work.going and work.begun)
        self.cancel.setVisible(work.going and not work.begun)
        self.resume.setVisible(not work.going)
        self.discard.setVisible(not work.going)


def _words(work: Work) -> str:
    if not work.going:
        return f"Stopped at {work.share:.0%}"
    if work.left_s is None:
        return f"{work.stage} …"
    minutes = round(work.left_s / 60)
    left = "less than a minute" if minutes < 1 else f"about {minutes} min"
    return f"{work.stage} · {work.share:.0%} · {left} left"
