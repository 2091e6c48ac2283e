"""What a machine without a screen or a sound card can still hear: the bundled sample in another voice."""

from __future__ import annotations

import os
from importlib.resources import as_file, files
from pathlib import Path

from inference.engine.messages import DevicesListed
from voices.builtin import builtin_voices
from voices.home import home


def missing_sound(listing: DevicesListed) -> str:
    """Says in a few words what a listing lacks for a call; empty when it has all."""
    if not any(device.inputs for device in listing.devices):
        return "no microphone"
    if not any(device.outputs for device in listing.devices):
        return "no sound output"
    return ""


def convert_sample() -> Path:
    """Converts the bundled speech with the first voice and returns the file written.

    It goes to the current folder, or to Menura's own where that may not be written. Raises AudioFileError.
    """
    from inference.convert import convert_file  # heavy, and not wanted in a window's process

    voice = builtin_voices()[0]
    folder = Path.cwd() if os.access(Path.cwd(), os.W_OK) else home()
    target = folder / f"menura-sample-{voice.id}.wav"
    with as_file(files("assets") / "samples" / "speech.flac") as source:
        convert_file(source, target, voice)
    return target
