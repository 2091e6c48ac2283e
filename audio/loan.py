"""A device's rate and buffer, changed for a call and given back, also after a crash.

macOS keeps a sample rate that a program has set (a buffer's size, as far as known, only while the program
runs): whoever plays music afterwards would play it resampled. What was found is written down before the
streams open, so that the next audio process can give it back where this one was killed.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from audio.coreaudio import CoreAudioHardware, Property

FILE_NAME = "coreaudio-loan.json"


class Hardware(Protocol):
    """The platform's part: `audio.coreaudio.CoreAudioHardware`. Both raise OSError."""

    def get(self, name: str, what: Property) -> float | None:
        """See `CoreAudioHardware`."""

    def set(self, name: str, what: Property, value: float) -> None:
        """See `CoreAudioHardware`."""


@contextmanager
def lent(
    names: Sequence[str], path: Path, hardware: Hardware | None = None, system: str = sys.platform
) -> Iterator[Callable[[], None]]:
    """While the streams of these devices are open; gives back at the end. Nothing happens off macOS.

    Yields what to call once the streams are open: it notes what they changed, so that nothing is taken from
    a user who sets the device otherwise meanwhile. `names` as in `Device.label`; `path` is the note's.
    """
    hardware = hardware or _hardware(system)
    if hardware is None:
        yield lambda: None
        return
    give_back(path, hardware)
    before = {name: _values(hardware, name) for name in dict.fromkeys(names)}
    _write(path, {"before": before})

    def opened() -> None:
        _write(path, {"before": before, "ours": {name: _values(hardware, name) for name in before}})

    try:
        yield opened
    finally:
        give_back(path, hardware)


def give_back(path: Path, hardware: Hardware) -> None:
    """Sets every device of the note as it was found, where it still is as we left it; removes the note."""
    try:
        note = json.loads(path.read_text(encoding="utf-8"))
        for name, values in note["before"].items():
            for what, value in values.items():
                ours = note.get("ours", {}).get(name, {}).get(what)
                _restore(hardware, name, Property(what), float(value), ours)
    except FileNotFoundError:
        return
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        # A note that cannot be read is not worth stopping a call for.
        pass
    with suppress(OSError):
        path.unlink()


def _hardware(system: str) -> Hardware | None:
    """This Mac's; None elsewhere, or where Core Audio cannot be asked, which is no reason not to speak."""
    if system != "darwin":
        return None
    try:
        return CoreAudioHardware()
    except OSError:
        return None


def _restore(hardware: Hardware, name: str, what: Property, value: float, ours: float | None) -> None:
    with suppress(OSError):  # a device that refuses; the others are still to be given back
        now = hardware.get(name, what)
        if now is not None and now != value and ours in (None, now):
            hardware.set(name, what, value)


def _values(hardware: Hardware, name: str) -> dict[str, float]:
    found = {}
    for what in Property:
        with suppress(OSError):
            value = hardware.get(name, what)
            if value is not None:
                found[what.value] = value
    return found


def _write(path: Path, note: object) -> None:
    """Whole or not at all; a folder that cannot be written costs the note, not the call."""
    with suppress(OSError):
        scratch = path.with_suffix(".tmp")
        with scratch.open("w", encoding="utf-8") as file:
            json.dump(note, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(scratch, path)
