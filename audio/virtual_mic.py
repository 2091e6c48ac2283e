"""'Menura Microphone' on Linux: a null sink and its monitor as a source, made by the sound server's client.

Works with PulseAudio and with PipeWire, which speaks PulseAudio's protocol. The sink reaches PortAudio as
an ALSA device of its own through ALSA's pulse plugin; calls choose the source like any microphone.
"""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import resources
from typing import IO

NAME = "Menura Microphone"
"""What calls list as microphone, and PortAudio as the output that feeds it."""

DEVICE = f"{NAME} · ALSA"
"""The stable name of that output (`audio.devices.Device.name`)."""

_SINK, _SOURCE = "menura_call", "menura_microphone"
_ALSA_BASE = "/usr/share/alsa/alsa.conf"
_TIMEOUT_S = 5.0
_LISTEN = "chrt --other --pid 0 $$; pactl subscribe & read _; kill $!"
"""Tells of changes until its input ends, also where this process was killed: pactl alone would stay. It
inherits the real-time class of whoever opens streams, and has no use for that."""

_ALONE_S = 0.5
"""Who takes the source away takes the sink next, as `remove` does; only after that can it be made again."""

_REMOVED = re.compile(rb"^Event 'remove' on (sink|source) #(\d+)\n", re.MULTILINE)


class VirtualMicError(ValueError):
    """The virtual microphone cannot be made; the message says what to do."""


def supported() -> bool:
    """Whether this system makes its virtual microphone itself; others need a cable installed."""
    return sys.platform == "linux"


def exists() -> bool:
    """Whether calls can choose it now. False also where no sound server answers."""
    try:
        return any(row[1:2] == [_SOURCE] for row in _rows("sources"))
    except VirtualMicError:
        return False


def create() -> None:
    """Makes it, keeping what is there; processes started from now on see it. Raises VirtualMicError."""
    if not supported():
        raise VirtualMicError("This system has no virtual microphone of its own; install a virtual cable.")
    if not any(row[1:2] == [_SINK] for row in _rows("sinks")):
        _load(
            "module-null-sink",
            f"sink_name={_SINK}",
            "rate=48000",
            "channels=2",
            "sink_properties='device.description=\"Menura (call)\"'",
        )
    if not exists():
        try:
            _load(
                "module-remap-source",
                f"master={_SINK}.monitor",
                f"source_name={_SOURCE}",
                f"source_properties='device.description=\"{NAME}\"'",
            )
        except VirtualMicError:
            remove()
            raise
    show()


def show() -> None:
    """Lets processes started from now on find the device; keeps what the user configured for ALSA."""
    path = str(resources.files("assets").joinpath("alsa", "menura.conf"))
    known = os.environ.get("ALSA_CONFIG_PATH", _ALSA_BASE).split(":")
    if path not in known:
        os.environ["ALSA_CONFIG_PATH"] = ":".join((*known, path))


def remove() -> None:
    """Takes it away again; does nothing where there is none. Raises VirtualMicError."""
    # The source stands on the sink, so it goes first.
    wanted = (f"source_name={_SOURCE}", f"sink_name={_SINK}")
    for argument in wanted:
        for number, _module, *arguments in (row for row in _rows("modules") if len(row) > 2):
            if argument in arguments[0].split():
                _pactl("unload-module", number)


@contextmanager
def removal() -> Iterator[Callable[[], bool]]:
    """Yields what tells, without waiting, whether sink or source was taken away; ask ten times a second.

    The server says so at once; ALSA's plugin takes 2 to 3 s, and says nothing of the source. A server that
    ends is none of this, nor is one that does not know them now: then nothing is told.
    """
    listener = subprocess.Popen(
        ("sh", "-c", _LISTEN),
        env=os.environ | {"LC_ALL": "C"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert listener.stdin
    assert listener.stdout
    pipe, heard, alone_until = listener.stdout, b"", math.inf
    try:
        os.set_blocking(pipe.fileno(), False)
        sink, source = _numbers("sink", _SINK), _numbers("source", _SOURCE)

        def removed() -> bool:
            nonlocal heard, alone_until
            # What is left of a line that has not come whole belongs to the next look.
            heard = heard.rpartition(b"\n")[2] + _heard(pipe)
            gone = set(_REMOVED.findall(heard))
            if gone & sink:
                alone_until = -math.inf
            elif gone & source:
                alone_until = time.monotonic() + _ALONE_S
            return time.monotonic() > alone_until

        yield removed
    finally:
        listener.stdin.close()
        listener.wait()
        pipe.close()


def _numbers(kind: str, name: str) -> set[tuple[bytes, bytes]]:
    """What the server calls the one of this `name` when it tells of changes; empty where it has none."""
    try:
        return {(kind.encode(), row[0].encode()) for row in _rows(f"{kind}s") if row[1:2] == [name]}
    except VirtualMicError:
        return set()


def _heard(pipe: IO[bytes]) -> bytes:
    """What has come through `pipe`; nothing where its writer has ended."""
    try:
        return os.read(pipe.fileno(), 1 << 16)
    except BlockingIOError:
        return b""


def _rows(what: str) -> list[list[str]]:
    return [line.split("\t") for line in _pactl("list", "short", what).splitlines()]


def _load(module: str, *arguments: str) -> None:
    _pactl("load-module", module, *arguments)


def _pactl(*arguments: str) -> str:
    try:
        done = subprocess.run(
            ("pactl", *arguments),
            env=os.environ | {"LC_ALL": "C"},
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except FileNotFoundError as error:
        raise VirtualMicError(
            "The program pactl is missing; install it (Debian and Ubuntu: sudo apt-get install "
            "pulseaudio-utils libasound2-plugins) and try again."
        ) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise VirtualMicError("The sound server does not answer; restart it and try again.") from error
    if done.returncode != 0:
        reason = (done.stderr.strip() or "no reason given").removeprefix("Failure: ")
        if reason.startswith("Connection failure"):
            raise VirtualMicError(
                "No sound server answers; Menura's microphone needs PulseAudio or PipeWire "
                "(pipewire-pulse). Start one and try again."
            )
        raise VirtualMicError(f"The sound server refused the virtual microphone ({reason}); restart it.")
    return done.stdout
