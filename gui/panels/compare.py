"""What the call hears and what the user hears."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from gui.tuning import Knob
from gui.widgets.buttons import Choice, PushButton, Segments
from gui.widgets.knob_row import KnobRow
from gui.widgets.text import label
from inference.engine.messages import EngineParams, Mode, MonitorSource

MODES = (
    Choice(Mode.CONVERTED, "Converted", "The call hears the chosen voice (1)"),
    Choice(Mode.BYPASS, "Own", "The call hears your own, unchanged voice (2)", "danger"),
    Choice(Mode.MUTE, "Mute", "The call hears nothing (3)", "plain"),
)
SOURCES = (
    Choice(MonitorSource.OFF, "Off", "You hear nothing (M goes to the next)", "plain"),
    Choice(MonitorSource.OWN, "Own", "You hear your own voice (M goes to the next)", "input"),
    Choice(MonitorSource.CONVERTED, "Converted", "You hear what the call hears (M goes to the next)"),
    Choice(MonitorSource.BYPASS, "Mic", "You hear the bare microphone (M goes to the next)", "input"),
    Choice(MonitorSource.DIFFERENCE, "Diff", "You hear what conversion changes (M goes to the next)"),
)
VOLUME = Knob("monitor_gain_db", "Volume", "dB", -40, 6, 1, -6, False, "How loud you hear yourself")


class ComparePanel(QWidget):
    """`held(bool)`: the compare button is down."""

    mode_chosen = Signal(object)
    monitor_chosen = Signal(object)
    volume_turned = Signal(float)
    held = Signal(bool)

    def __init__(self) -> None:
        super().__init__()
        self.mode = Segments("Call hears", MODES)
        self.monitor = Segments("I hear", SOURCES)
        self.volume = KnobRow(VOLUME, one_line=True)
        self.hold = PushButton("Hold to compare", "plain", "compare", "text_muted")
        self.hold.setToolTip("While held, you hear the other signal; the call hears no difference (H)")
        self.warning = label("Your own voice goes to the call.", "danger", wrap=True)
        self.mode.chosen.connect(lambda v: self.mode_chosen.emit(Mode(v)))
        self.monitor.chosen.connect(lambda v: self.monitor_chosen.emit(MonitorSource(v)))
        self.volume.turned.connect(self.volume_turned)
        self.hold.pressed.connect(lambda: self.held.emit(True))
        self.hold.released.connect(lambda: self.held.emit(False))
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 2, 14, 12)
        column.setSpacing(6)
        column.addWidget(label("Call hears", "section"))
        column.addWidget(self.mode)
        column.addWidget(self.warning)
        column.addSpacing(2)
        column.addWidget(label("I hear", "section"))
        column.addWidget(self.monitor)
        column.addWidget(self.volume)
        column.addWidget(self.hold)
        column.addStretch(1)

    def show_params(self, params: EngineParams) -> None:
        """Shows the values in use."""
        self.mode.choose(params.mode)
        self.monitor.choose(params.monitor)
        self.volume.show_value(params.monitor_gain_db)
        self.warning.setVisible(params.mode is Mode.BYPASS)
