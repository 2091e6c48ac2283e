"""macOS around the call: small device buffers, no App Nap. Each function is a no-op elsewhere."""

from __future__ import annotations

import sys
from functools import lru_cache
from typing import Any

from audio.devices import portaudio

_USER_INITIATED = 0x00EFFFFF
_LATENCY_CRITICAL = 0xFF00000000
"""NSActivityOptions: user-initiated, idle sleep allowed; and no coalesced timers."""


def stream_settings(system: str = sys.platform) -> Any:
    """`extra_settings` of a PortAudio stream that let it shrink the device's buffer; None elsewhere."""
    if system != "darwin":
        return None
    return portaudio().CoreAudioSettings(change_device_parameters=True)


@lru_cache(maxsize=1)
def stay_awake(system: str = sys.platform) -> Any:
    """Asks macOS not to slow this process down; holds until it ends. None elsewhere or without PyObjC.

    After Apple's Energy Guide, "Prioritize Work at the App Level" (beginActivityWithOptions:reason:).
    """
    if system != "darwin":
        return None
    try:
        from Foundation import NSProcessInfo
    except ImportError:
        return None
    options = _USER_INITIATED | _LATENCY_CRITICAL
    return NSProcessInfo.processInfo().beginActivityWithOptions_reason_(options, "A call is being converted")
