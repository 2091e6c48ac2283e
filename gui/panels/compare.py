"""What the call hears and what the user hears."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from gui.tuning import VOLUME
from gui.widgets.buttons import Choice, PushButton, Segments
from gui.widgets.device_box import DeviceBox
from gui.widgets.knob_row import LABEL_WIDTH, KnobRow
from gui.widgets.text import ElidedLabel, label
from inference.engine.messages import EngineParams, Mode, MonitorSource

MODES = (
    Choice(Mode.CONVERTED, "Converted", "The call hears the chosen voice (1)"),
    Choice(Mode.BYPASS, "Own", "The call hears your own, unchanged voice (2)", "danger"),
    Choice(Mode.MUTE, "Mute", "The call hears nothing (3)", "plain"),
)
HEARS = {
    MonitorSource.OFF: "You hear nothing",
    MonitorSource.OWN: "Your voice, equally loud and late",
    MonitorSource.CONVERTED: "What the call hears",
    MonitorSource.BYPASS: "The bare microphone, nothing taken away",
    MonitorSource.DIFFERENCE: "What converting adds and takes",
}
SOURCES = tuple(
    Choice(source, text, f"{HEARS[source]} (M goes to the next)", tone)
    for source, text, tone in (
        (MonitorSource.OFF, "Off", "plain"),
        (MonitorSource.OWN, "Own", "input"),
        (MonitorSource.CONVERTED, "Voice", "accent"),
        (MonitorSource.BYPASS, "Bypass", "input"),
        (MonitorSource.DIFFERENCE, "Diff", "plain"),
    )
)


class ComparePanel(QWidget):
    """`held(bool)`: the compare button is down; `device_chosen(name)`: None is automatic."""

    mode_chosen = Signal(object)
    monitor_chosen = Signal(object)
    device_chosen = Signal(object)
    volume_turned = Signal(float)
    held = Signal(bool)

    def __init__(self) -> None:
        super().__init__()
        self.mode = Segments("Call hears", MODES, even=False)
        self.monitor = Segments("I hear", SOURCES, even=False)
        self.device = DeviceBox("monitor", "Headphones", "Where you hear yourself, not the call")
        self.volume = KnobRow(VOLUME)
        self.hold = PushButton("Compare", "plain", "compare", "text_muted")
        self.hold.setAccessibleName("Hold to compare")
        tip = "Hold to hear the other signal, equally loud; the call hears no difference (H)"
        self.hold.setToolTip(tip)
        self.hold.setStatusTip(tip)
        self.hears = ElidedLabel("", "caption")
        self.warning = label("Your own voice goes to the call.", "danger", wrap=True)
        self.mode.chosen.connect(lambda v: self.mode_chosen.emit(Mode(v)))
        self.monitor.chosen.connect(lambda v: self.monitor_chosen.emit(MonitorSource(v)))
        self.device.chosen.connect(self.device_chosen)
        self.volume.turned.connect(self.volume_turned)
        self.hold.pressed.connect(lambda: self.held.emit(True))
        self.hold.released.connect(lambda: self.held.emit(False))
        self._lay_out()

    def show_params(self, params: EngineParams) -> None:
        """Shows the values in use."""
        self.mode.choose(params.mode)
        self.monitor.choose(params.monitor)
        self.hears.setText(HEARS[params.monitor])
        self.volume.show_value(params.monitor_gain_db)
        self.warning.setVisible(params.mode is Mode.BYPASS)

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 0, 12, 8)
        column.setSpacing(4)
        call = QHBoxLayout()
        call.setSpacing(5)
        name = label("Call hears")
        name.setFixedWidth(LABEL_WIDTH)
        call.addWidget(name)
        call.addWidget(self.mode, 1)
        column.addLayout(call)
        column.addWidget(self.warning)
        heard = QHBoxLayout()
        heard.setSpacing(5)
        mine = label("I hear")
        mine.setFixedWidth(LABEL_WIDTH)
        heard.addWidget(mine)
        heard.addWidget(self.hears, 1)
        column.addLayout(heard)
        column.addWidget(self.monitor)
        where = QHBoxLayout()
        where.setSpacing(6)
        where.addWidget(self.device, 1)
        where.addWidget(self.hold)
        column.addLayout(where)
        column.addWidget(self.volume)
        column.addStretch(1)
