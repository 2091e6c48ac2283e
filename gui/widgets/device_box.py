"""A list of devices of which one is chosen, also where it is not there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from PySide6.QtCore import Signal

from audio.devices import Device
from gui.widgets.select import Select

Which = Literal["input", "output", "monitor"]
UNSPOKEN = ("default", "sysdefault")
"""What ALSA calls a default device."""


class DeviceBox(Select):
    """`chosen(name)`: the user chose a device by its stable name; None is the system's default."""

    chosen = Signal(object)

    def __init__(self, which: Which, name: str, tip: str) -> None:
        super().__init__(name)
        self._which = which
        self.setStatusTip(f"{name}: {tip}")
        self.activated.connect(lambda index: self.chosen.emit(self.itemData(index)))

    def show_devices(self, devices: Sequence[Device], chosen: str | None) -> None:
        """Shows the devices there are, and `chosen` even where it is missing."""
        usable = [d for d in devices if self._fits(d)]
        default = next((d for d in usable if self._is_default(d)), None)
        name = "Automatic" if self._which == "monitor" else "Default"
        # A sound server's own default says nothing in brackets that is not said before them.
        known = default is not None and default.label.casefold() not in UNSPOKEN
        items: list[tuple[str, object]] = [(f"{name} ({default.label})" if known and default else name, None)]
        items += [(d.label, d.name) for d in usable]
        missing = self.is_missing(devices, chosen)
        if chosen and all(d.name != chosen for d in usable):
            items.append((f"{chosen} (missing)" if missing else chosen, chosen))
        self.show_items(items, chosen, missing)

    def is_missing(self, devices: Sequence[Device], chosen: str | None) -> bool:
        """Whether a chosen device is not among those listed; False before the first listing."""
        if chosen is None or not devices:
            return False
        return not any(d.name == chosen and self._fits(d) for d in devices)

    def _fits(self, device: Device) -> bool:
        return bool(device.inputs if self._which == "input" else device.outputs)

    def _is_default(self, device: Device) -> bool:
        return device.is_default_input if self._which == "input" else device.is_default_output
