"""The studio's composition root: settings, theme, window, then the engine."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Sequence

from filelock import BaseFileLock
from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QApplication

from gui.engine_port import EnginePort
from gui.icons import icon
from gui.session import Session
from gui.settings import SettingsStore
from gui.single_instance import InstanceServer, raise_other, server_name
from gui.theme import ThemeSwitch
from gui.window import MainWindow
from voices.home import engine_lock

ALREADY_OPEN = "Menura is already open; its window was brought to the front."


class FirstPaint(QObject):
    """Calls back once, after a widget was painted for the first time."""

    def __init__(self, widget: QObject, then: Callable[[], None]) -> None:
        super().__init__(widget)
        self._widget, self._then = widget, then
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Waits for the paint event."""
        if event.type() == QEvent.Type.Paint:
            self._widget.removeEventFilter(self)
            QTimer.singleShot(0, self._then)
        return False


class EngineMaker:
    """Makes engines under the lock of this home, which it holds from the first one until `close`."""

    def __init__(self) -> None:
        self._lock: BaseFileLock | None = None

    def __call__(self) -> EnginePort:
        """Returns a new engine. Raises AlreadyRunningError where another Menura has the home."""
        from inference.engine.client import EngineClient

        if self._lock is None:
            self._lock = engine_lock()
        return EngineClient()

    def close(self) -> None:
        """Lets others run an engine."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None


def main(argv: Sequence[str], quit_after_first_paint: bool = False) -> int:
    """Runs the studio until its window closes and returns the exit status.

    The engine's process starts after the first paint. `quit_after_first_paint` ends there, without an
    engine, to time the start.
    """
    from voices.builtin import builtin_voices

    app = QApplication([sys.argv[0], *argv])
    app.setApplicationName("Menura")
    app.setApplicationDisplayName("Menura")
    app.setDesktopFileName("menura")
    store = SettingsStore.open()
    name = server_name(store.path.parent)
    if not quit_after_first_paint and raise_other(name):
        sys.stdout.write(f"{ALREADY_OPEN}\n")
        return 0
    themes = ThemeSwitch(app, store.settings.theme)
    app.setWindowIcon(icon("logo", "accent", 64))
    session = Session(builtin_voices(), store)
    window = MainWindow(session, themes)
    if quit_after_first_paint:
        FirstPaint(window.live.scope.view.viewport(), app.quit)
        window.show()
        app.exec()
        return 0
    server = InstanceServer(name, window.bring_to_front)
    engines = EngineMaker()
    FirstPaint(window.live.scope.view.viewport(), lambda: session.connect_engine(engines))
    quit_on_signals(app)
    window.show()
    status = app.exec()
    server.close()
    session.close()
    engines.close()
    return status


def quit_on_signals(app: QApplication) -> None:
    """Lets Ctrl+C and a session's end close the window in order; Python sees signals only between events."""
    for which in (signal.SIGINT, signal.SIGTERM):
        signal.signal(which, lambda *_: app.closeAllWindows())
