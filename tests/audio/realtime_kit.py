"""A RealtimeKit of our own on a private bus: real D-Bus, real grants where the tests run as root."""

from __future__ import annotations

import os
import resource
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from jeepney import HeaderFields, Message, MessageType, new_error, new_method_return
from jeepney.bus_messages import message_bus
from jeepney.io.blocking import DBusConnection, prep_socket

SYSTEM, PORTAL = "org.freedesktop.RealtimeKit1", "org.freedesktop.portal.Desktop"
DENIED = "org.freedesktop.DBus.Error.AccessDenied"
BUSY_US = 200_000
_PROPERTIES = {"MaxRealtimePriority": ("i", 20), "MinNiceLevel": ("i", -15), "RTTimeUSecMax": ("x", BUSY_US)}
_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><listen>unix:path={socket}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_destination="*"/>
<allow send_type="*"/><allow receive_type="*"/></policy></busconfig>
"""


@contextmanager
def private_bus(folder: Path) -> Iterator[Path]:
    """Runs a bus of its own; yields its socket. FileNotFoundError where there is no dbus-daemon."""
    socket, config = folder / "bus", folder / "bus.conf"
    config.write_text(_CONFIG.format(socket=socket))
    command = ["dbus-daemon", f"--config-file={config}", "--nofork", "--print-address=1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as daemon:
        assert daemon.stdout
        # It listens once it has said where.
        assert daemon.stdout.readline()
        try:
            yield socket
        finally:
            daemon.terminate()


@dataclass
class RealtimeKitService:
    """Answers as rtkit-daemon does, from a thread; `requests` are (method, process, thread, value).

    `mood`: "grants", "refuses", or "silent" (never answers but the bus).
    """

    socket: Path
    name: str = SYSTEM
    mood: str = "grants"
    requests: list[tuple[str, int, int, int]] = field(default_factory=list)

    def __enter__(self) -> RealtimeKitService:
        self._connection = DBusConnection(prep_socket(str(self.socket)))
        self._connection.send_and_get_reply(message_bus.RequestName(self.name), timeout=10)
        self._over = False
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over = True
        self._thread.join()
        self._connection.close()

    def _serve(self) -> None:
        while not self._over:
            with suppress(TimeoutError):
                message = self._connection.receive(timeout=0.05)
                if message.header.message_type is MessageType.method_call and self.mood != "silent":
                    self._connection.send(self._answer(message))

    def _answer(self, message: Message) -> Message:
        member = message.header.fields[HeaderFields.member]
        if member == "Get":
            return new_method_return(message, "v", (_PROPERTIES[message.body[1]],))
        process, thread, value = message.body
        self.requests.append((member, process, thread, value))
        if self.mood == "refuses" or not _allowed(member, process):
            return new_error(message, DENIED, "s", ("Operation not permitted",))
        if os.geteuid() == 0:
            _grant(member, thread, value)
        return new_method_return(message)


def _allowed(member: str, process: int) -> bool:
    """rtkit's own rule: no real time without a limit that the kernel enforces."""
    hard = resource.prlimit(process, resource.RLIMIT_RTTIME)[1]
    return member != "MakeThreadRealtimeWithPID" or 0 <= hard <= BUSY_US


def _grant(member: str, thread: int, value: int) -> None:
    if member == "MakeThreadRealtimeWithPID":
        os.sched_setscheduler(thread, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(value))
    else:
        os.sched_setscheduler(thread, os.SCHED_OTHER | os.SCHED_RESET_ON_FORK, os.sched_param(0))
        os.setpriority(os.PRIO_PROCESS, thread, value)
