"""The bar on top: start and stop, state, voice, latency, dropouts, theme and menu."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QToolButton, QVBoxLayout, QWidget

from gui.theme import current
from gui.widgets.buttons import IconButton, PushButton
from gui.widgets.text import ElidedLabel, Readout, label
from gui.widgets.voice_cards import paint_avatar
from inference.engine.messages import EngineState, Mode
from inference.engine.telemetry import Telemetry
from voices.voice import Voice

STATES = {
    EngineState.STOPPED: ("Stopped", "text_muted", "Press Start to go live"),
    EngineState.STARTING: ("Starting", "warning", "Opening the devices"),
    EngineState.RUNNING: ("Live", "live", ""),
    EngineState.DEGRADED: ("Degraded", "warning", "Something limits the sound"),
    EngineState.FAILED: ("Failed", "danger", "The engine could not go on"),
}
HEARS = {
    Mode.CONVERTED: "The call hears the chosen voice",
    Mode.BYPASS: "The call hears your own voice",
    Mode.MUTE: "The call hears nothing",
}


class Painted(QWidget):
    """A small fixed-size picture: a state's dot or a voice's face."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.setFixedSize(QSize(size, size))
        self.role = ""
        self.voice: Voice | None = None
        self.picture: QImage | None = None

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws whichever it is."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        if self.voice:
            paint_avatar(painter, box, self.voice, self.picture)
        elif self.role:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(getattr(current(), self.role)))
            painter.drawEllipse(box)
        painter.end()


class TransportBar(QFrame):
    """Shows what it is told; `toggled` and `theme_clicked` are the user's wishes."""

    toggled = Signal()
    theme_clicked = Signal()

    def __init__(self, menu: QMenu) -> None:
        super().__init__()
        self.setObjectName("bar")
        self.start = PushButton("Start", "primary", "play", "on_accent")
        self.start.setObjectName("transport")
        self.start.setMinimumWidth(124)
        self.start.clicked.connect(self.toggled)
        self._dot = Painted(12)
        self.state = label("Stopped", "value")
        self.reason = ElidedLabel()
        self._face = Painted(36)
        self.voice = ElidedLabel("No voice", "panel")
        self.hears = label("", "caption")
        self.latency = Readout("numeral", "100.0 ms")
        self.dropouts = Readout("numeral", "0000")
        self.lost = label("dropouts", "caption")
        self.theme = IconButton("moon", "Switch theme (Ctrl+T)", 20)
        self.theme.clicked.connect(self.theme_clicked)
        self.menu = IconButton("more", "Panels, theme and shortcuts", 20)
        self.menu.setMenu(menu)
        self.menu.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._lay_out()
        self._usual, self._told, self._mode = "", "", Mode.CONVERTED
        self.show_state(EngineState.STOPPED, "")
        self.show_mode(Mode.CONVERTED, live=False)

    def show_state(self, state: EngineState, reason: str) -> None:
        """Shows the engine's state with its reason, and what the big button does now."""
        name, role, usual = STATES[state]
        self.state.setText(name)
        self._dot.role = role
        self._dot.update()
        self._usual, self._told = usual, reason
        self.reason.setText(self._reason)
        running = state not in (EngineState.STOPPED, EngineState.FAILED)
        self.start.setText("Stop" if running else "Start")
        self.start.set_kind("plain" if running else "primary")
        self.start.show_icon("stop" if running else "play", "text" if running else "on_accent")
        tip = f"{'Stop' if running else 'Start'} converting (Space, F5 or Ctrl+R)"
        self.start.setToolTip(tip)
        self.start.setStatusTip(tip)
        if not running:
            self.latency.setText("–")

    @property
    def _reason(self) -> str:
        return self._told or self._usual or HEARS[self._mode]

    def show_tip(self, tip: str) -> None:
        """Shows a tip in place of the state's reason; an empty one brings the reason back."""
        self.reason.setText(tip or self._reason)

    def show_voice(self, voice: Voice | None, picture: QImage | None = None) -> None:
        """Shows the chosen voice."""
        self._face.voice, self._face.picture = voice, picture
        self._face.update()
        self.voice.setText(voice.name if voice else "No voice")

    def show_mode(self, mode: Mode, live: bool, loading: bool = False) -> None:
        """Says what the call hears, in red when it is, or would be, the user's own voice."""
        converted = "the call hears this voice" if live else "ready"
        text = {
            Mode.CONVERTED: "loading, the voice before goes on" if loading and live else converted,
            Mode.BYPASS: "the call hears YOUR OWN voice" if live else "YOUR OWN voice is armed",
            Mode.MUTE: "the call hears nothing" if live else "muted",
        }[mode]
        self.hears.setText(text)
        if mode is not self._mode:
            self._mode = mode
            self.reason.setText(self._reason)
        kind = {Mode.CONVERTED: "caption", Mode.BYPASS: "danger", Mode.MUTE: "warning"}[mode]
        self.hears.setProperty("kind", kind)
        self.hears.style().unpolish(self.hears)
        self.hears.style().polish(self.hears)

    def show_telemetry(self, telemetry: Telemetry) -> None:
        """Shows total latency, dropouts, and what was lost where that is a second or more."""
        if telemetry.running:
            self.latency.setText(f"{telemetry.latency.total:.1f} ms")
            self.dropouts.setText(str(telemetry.xruns.total))
            # A few dropouts can be long ones: an output that takes nothing for a while counts once.
            lost = f", {telemetry.lost_s:.0f} s lost" if telemetry.lost_s >= 1 else ""
            self.lost.setText(f"dropouts{lost}")

    def show_theme(self, dark: bool) -> None:
        """Shows the theme that a click leads to."""
        self.theme.show_icon("sun" if dark else "moon")

    def _lay_out(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 10, 12, 10)
        row.setSpacing(12)
        row.addWidget(self.start)
        state = QHBoxLayout()
        state.setSpacing(8)
        state.addWidget(self._dot)
        state.addWidget(self.state)
        state.addStretch(1)
        row.addLayout(_column(state, self.reason), 5)
        row.addWidget(self._face)
        row.addLayout(_column(self.voice, self.hears), 4)
        row.addLayout(_column(self.latency, label("mouth to ear", "caption")))
        row.addSpacing(8)
        row.addLayout(_column(self.dropouts, self.lost))
        row.addSpacing(8)
        row.addWidget(self.theme)
        row.addWidget(self.menu)


def _column(top: QWidget | QHBoxLayout, bottom: QWidget) -> QVBoxLayout:
    column = QVBoxLayout()
    column.setSpacing(0)
    if isinstance(top, QWidget):
        column.addWidget(top)
    else:
        column.addLayout(top)
    column.addWidget(bottom)
    return column
