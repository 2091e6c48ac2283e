"""The studio's composition root: settings, theme, window, then the engine."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Sequence

from filelock import BaseFileLock
from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QApplication

from audio.apple import Awake, ZeroWatch
from gui.control.call import CallAction
from gui.control.certifier import Certifier, is_due
from gui.control.notice import Notice
from gui.engine_port import EnginePort
from gui.hud import Hud
from gui.icons import icon
from gui.remote import LET_GO
from gui.session import Session
from gui.settings import SettingsStore, config_dir
from gui.single_instance import InstanceServer, server_name, tell_other
from gui.theme import ThemeSwitch
from gui.tray import Tray
from gui.window import MainWindow
from inference.engine.telemetry import Telemetry
from voices.folder import LibraryError
from voices.home import engine_lock
from voices.library import Library

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
    app = QApplication([sys.argv[0], *argv])
    app.setApplicationName("Menura")
    app.setApplicationDisplayName("Menura")
    app.setDesktopFileName("menura")
    store = SettingsStore.open()
    name = server_name(store.path.parent)
    if not quit_after_first_paint and tell_other(name, CallAction.SHOW):
        sys.stdout.write(f"{ALREADY_OPEN}\n")
        return 0
    themes = ThemeSwitch(app, store.settings.theme)
    app.setWindowIcon(icon("logo", "accent", 64))
    library, problem = open_library()
    session = Session(library, store)
    window = MainWindow(session, themes)
    if problem:
        session.say(Notice(problem, "danger"))
    if quit_after_first_paint:
        FirstPaint(window.live.scope.view.viewport(), app.quit)
        window.show()
        app.exec()
        return 0
    return run_studio(app, session, window, name)


def run_studio(app: QApplication, session: Session, window: MainWindow, name: str) -> int:
    """Shows the window with all that lives beside it, tray to certifier, until it is left; the exit status.

    `name` is the server at which a second start knocks.
    """
    hud = Hud(session)
    tray = Tray(session, session.call, window)
    tray.show()

    def leave() -> None:
        tray.quitting = True
        app.closeAllWindows()
        app.quit()

    session.call.quit_wanted.connect(leave)
    session.call.show_wanted.connect(window.bring_to_front)
    server = InstanceServer(name, lambda word: obey(session, word))
    engines = EngineMaker()
    quit_on_signals(leave)
    session.hotkeys.listen()
    open_window(
        window,
        session,
        tray.icon.isVisible(),
        lambda: session.microphone.prepare(lambda: session.connect_engine(engines)),
    )
    awake = Awake()
    # The supervisor that starts the engine's processes again is a thread of this one.
    session.state_changed.connect(lambda *_: awake.hold(session.running))
    hud.setVisible(session.store.settings.call.hud)
    zeros = ZeroWatch()
    session.telemetry_read.connect(lambda telemetry: warn_of_zeros(session, zeros, telemetry))
    certifier = Certifier(window)
    if is_due():
        certifier.start()
    status = app.exec()
    certifier.stop()
    server.close()
    session.close()
    engines.close()
    return status


def warn_of_zeros(session: Session, watch: ZeroWatch, telemetry: Telemetry) -> None:
    """Says that the microphone is withheld, once per stream."""
    sentence = watch.hear(telemetry.seconds, telemetry.input_peak) if telemetry.running else ""
    if sentence:
        session.say(Notice(sentence, "danger"))


def obey(session: Session, word: str) -> None:
    """Does what a later start or `menura tell` asks for; words that are no action are passed over."""
    if word == LET_GO:
        session.call.do(CallAction.TALK, down=False)
    elif word in set(CallAction):
        session.call.do(CallAction(word))


def open_window(window: MainWindow, session: Session, has_tray: bool, connect: Callable[[], None]) -> None:
    """Shows the window as the user wants it at start, then connects the engine and goes live if wanted."""
    wishes = session.store.settings.call
    if wishes.start_live:
        session.start()
    if not wishes.start_minimised:
        FirstPaint(window.live.scope.view.viewport(), connect)
        window.show()
        return
    if not has_tray:
        window.showMinimized()
    QTimer.singleShot(0, connect)


def open_library() -> tuple[Library, str]:
    """Returns the library, and what is wrong with it: then it has the built-in voices alone."""
    try:
        return Library.open(), ""
    except LibraryError as error:
        return Library(config_dir() / "voices"), str(error)


def quit_on_signals(leave: Callable[[], None]) -> None:
    """Lets Ctrl+C and a session's end close the window in order; Python sees signals only between events."""
    for which in (signal.SIGINT, signal.SIGTERM):
        signal.signal(which, lambda *_: leave())
