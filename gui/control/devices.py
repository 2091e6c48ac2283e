"""Which devices the user chose, which of them are there, and what the engine is to open."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from audio.devices import Device
from gui.settings import SettingsStore
from inference.engine.messages import StreamConfig


class DeviceController(QObject):
    """Owns the device part of the settings. `changed`: another device, rate or block is wanted."""

    changed = Signal()

    def __init__(self, store: SettingsStore, parent: QObject) -> None:
        super().__init__(parent)
        self.settings = store.settings.devices
        self.listed: tuple[Device, ...] = ()

    def set_device(self, which: str, name: str | None) -> None:
        """Chooses the `input`, `output` or `monitor` device (None: the system's default)."""
        self._set(which, name)

    def set_block(self, frames: int | None) -> None:
        """Chooses the device block (None: the engine decides)."""
        self._set("block_frames", frames)

    def set_rate(self, hz: int | None) -> None:
        """Chooses the devices' sample rate (None: the engine decides)."""
        self._set("sample_rate", hz)

    def stream_config(self) -> StreamConfig:
        """Returns the remembered devices as the engine wants them."""
        d = self.settings
        return StreamConfig(d.input, d.output, self._monitor(), d.sample_rate, d.block_frames)

    def _set(self, field: str, value: str | int | None) -> None:
        setattr(self.settings, field, value)
        self.changed.emit()

    def _monitor(self) -> str | None:
        """Returns where the user listens: the chosen device if it is there, else the default output.

        None where that is what the call hears anyway: the same device would play both. A monitor that is
        gone must not keep a call from starting.
        """
        d = self.settings
        if d.monitor:
            known = not self.listed or any(x.name == d.monitor and x.outputs for x in self.listed)
            return d.monitor if known else None
        default = next((x.name for x in self.listed if x.is_default_output), None)
        return None if default == (d.output or default) else default
