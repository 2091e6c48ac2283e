"""Levels in and out, clipping, gate and limiter."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from gui.widgets.level_meter import CLIP, FLOOR_DB, LevelMeter
from gui.widgets.likeness_meter import LikenessMeter
from gui.widgets.text import Readout, label
from inference.engine.messages import Mode
from inference.engine.telemetry import Telemetry


class ClipLight(QToolButton):
    """Lights up at the first clipped sample and stays until clicked."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setText("CLIP")
        self.setProperty("kind", "clip")
        self.setCheckable(True)
        self.setAccessibleName(f"{name} clipped")
        self.setToolTip("Lights up when the signal was too loud; click to reset")
        self.clicked.connect(lambda: self.setChecked(False))

    def take(self, peak: float) -> None:
        """Latches a peak that is too high."""
        if peak >= CLIP and not self.isChecked():
            self.setChecked(True)


class LevelsPanel(QWidget):
    """Two meters with numbers, what gate and limiter do, and how near the voice is to its target."""

    def __init__(self) -> None:
        super().__init__()
        self.input = LevelMeter("Input level", "input", scale=False)
        self.output = LevelMeter("Output level", "output")
        self.input_clip, self.output_clip = ClipLight("Input"), ClipLight("Output")
        right = Qt.AlignmentFlag.AlignRight
        self._input_db = Readout("caption", "−00.0 dB", right)
        self._output_db = Readout("caption", "−00.0 dB", right)
        self.gate = Readout("caption", "Gate closed: silence")
        self.limiter = Readout("caption", "Limiter −00.0 dB", right)
        self.likeness = LikenessMeter()
        self._ticks = 0
        self.names = label("You"), label("Call")
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 0, 12, 8)
        column.setSpacing(2)
        for who, meter, number, clip in (
            (self.names[0], self.input, self._input_db, self.input_clip),
            (self.names[1], self.output, self._output_db, self.output_clip),
        ):
            row = QHBoxLayout()
            row.setSpacing(6)
            who.setFixedWidth(36)
            row.addWidget(who)
            row.addWidget(meter, 1)
            row.addWidget(number)
            row.addWidget(clip)
            column.addLayout(row)
        activity = QHBoxLayout()
        activity.addWidget(self.gate)
        activity.addStretch(1)
        activity.addWidget(self.limiter)
        column.addLayout(activity)
        column.addSpacing(4)
        column.addWidget(self.likeness)
        column.addStretch(1)

    def show_mode(self, mode: Mode) -> None:
        """Names the converted voice by whether the call hears it; its level is shown in every mode."""
        self.names[1].setText("Call" if mode is Mode.CONVERTED else "Voice")

    def fall_silent(self) -> None:
        """Nothing flows any more: no level may go on standing there as if the microphone were open."""
        for meter, number in ((self.input, self._input_db), (self.output, self._output_db)):
            meter.fall_silent()
            number.setText("–")
        self.gate.setText("Stopped")
        self.limiter.setText("")

    def show_telemetry(self, t: Telemetry) -> None:
        """Moves the meters; numbers follow a few times a second. What no stream is behind moves nothing."""
        if not t.running:
            return
        self.input.show_level(t.input_peak, t.input_rms)
        self.output.show_level(t.output_peak, t.output_rms)
        self.input_clip.take(t.input_peak)
        self.output_clip.take(t.output_peak)
        self._ticks += 1
        if self._ticks % 6 == 0:
            self._input_db.setText(_decibels(self.input.peak_db))
            self._output_db.setText(_decibels(self.output.peak_db))
            self.gate.setText("Gate open" if t.gate_open else "Gate closed: silence")
            down = min(0.0, t.limiter_gain_db)
            self.limiter.setText(f"Limiter −{-down:.1f} dB" if down < -0.05 else "Limiter idle")


def _decibels(db: float) -> str:
    return "silent" if db <= FLOOR_DB else f"{db:.1f} dB".replace("-", "−")
