"""One studio per settings directory: others raise it or tell it what to do, a line each."""

from __future__ import annotations

import getpass
import hashlib
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtNetwork import QLocalServer, QLocalSocket

WAIT_MS = 500
LONGEST = 64
"""Bytes of one line; who sends more is no part of Menura."""


def server_name(directory: Path) -> str:
    """Returns the name of the socket that belongs to a user and a settings directory."""
    key = f"{getpass.getuser()}:{directory.resolve()}"
    return f"menura-{hashlib.sha256(key.encode()).hexdigest()[:16]}"


def tell_other(name: str, word: str) -> bool:
    """Sends a word to the studio that runs already; False when there is none."""
    socket = QLocalSocket()
    socket.connectToServer(name)
    if not socket.waitForConnected(WAIT_MS):
        return False
    socket.write(f"{word}\n".encode())
    socket.waitForBytesWritten(WAIT_MS)
    socket.disconnectFromServer()
    return True


class InstanceServer(QObject):
    """Listens to later starts and to `menura tell`, and calls `heard` with each word."""

    def __init__(self, name: str, heard: Callable[[str], None], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._heard = heard
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._accept)
        if not self._server.listen(name):
            QLocalServer.removeServer(name)  # left behind by a studio that was killed
            self._server.listen(name)

    def close(self) -> None:
        """Stops listening."""
        self._server.close()

    def _accept(self) -> None:
        while (socket := self._server.nextPendingConnection()) is not None:
            socket.readyRead.connect(self._read)
            socket.disconnected.connect(self._part)
            self._take(socket)
            if socket.state() == QLocalSocket.LocalSocketState.UnconnectedState:
                socket.deleteLater()

    def _read(self) -> None:
        self._take(self.sender())

    def _part(self) -> None:
        socket = self.sender()
        self._take(socket)
        if socket:
            socket.deleteLater()

    def _take(self, socket: QObject | None) -> None:
        """Hears every whole line that has come."""
        if not isinstance(socket, QLocalSocket):
            return
        while socket.canReadLine():
            self._heard(bytes(socket.readLine(LONGEST).data()).decode("ascii", "replace").strip())
        if socket.bytesAvailable() > LONGEST:
            socket.abort()
