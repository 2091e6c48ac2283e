"""RealtimeKit over D-Bus: how a desktop gives its user the priority that the kernel refuses.

Only Linux, and imported only where the direct way was refused. The system's service is asked first; where
a sandbox hides it, the desktop portal passes the same requests on.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from jeepney import DBusAddress, DBusErrorResponse, Message, Properties, new_method_call
from jeepney.bus import get_bus
from jeepney.io.blocking import DBusConnection, prep_socket
from jeepney.wrappers import unwrap_msg

_ANSWER_S = 0.4
"""How long one answer may take; the first one may have to start the service."""

_SERVICES = (
    (
        "SYSTEM",
        DBusAddress(
            "/org/freedesktop/RealtimeKit1", "org.freedesktop.RealtimeKit1", "org.freedesktop.RealtimeKit1"
        ),
    ),
    (
        "SESSION",
        DBusAddress(
            "/org/freedesktop/portal/desktop",
            "org.freedesktop.portal.Desktop",
            "org.freedesktop.portal.Realtime",
        ),
    ),
)
"""Bus and address of whoever may be asked, in this order."""

_UNKNOWN = (
    "org.freedesktop.DBus.Error.ServiceUnknown",
    "org.freedesktop.DBus.Error.NameHasNoOwner",
    "org.freedesktop.DBus.Error.UnknownMethod",
    "org.freedesktop.DBus.Error.UnknownInterface",
)

_FAILURES = (OSError, ValueError, LookupError, RuntimeError, TypeError, DBusErrorResponse)
"""What jeepney raises: sockets, addresses, authentication, and what the other side answers."""


class RefusedError(Exception):
    """No priority this way; the message says why, without a full stop."""


@dataclass(frozen=True)
class Limits:
    """What the service gives: the highest priority, the lowest nice level, and how many microseconds a
    real-time thread may run without a pause (the process must have set that limit before it asks)."""

    priority: int
    nice: int
    busy_us: int


class _Connection(DBusConnection):
    """A bus whose every answer has a time limit, that to the greeting too."""

    def send_and_get_reply(self, message: Message, *, timeout: float | None = _ANSWER_S) -> Message:
        return super().send_and_get_reply(message, timeout=_ANSWER_S if timeout is None else timeout)


class RealtimeKit:
    """A connection to the service. Whoever uses it waits up to 0.4 s for an answer.

    >>> kit = RealtimeKit()
    >>> kit.realtime(threading.get_native_id(), kit.limits.priority)
    """

    def __init__(self) -> None:
        """Raises RefusedError where there is no such service."""
        reasons = []
        for bus, address in _SERVICES:
            try:
                self._connection, self._address = _connect(bus), address
                self.limits = self._read()
                return
            except _FAILURES as error:
                reasons.append(_why(error))
        raise RefusedError(reasons[0])

    def realtime(self, thread: int, priority: int) -> None:
        """Round robin for a thread of this process, by its number in the system. Raises RefusedError.

        What the thread starts afterwards does not inherit it.
        """
        self._ask("MakeThreadRealtimeWithPID", "ttu", thread, min(priority, self.limits.priority))

    def nice(self, thread: int, level: int) -> None:
        """A nice level below 0 for a thread of this process. Raises RefusedError."""
        self._ask("MakeThreadHighPriorityWithPID", "tti", thread, max(level, self.limits.nice))

    def _ask(self, method: str, signature: str, thread: int, value: int) -> None:
        self._send(new_method_call(self._address, method, signature, (os.getpid(), thread, value)))

    def _read(self) -> Limits:
        names = ("MaxRealtimePriority", "MinNiceLevel", "RTTimeUSecMax")
        properties = Properties(self._address)
        values = [unwrap_msg(self._connection.send_and_get_reply(properties.get(name))) for name in names]
        return Limits(*(int(value[0][1]) for value in values))

    def _send(self, message: Message) -> Any:
        try:
            return unwrap_msg(self._connection.send_and_get_reply(message))
        except _FAILURES as error:
            raise RefusedError(_why(error)) from error


def _connect(bus: str) -> _Connection:
    sock = prep_socket(get_bus(bus), timeout=_ANSWER_S)
    try:
        return _Connection(sock)
    except _FAILURES:
        sock.close()
        raise


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "RealtimeKit did not answer"
    if isinstance(error, DBusErrorResponse):
        if error.name in _UNKNOWN:
            return "RealtimeKit is not installed"
        return f"RealtimeKit refused ({error.data[0] if error.data else error.name})"
    return "there is no D-Bus to ask RealtimeKit over"
