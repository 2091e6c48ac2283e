"""macOS around the call: small device buffers, no App Nap. Each function is a no-op elsewhere."""

from __future__ import annotations

import ctypes
import sys
from functools import lru_cache
from typing import Any

from audio.devices import portaudio

_USER_INITIATED = 0x00EFFFFF
_LATENCY_CRITICAL = 0xFF00000000
"""NSActivityOptions: user-initiated, idle sleep allowed; and no coalesced timers."""
_USER_INTERACTIVE = 0x21
_BELOW = -5
"""QOS_CLASS_USER_INTERACTIVE, and how far below it goes what only works beside the block loop. Not a class
lower: a thread that is pushed aside while it holds the interpreter's lock keeps the loop waiting."""
_OPTIONS, _REASON = _USER_INITIATED | _LATENCY_CRITICAL, "A call is being converted"


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
    return NSProcessInfo.processInfo().beginActivityWithOptions_reason_(_OPTIONS, _REASON)


def urgent(beside: bool = False, system: str = sys.platform) -> str:
    """Gives the calling thread the class of what users wait for; what was granted, in words.

    `beside`: it works beside the block loop, which goes before it. A thread has the default class without,
    whoever started it, and any program's window goes before that. After Apple's "Tuning your code's
    performance for Apple silicon". Elsewhere nothing happens.
    """
    if system != "darwin":
        return "normal"
    ask = ctypes.CDLL(None).pthread_set_qos_class_self_np
    refused = ask(ctypes.c_uint(_USER_INTERACTIVE), ctypes.c_int(_BELOW if beside else 0))
    return "normal" if refused else "user-interactive"


class Awake:
    """Keeps macOS from slowing this process down while something is live; elsewhere it does nothing.

    >>> awake = Awake()
    >>> awake.hold(True)        # as often as you like
    >>> awake.hold(False)
    """

    def __init__(self, system: str = sys.platform) -> None:
        self._on = system == "darwin"
        self._activity: Any = None

    def hold(self, wanted: bool) -> None:
        """Begins or ends the assertion."""
        if not self._on or wanted == (self._activity is not None):
            return
        try:
            from Foundation import NSProcessInfo
        except ImportError:
            return
        info = NSProcessInfo.processInfo()
        if wanted:
            self._activity = info.beginActivityWithOptions_reason_(_OPTIONS, _REASON)
        else:
            info.endActivity_(self._activity)
            self._activity = None


_PATIENCE_S = 3.0

NO_PERMISSION = (
    "The microphone gives nothing but exact zeros: macOS does that where a program may not listen. Allow "
    "Menura, or the terminal it was started from, in System Settings > Privacy & Security > Microphone."
)


class ZeroWatch:
    """Recognises a microphone that macOS withholds: zeros without noise, and no error.

    >>> watch = ZeroWatch()
    >>> watch.hear(seconds, peak)       # the sentence, once, after 3 s of exact zeros; else ''
    """

    def __init__(self, system: str = sys.platform) -> None:
        self._on = system == "darwin"
        self._heard = 0.0
        self._told = False

    def hear(self, seconds: float, peak: float) -> str:
        """`seconds` since the stream began, `peak` of the input since the last call, linear."""
        if peak > 0.0 or seconds < self._heard:
            self._heard, self._told = seconds, False
        if not self._on or self._told or seconds - self._heard < _PATIENCE_S:
            return ""
        self._told = True
        return NO_PERMISSION
