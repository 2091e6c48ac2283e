"""Core Audio's own words about a device: the border to macOS, never run off a Mac."""

from __future__ import annotations

import ctypes
from enum import StrEnum
from typing import Any

_FRAMEWORK = "/System/Library/Frameworks/{0}.framework/{0}"
_SYSTEM_OBJECT = 1
_UTF8 = 0x08000100


class Property(StrEnum):
    """What may be read and set of a device, by Core Audio's four letters."""

    RATE = "nsrt"
    BUFFER = "fsiz"


_TYPES: dict[Property, type[Any]] = {Property.RATE: ctypes.c_double, Property.BUFFER: ctypes.c_uint32}


class _Address(ctypes.Structure):
    """AudioObjectPropertyAddress: selector, scope, element."""

    _fields_ = [(name, ctypes.c_uint32) for name in ("selector", "scope", "element")]


def four_letters(code: str) -> int:
    """'nsrt' as the number that Core Audio takes."""
    return int.from_bytes(code.encode("ascii"), "big")


class CoreAudioHardware:
    """Sample rate (Hz) and buffer (frames) of devices by the names that PortAudio lists.

    Raises OSError where a device does not answer.
    """

    def __init__(self) -> None:
        self._audio = ctypes.CDLL(_FRAMEWORK.format("CoreAudio"))
        self._text = ctypes.CDLL(_FRAMEWORK.format("CoreFoundation"))

    def get(self, name: str, what: Property) -> float | None:
        """The value; None where no device, or more than one, has this name."""
        device = self._find(name)
        if device is None:
            return None
        value = _TYPES[what]()
        self._read(device, what.value, value)
        return float(value.value)

    def set(self, name: str, what: Property, value: float) -> None:
        """Sets the value of a device; one that is gone is passed over."""
        device = self._find(name)
        if device is None:
            return
        kind = _TYPES[what]
        given = kind(value if kind is ctypes.c_double else int(value))
        address = _address(what.value)
        status = self._audio.AudioObjectSetPropertyData(
            device, ctypes.byref(address), 0, None, ctypes.sizeof(given), ctypes.byref(given)
        )
        _check(status, what.value)

    def _find(self, name: str) -> int | None:
        found = [device for device in self._devices() if self._name(device) == name]
        return found[0] if len(found) == 1 else None

    def _devices(self) -> list[int]:
        size = ctypes.c_uint32()
        address = _address("dev#")
        status = self._audio.AudioObjectGetPropertyDataSize(
            _SYSTEM_OBJECT, ctypes.byref(address), 0, None, ctypes.byref(size)
        )
        _check(status, "dev#")
        devices = (ctypes.c_uint32 * (size.value // 4))()
        self._read(_SYSTEM_OBJECT, "dev#", devices)
        return list(devices)

    def _name(self, device: int) -> str:
        """As PortAudio lists it: white space runs made one, as in `Device.label`."""
        reference = ctypes.c_void_p()
        self._read(device, "lnam", reference)
        if not reference:
            return ""
        room = ctypes.create_string_buffer(1024)
        self._text.CFStringGetCString(reference, room, ctypes.c_long(len(room)), _UTF8)
        self._text.CFRelease(reference)
        return " ".join(room.value.decode(errors="replace").split())

    def _read(self, device: int, code: str, into: Any) -> None:
        size = ctypes.c_uint32(ctypes.sizeof(into))
        address = _address(code)
        status = self._audio.AudioObjectGetPropertyData(
            device, ctypes.byref(address), 0, None, ctypes.byref(size), ctypes.byref(into)
        )
        _check(status, code)


def _address(code: str) -> _Address:
    return _Address(four_letters(code), four_letters("glob"), 0)


def _check(status: int, code: str) -> None:
    if status:
        raise OSError(f"Core Audio refused '{code}' ({status})")
