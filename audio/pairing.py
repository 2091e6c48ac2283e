"""Two devices on a Mac, two clocks: when an Aggregate Device pays, and how to make one."""

from __future__ import annotations

import sys

from audio.devices import Device

_WIRELESS = ("airpods", "bluetooth", "beats", "bose", "wh-", "wf-", "jabra")


def pairing_advice(source: Device | None, sink: Device | None, system: str = sys.platform) -> str:
    """What to do about a microphone and an output that are two devices; '' where there is nothing.

    One device is one stream on one clock: no resampling between clocks, the least delay. Menura takes the
    first channels of a device, so an aggregate helps only where the microphone has no outputs of its own.
    """
    if system != "darwin" or source is None or sink is None or source.label == sink.label:
        return ""
    if any(word in d.label.casefold() for d in (source, sink) for word in _WIRELESS) or source.outputs:
        return ""
    return (
        f"'{source.label}' and '{sink.label}' have a clock each; Menura keeps them together, which costs "
        "some milliseconds. For the least delay: Audio MIDI Setup > + > Create Aggregate Device; tick "
        f"'{source.label}' first, then '{sink.label}' with Drift Correction; clock source "
        f"'{source.label}'; choose the aggregate here as microphone and output."
    )
