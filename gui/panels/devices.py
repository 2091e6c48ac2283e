"""Where sound comes from and goes to."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from audio.devices import Device, Kind
from audio.pairing import pairing_advice
from gui.settings import DeviceSettings
from gui.widgets.buttons import IconButton
from gui.widgets.device_box import DeviceBox, Which
from gui.widgets.select import Select
from gui.widgets.text import label
from inference.engine.messages import DevicesListed, MonitorSource, StreamsOpened

RATES_HZ = (44_100, 48_000, 96_000)
BLOCKS = (64, 96, 128, 192, 240, 256, 480, 512, 1024)
KINDS: tuple[tuple[Which, str, str, str], ...] = (
    ("input", "mic", "Microphone", "The voice that is converted"),
    ("output", "call", "Call output", "What the call listens to: a virtual cable, or speakers to try"),
)
NO_MICROPHONE = (
    "No microphone found: connect one, or allow Menura to use it in the system's privacy settings."
)
FEEDBACK = (
    "The call output looks like loudspeakers: use headphones, or the microphone hears the converted voice."
)
SAME_DEVICE = "The call output is also what you listen to: choose other headphones to hear yourself apart."
LOUDSPEAKERS = ("speaker", "lautsprecher", "haut-parleur", "hdmi", "built-in output")


class DevicesPanel(QWidget):
    """`chosen(which, name)`: which is input or output; name None is the system's default.

    Headphones are chosen where one listens, in `ComparePanel`; hints about them stand here.
    """

    chosen = Signal(str, object)
    block_chosen = Signal(object)
    rate_chosen = Signal(object)
    refresh_wanted = Signal()

    def __init__(self, headphones: DeviceBox) -> None:
        super().__init__()
        self.boxes = {which: DeviceBox(which, name, tip) for which, _, name, tip in KINDS}
        self._headphones = headphones
        self.block = Select("Device block")
        self.rate = Select("Sample rate")
        self.opened = label("Chosen when live", "caption")
        self.hint = label("", "caption", wrap=True)
        self.refresh = IconButton("refresh", "Refresh the device lists", 16)
        self._devices: tuple[Device, ...] = ()
        self._settings = DeviceSettings()
        self._monitor = MonitorSource.OFF
        self._lay_out()
        for which, box in self.boxes.items():
            box.chosen.connect(lambda name, w=which: self.chosen.emit(w, name))
        self.block.activated.connect(lambda i: self.block_chosen.emit(self.block.itemData(i)))
        self.rate.activated.connect(lambda i: self.rate_chosen.emit(self.rate.itemData(i)))
        self.refresh.clicked.connect(self.refresh_wanted)
        self.show_settings(self._settings)

    def show_settings(self, settings: DeviceSettings) -> None:
        """Shows what is chosen, also where it is not there."""
        self._settings = settings
        for which, box in self._all().items():
            box.show_devices(self._devices, getattr(settings, which))
        sizes = sorted({*BLOCKS, settings.block_frames or BLOCKS[0]})
        items: list[tuple[str, object]] = [("Auto block", None), *((f"{n} frames", n) for n in sizes)]
        self.block.show_items(items, settings.block_frames)
        rates = sorted({*RATES_HZ, settings.sample_rate or RATES_HZ[0]})
        items = [("Auto rate", None), *((f"{hz / 1000:g} kHz", hz) for hz in rates)]
        self.rate.show_items(items, settings.sample_rate)
        self._show_hint("")

    def show_devices(self, listed: DevicesListed) -> None:
        """Shows a fresh listing."""
        self._devices = listed.devices
        self.show_settings(self._settings)
        self._show_hint(listed.problem)

    def show_opened(self, opened: StreamsOpened | None) -> None:
        """Shows what the devices run at."""
        if opened is None:
            self.opened.setText("Chosen when live")
            return
        frames = opened.block_frames
        block = f"{frames} frames ({1000 * frames / opened.sample_rate:.1f} ms)" if frames else "any block"
        clocks = "one clock" if opened.duplex else "two clocks"
        self.opened.setText(f"{opened.sample_rate / 1000:g} kHz, {block}, {clocks}")
        self.opened.setToolTip(f"{opened.input_device} to {opened.output_device}")

    def show_monitor(self, source: MonitorSource) -> None:
        """Knows whether the user hears anything, for the hints."""
        if source is not self._monitor:
            self._monitor = source
            self._show_hint("")

    def missing(self) -> list[str]:
        """Returns what is remembered but not there."""
        chosen = {which: getattr(self._settings, which) for which in self._all()}
        return [w for w, box in self._all().items() if box.is_missing(self._devices, chosen[w])]

    def _all(self) -> dict[Which, DeviceBox]:
        return {**self.boxes, "monitor": self._headphones}

    def _show_hint(self, problem: str) -> None:
        text = problem or self._advice()
        self.hint.setText(text)
        self._hint_box.setVisible(bool(text))

    def _advice(self) -> str:
        if not self._devices:
            return ""
        if not any(d.inputs for d in self._devices):
            return NO_MICROPHONE
        missing = self.missing()
        if missing:
            name = getattr(self._settings, missing[0])
            return f"{name} is not connected: connect it and refresh, or choose another device."
        output = self._device("output")
        monitored = self._monitor is not MonitorSource.OFF
        if monitored and output and output == self._device("monitor"):
            return SAME_DEVICE
        if output and any(word in output.label.casefold() for word in LOUDSPEAKERS):
            return FEEDBACK
        return pairing_advice(self._device("input"), output)

    def _device(self, which: str) -> Device | None:
        chosen = getattr(self._settings, which)
        kind: Kind = "input" if which == "input" else "output"
        usable = [d for d in self._devices if d.channels(kind)]
        return next((d for d in usable if (d.name == chosen if chosen else d.is_default(kind))), None)

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 0, 12, 8)
        column.setSpacing(6)
        for which, glyph, name, _ in KINDS:
            column.addLayout(_row(_mark(glyph, name), self.boxes[which]))
        self._hint_box = QFrame()
        self._hint_box.setObjectName("hint")
        row = QHBoxLayout(self._hint_box)
        row.setContentsMargins(8, 6, 8, 6)
        row.addWidget(_mark("headphones", "Hint", "warning"), 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self.hint, 1)
        # Right below what it is about: the panel's lower end is out of sight where the window is small.
        column.addWidget(self._hint_box)
        column.addLayout(_row(self.block, self.rate))
        column.addLayout(_row(self.opened, self.refresh))
        column.addStretch(1)


def _mark(glyph: str, name: str, role: str = "text_muted") -> IconButton:
    """Returns an icon in place of a label."""
    mark = IconButton(glyph, name, 16, role)
    mark.setProperty("kind", "small")
    mark.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return mark


def _row(*widgets: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(6)
    for widget in widgets:
        row.addWidget(widget, 0 if isinstance(widget, IconButton) else 1)
    return row
