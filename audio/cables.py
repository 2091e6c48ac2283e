"""The way into a call: virtual cables, what is wrong with a choice of devices, what to set in the call.

Facts: BlackHole 16ch is silent in Discord where 2ch works (ExistentialAudio/BlackHole issue 209); a
multi-output device with the cable in it loops (260) and drifts (27, 100); VB-CABLE's two ends are called
'CABLE Input' and 'CABLE Output' (vb-audio.com/Cable).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from audio import virtual_mic
from audio.devices import Device

CALL_RATE_HZ = 48_000
"""What calls run at: Opus, and so Discord, Zoom and browsers."""

# Part of the name of the end that Menura plays into, the name a call lists, best first.
_KNOWN = (
    (virtual_mic.NAME, virtual_mic.NAME),
    ("blackhole 2ch", "BlackHole 2ch"),
    ("cable input", "CABLE Output"),
    ("cable-a input", "CABLE-A Output"),
    ("cable-b input", "CABLE-B Output"),
    ("blackhole 16ch", "BlackHole 16ch"),
    ("blackhole 64ch", "BlackHole 64ch"),
    ("loopback audio", "Loopback Audio"),
    ("voicemeeter input", "Voicemeeter Out B1"),
    ("line 1 (virtual audio cable)", "Line 1 (Virtual Audio Cable)"),
)
_MANY_CHANNELS = re.compile(r"\b(16|64|128|256)ch\b", re.IGNORECASE)
_CABLE_ENDS = re.compile(
    rf"{virtual_mic.NAME}|blackhole|vb-?cable|vb-audio|cable(-[a-d])? (in|out)put|voicemeeter|loopback audio"
    r"|virtual audio cable",
    re.IGNORECASE,
)
_BLUETOOTH = re.compile(
    r"airpods|bluetooth|bluez|hands-?free|\bhfp\b|\bbuds\b|headset \(.*\bbt\b", re.IGNORECASE
)
_MULTI_OUTPUT = re.compile(r"multi-output|aggregate", re.IGNORECASE)


@dataclass(frozen=True)
class Cable:
    """A cable that is there: Menura plays into `output`, the call chooses `microphone`."""

    output: Device
    microphone: str


def find_cables(devices: Sequence[Device]) -> list[Cable]:
    """Returns the cables among the devices, the one to prefer first."""
    found = []
    for part, microphone in _KNOWN:
        for device in devices:
            if device.outputs and part.casefold() in device.name.casefold():
                found.append(Cable(device, microphone))
    return found


def far_end(output: Device, devices: Sequence[Device]) -> Device | None:
    """Returns the end of `output`'s cable that a call records, None where it is none or has no such end."""
    cable = next((c for c in find_cables([output])), None)
    if cable is None:
        return None
    wanted = cable.microphone.casefold()
    ends = [d for d in devices if d.inputs and wanted in d.name.casefold()]
    # Windows lists an end once for each of its audio systems.
    return min(ends, key=lambda d: d.host_api != output.host_api, default=None)


def is_cable(name: str) -> bool:
    """Whether a device of this name is an end of a virtual cable."""
    return bool(_CABLE_ENDS.search(name))


def how_to_get_one(system: str) -> str:
    """One or two sentences for a machine without a cable; `system` as `sys.platform` says."""
    if system == "darwin":
        return "Install BlackHole 2ch (brew install blackhole-2ch), then look again; no restart is needed."
    if system == "win32":
        return "Install VB-CABLE (vb-audio.com/Cable), restart Windows, then look again."
    return f"Menura makes '{virtual_mic.NAME}' for you: choose Call > Create microphone."


def route_warnings(
    source: Device | None, output: Device | None, monitor: Device | None, rate_hz: int | None = None
) -> list[str]:
    """Returns a sentence for each thing that will trouble a call with these devices, worst first.

    `rate_hz` is what the streams run at, where that is known.
    """
    found = [*_loops(source, output, monitor)]
    if output and not is_cable(output.name):
        found.append(
            f"'{output.label}' is no virtual cable: you hear the voice there, but a call does not. "
            "Choose a cable as call output."
        )
    if output and _MANY_CHANNELS.search(output.name):
        found.append(f"Discord hears nothing from '{output.label}'; use the version with 2 channels.")
    if output and _MULTI_OUTPUT.search(output.name):
        found.append(f"'{output.label}' joins devices and drifts; play straight into the cable instead.")
    for device in (source, output, monitor):
        if device and _BLUETOOTH.search(device.name):
            found.append(
                f"'{device.label}' is a Bluetooth device: it adds 100 to 250 ms, and as a microphone it "
                "drops to telephone quality. Use a wired one."
            )
    # PortAudio calls 44100 Hz the default of all that ALSA has; streams there are tried at 48000 first.
    usual = output.default_rate_hz if output and output.host_api != "ALSA" else CALL_RATE_HZ
    rate = rate_hz or usual
    if output and rate != CALL_RATE_HZ:
        found.append(
            f"'{output.label}' runs at {rate} Hz and calls at {CALL_RATE_HZ}: set it to {CALL_RATE_HZ} Hz "
            "to spare a conversion."
        )
    return found


def _loops(source: Device | None, output: Device | None, monitor: Device | None) -> list[str]:
    found = []
    if source and is_cable(source.name):
        found.append(
            f"'{source.label}' is a cable, not a microphone: Menura would hear itself. Choose a microphone."
        )
    if monitor and is_cable(monitor.name):
        found.append(
            f"Monitoring on '{monitor.label}' sends what you hear into the call; choose headphones instead."
        )
    if monitor and output and monitor.name == output.name:
        found.append("Monitor and call output are the same device, so the call hears both; choose another.")
    return found


def call_steps(program: str, microphone: str) -> tuple[str, ...]:
    """What to set in a calling program so that it hears the voice as it is: sentences in order."""
    choose = f"Choose '{microphone}' as microphone (input device)."
    steps = {
        "Discord": (
            "Open User Settings > Voice & Video.",
            choose,
            "Turn off Input Profile > Voice Isolation (choose Studio), Noise Suppression (Krisp), Echo "
            "Cancellation and Automatic Gain Control: they take a converted voice for noise.",
            "Turn off 'Automatically determine input sensitivity' and move the slider to the left.",
        ),
        "Zoom": (
            "Open Settings > Audio.",
            choose,
            "Turn off 'Automatically adjust microphone volume' and choose 'Original sound for musicians'.",
        ),
        "Teams": (
            "Open Settings > Devices.",
            choose,
            "Turn off 'Automatically adjust mic sensitivity' and set Noise suppression to Off.",
        ),
        "OBS": (
            "Add a source: Audio Input Capture.",
            f"Choose '{microphone}' as device and set Sync Offset to Menura's latency with its sign changed.",
        ),
    }
    return steps.get(program, (choose, "Turn off noise suppression, echo cancellation and automatic gain."))


PROGRAMS = ("Discord", "Zoom", "Teams", "OBS", "Another program")
"""What `call_steps` has words for; the last one stands for all others."""
