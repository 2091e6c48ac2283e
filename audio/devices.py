"""The sound devices of this machine, through PortAudio."""

from __future__ import annotations

import difflib
import os
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Literal

Kind = Literal["input", "output"]

PREFERRED_RATES = (48_000, 44_100, 96_000, 32_000, 24_000, 16_000, 88_200, 192_000)
"""Rates tried in this order; 48 kHz is an exact 2:1 from the model's 24 kHz."""


class DeviceError(ValueError):
    """A device that cannot be used; the message is one sentence or two for the user."""


@dataclass(frozen=True)
class Device:
    """A device as PortAudio lists it. `index` holds until `refresh`; `name` is stable and unique.

    `low_latency_in_s` and `low_latency_out_s` are what the host API suggests for interactive use.
    """

    index: int
    name: str
    label: str
    host_api: str
    inputs: int
    outputs: int
    default_rate_hz: int
    low_latency_in_s: float
    low_latency_out_s: float
    is_default_input: bool = False
    is_default_output: bool = False

    def channels(self, kind: Kind) -> int:
        """Channels in that direction."""
        return self.inputs if kind == "input" else self.outputs

    def is_default(self, kind: Kind) -> bool:
        """Whether the system would choose it for that direction."""
        return self.is_default_input if kind == "input" else self.is_default_output


def portaudio() -> ModuleType:
    """Returns the `sounddevice` module, initialised. Raises DeviceError when PortAudio is missing."""
    with _quiet_stderr():
        try:
            import sounddevice
        except OSError as error:
            raise DeviceError(
                "The PortAudio library is missing; install it "
                "(Debian and Ubuntu: sudo apt-get install libportaudio2) and start again."
            ) from error
    return sounddevice


def refresh() -> None:
    """Lets PortAudio look for devices again; close all streams before. Raises DeviceError."""
    sd = portaudio()
    with _quiet_stderr():
        try:
            # PortAudio lists devices once per initialisation; sounddevice has no public way to repeat it.
            sd._terminate()
            sd._initialize()
        except sd.PortAudioError as error:
            raise DeviceError(f"The audio system does not answer ({_reason(error)}); restart it.") from error


def list_devices() -> list[Device]:
    """Returns every device, in PortAudio's order. Raises DeviceError when there is no audio system."""
    sd = portaudio()
    try:
        raw = list(sd.query_devices())
        apis = [api["name"] for api in sd.query_hostapis()]
        chosen = tuple(sd.default.device)
    except sd.PortAudioError as error:
        raise DeviceError(f"The audio system does not answer ({_reason(error)}); restart it.") from error
    defaults = [_default_index(raw, int(chosen[side]), key) for side, key in enumerate(_CHANNEL_KEYS)]
    seen: Counter[str] = Counter()
    devices = []
    for info in raw:
        devices.append(_device(info, apis[info["hostapi"]], defaults, seen))
    return devices


_CHANNEL_KEYS = ("max_input_channels", "max_output_channels")


def _default_index(raw: list[dict[str, Any]], chosen: int, key: str) -> int:
    """Returns the system's default, or the first device with channels where there is none."""
    if 0 <= chosen < len(raw) and raw[chosen][key] > 0:
        return chosen
    return next((info["index"] for info in raw if info[key] > 0), -1)


def _device(info: dict[str, Any], host_api: str, defaults: list[int], seen: Counter[str]) -> Device:
    label = " ".join(str(info["name"]).split())
    name = f"{label} · {host_api}"
    seen[name] += 1
    if seen[name] > 1:
        name = f"{name} #{seen[name]}"
    return Device(
        index=info["index"],
        name=name,
        label=label,
        host_api=host_api,
        inputs=info["max_input_channels"],
        outputs=info["max_output_channels"],
        default_rate_hz=round(info["default_samplerate"]),
        low_latency_in_s=info["default_low_input_latency"],
        low_latency_out_s=info["default_low_output_latency"],
        is_default_input=info["index"] == defaults[0],
        is_default_output=info["index"] == defaults[1],
    )


def find_device(query: str | None, kind: Kind) -> Device:
    """Returns the device meant by `query`, among those with channels in that direction.

    None is the default device. Otherwise, in this order: the stable name, the device's own name (the
    default or first of equals), a part of a name in any case that fits one device only, the index.
    Raises DeviceError.
    """
    everything = list_devices()
    return choose_device(everything, query, kind)


def choose_device(listing: list[Device], query: str | None, kind: Kind) -> Device:
    """`find_device` in a given listing."""
    usable = [device for device in listing if device.channels(kind) > 0]
    if not usable:
        raise DeviceError(f"There is no {_NOUN[kind]} on this machine; connect one and try again.")
    if query is None:
        return next((device for device in usable if device.is_default(kind)), usable[0])
    wanted = query.strip()
    for exact in (
        [d for d in usable if d.name == wanted],
        sorted((d for d in usable if d.label == wanted), key=lambda d: not d.is_default(kind)),
    ):
        if exact:
            return exact[0]
    partly = [d for d in usable if wanted and wanted.casefold() in d.name.casefold()]
    if len(partly) == 1:
        return partly[0]
    if wanted.isdecimal():
        for device in usable:
            if device.index == int(wanted):
                return device
    if partly:
        names = ", ".join(f"'{d.name}'" for d in partly)
        raise DeviceError(f"'{query}' fits several {_NOUN[kind]}s: {names}; give the full name of one.")
    raise DeviceError(_unknown(listing, usable, wanted, kind))


_NOUN = {"input": "input device", "output": "output device"}


def _unknown(listing: list[Device], usable: list[Device], wanted: str, kind: Kind) -> str:
    """Returns the sentence for a query that fits nothing."""
    noun = _NOUN[kind]
    if any(wanted in (d.name, d.label, str(d.index)) for d in listing):
        return f"'{wanted}' is not an {noun}; choose one of: {_names(usable)}."
    near = difflib.get_close_matches(wanted, [d.name for d in usable] + [d.label for d in usable], 1, 0.5)
    if near:
        return f"There is no {noun} '{wanted}'; did you mean '{near[0]}'? Available: {_names(usable)}."
    return f"There is no {noun} '{wanted}'; choose one of: {_names(usable)}."


def _names(devices: list[Device]) -> str:
    return ", ".join(f"'{device.name}'" for device in devices)


def choose_rate(device_in: Device | None, device_out: Device | None, wanted: int | None = None) -> int:
    """Returns a rate in Hz that both devices (or the one given) accept: `wanted`, or 48000 if they can.

    Raises DeviceError when they refuse `wanted`, or have no rate in common.
    """
    if wanted is not None:
        pairs = _directions(device_in, device_out)
        refusing = next((device for device, kind in pairs if not supports(device, kind, wanted)), None)
        if refusing is None:
            return wanted
        own = [rate for rate in PREFERRED_RATES if _both_support(device_in, device_out, rate)]
        instead = f"choose {' or '.join(map(str, own))}" if own else "choose another device"
        raise DeviceError(f"'{refusing.name}' refuses {wanted} Hz; {instead}.")
    candidates = [*PREFERRED_RATES]
    candidates += [d.default_rate_hz for d, _ in _directions(device_in, device_out)]
    for rate in candidates:
        if _both_support(device_in, device_out, rate):
            return rate
    names = " and ".join(f"'{d.name}'" for d, _ in _directions(device_in, device_out))
    raise DeviceError(f"No sample rate suits {names}; is it in use by another program, or unplugged?")


def supports(device: Device, kind: Kind, rate: int) -> bool:
    """Tells whether the device says it opens at `rate` Hz; asks it, without opening a stream."""
    sd = portaudio()
    check = sd.check_input_settings if kind == "input" else sd.check_output_settings
    with _quiet_stderr():
        try:
            check(device=device.index, channels=1, dtype="float32", samplerate=rate)
        except (sd.PortAudioError, ValueError):
            return False
    return True


def _both_support(device_in: Device | None, device_out: Device | None, rate: int) -> bool:
    return all(supports(device, kind, rate) for device, kind in _directions(device_in, device_out))


def _directions(device_in: Device | None, device_out: Device | None) -> Iterator[tuple[Device, Kind]]:
    if device_in is not None:
        yield device_in, "input"
    if device_out is not None:
        yield device_out, "output"


def _reason(error: Exception) -> str:
    return str(error.args[0]) if error.args else type(error).__name__


# Two threads that save and restore the same descriptor crosswise would lose it for good.
_STDERR_LOCK = threading.Lock()


@contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Sends file descriptor 2 to nowhere: ALSA and JACK complain there about devices nobody asked for."""
    with _STDERR_LOCK, _stderr_to_nowhere():
        yield


@contextmanager
def _stderr_to_nowhere() -> Iterator[None]:
    with suppress(OSError, ValueError, AttributeError):
        sys.stderr.flush()
    try:
        saved = os.dup(2)
    except OSError:  # no standard error at all, as in a windowed app
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)
