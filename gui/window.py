"""The studio's window: rail, top bar, messages, and the page in front."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QByteArray, QEvent, QRect, QSize, Qt
from PySide6.QtGui import (
    QCloseEvent,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QGuiApplication,
    QHideEvent,
    QKeyEvent,
    QShowEvent,
    QStatusTipEvent,
)
from PySide6.QtWidgets import QHBoxLayout, QMainWindow, QMenu, QStyle, QVBoxLayout, QWidget

from gui.actions import Actions
from gui.control.notice import Notice
from gui.keys import LiveKeys
from gui.page_stack import PageStack
from gui.pages.live import LivePage
from gui.pages.registry import PAGES, Page
from gui.panels.shortcuts import ShortcutSheet
from gui.panels.transport import TransportBar
from gui.panels.voice_files import voice_files
from gui.session import Reading, Session
from gui.settings import ThemeMode
from gui.theme import ThemeSwitch, current
from gui.widgets.drop_veil import DropVeil
from gui.widgets.message_bar import MessageBar
from gui.widgets.rail import Rail
from gui.widgets.toast import Toast
from inference.engine.messages import EngineParams, EngineState
from inference.engine.telemetry import Telemetry
from voices.voice import Voice

DEFAULT_SIZE = QSize(1400, 900)
TELEMETRY_EVERY = 5
"""Frames between two updates of the top bar's figures."""


class MainWindow(QMainWindow):
    """Shows what every page shares, switches pages, and remembers geometry and theme."""

    def __init__(self, session: Session, themes: ThemeSwitch, pages: Sequence[Page] = PAGES) -> None:
        super().__init__()
        self.session = session
        self._themes = themes
        self._settings = session.store.settings
        self._keys = LiveKeys(session)
        self._ticks = 0
        self.setWindowTitle("Menura")
        self.setMinimumSize(960, 600)
        menu = QMenu(self)
        self.transport = TransportBar(menu)
        self.message = MessageBar()
        self.rail = Rail(pages)
        self.stack = PageStack(session, pages)
        content = QWidget()
        self._lay_out(content)
        self.toast = Toast(content)
        self._veil = DropVeil(content)
        self.setAcceptDrops(True)
        self.go_to("live")
        self._actions = Actions(self, menu)
        self._connect()
        self._show_settings()
        self._restore_geometry()
        self.transport.start.setFocus()

    @property
    def live(self) -> LivePage:
        """The page with the live signal, which is always there."""
        page = self.stack.made("live")
        assert isinstance(page, LivePage)
        return page

    def go_to(self, page_id: str) -> None:
        """Brings a page to the front."""
        if page_id not in self.stack.pages:
            return
        self.stack.show_page(page_id)
        self.rail.show_page(page_id)
        self._update_reading()

    def toggle_theme(self) -> None:
        """Switches between light and dark."""
        self.set_theme(ThemeMode.LIGHT if current().dark else ThemeMode.DARK)

    def set_theme(self, mode: ThemeMode) -> None:
        """Switches to a theme and remembers it."""
        self._settings.theme = mode
        self._themes.set_mode(mode)
        self._actions.themes[mode].setChecked(True)
        self.session.remember()

    def bring_to_front(self) -> None:
        """Shows the window above others."""
        self.setWindowState(self.windowState() & ~Qt.WindowState.WindowMinimized)
        self.show()
        self.raise_()
        self.activateWindow()

    def show_shortcuts(self) -> None:
        """Opens the sheet of shortcuts."""
        ShortcutSheet(self).open()

    def search(self) -> None:
        """Goes to the search field of the voices."""
        self.go_to("live")
        self.live.search()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Keys that the widget in focus has no use for."""
        if not self._keys.press(event):
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """Ends a comparison."""
        if not self._keys.release(event):
            super().keyReleaseEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        """Stops drawing when minimised; ends a comparison when the window loses the keyboard."""
        if event.type() == QEvent.Type.WindowStateChange:
            self._update_reading()
        if event.type() == QEvent.Type.ActivationChange and not self.isActiveWindow():
            self._keys.let_go()
        super().changeEvent(event)

    def event(self, event: QEvent) -> bool:
        """Shows what the control under the pointer is for, where the state's reason stands."""
        if isinstance(event, QStatusTipEvent):
            self.transport.show_tip(event.tip())
            return True
        return super().event(event)

    def showEvent(self, event: QShowEvent) -> None:
        """Draws again."""
        super().showEvent(event)
        self._update_reading()

    def hideEvent(self, event: QHideEvent) -> None:
        """Stops drawing."""
        super().hideEvent(event)
        self._update_reading()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Takes voice files from outside."""
        files = voice_files(event.mimeData())
        if files and event.source() is None:
            self._veil.cover(len(files))
            event.acceptProposedAction()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """Lets them go on."""
        self._veil.hide()
        super().dragLeaveEvent(event)

    def dropEvent(self, event: QDropEvent) -> None:
        """Adds them to the library."""
        self._veil.hide()
        self.live.add_files(voice_files(event.mimeData()))
        event.acceptProposedAction()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Remembers where everything is, then ends the engine."""
        self._settings.window.geometry = self.saveGeometry().toBase64().toStdString()
        self.live.keep_layout()
        self.hide()
        self.session.close()
        super().closeEvent(event)

    def _lay_out(self, content: QWidget) -> None:
        row = QHBoxLayout(content)
        row.setContentsMargins(8, 8, 8, 8)
        row.setSpacing(8)
        row.addWidget(self.rail)
        column = QVBoxLayout()
        column.setSpacing(8)
        column.addWidget(self.transport)
        column.addWidget(self.message)
        column.addWidget(self.stack, 1)
        row.addLayout(column, 1)
        self.setCentralWidget(content)

    def _connect(self) -> None:
        s = self.session
        s.state_changed.connect(self._show_state)
        s.voice_changed.connect(self._show_voice)
        s.voice_ready.connect(lambda _: self._show_hears())
        s.params_changed.connect(self._show_params)
        s.telemetry_read.connect(self._show_telemetry)
        s.said.connect(self._say)
        s.pictures.arrived.connect(lambda _: self._show_voice(s.voice))
        s.page_wanted.connect(self.go_to)
        self.rail.chosen.connect(self.go_to)
        self.transport.toggled.connect(s.toggle)
        self.transport.theme_clicked.connect(self.toggle_theme)
        self._themes.changed.connect(lambda: self.transport.show_theme(current().dark))

    def _show_settings(self) -> None:
        self.transport.show_theme(current().dark)
        self._show_voice(self.session.voice)
        self._show_state(self.session.state, "")
        if self.session.store.problem:
            self.message.say(self.session.store.problem)

    def _show_state(self, state: EngineState, reason: str) -> None:
        self.transport.show_state(state, reason)
        if state is EngineState.STARTING:
            self.message.hide()
        self._show_hears()
        if state is EngineState.FAILED:
            self.message.say(reason or "The engine stopped.", "danger", "Try again", self.session.start)

    def _show_voice(self, voice: Voice | None) -> None:
        picture = self.session.pictures.of(voice.id) if voice else None
        self.transport.show_voice(voice, picture)
        self._show_hears()

    def _show_hears(self) -> None:
        s = self.session
        self.transport.show_mode(s.params.mode, s.running, s.loading)

    def _show_params(self, _: EngineParams) -> None:
        self._show_hears()

    def _show_telemetry(self, telemetry: Telemetry) -> None:
        self._ticks = (self._ticks + 1) % TELEMETRY_EVERY
        if self._ticks == 0 or self.session.reading is Reading.FIGURES:
            self.transport.show_telemetry(telemetry)

    def _say(self, notice: Notice) -> None:
        if notice.tone == "toast":
            self.toast.say(notice.sentence, notice.action, notice.do)
        else:
            self.message.say(notice.sentence, notice.tone, notice.action, notice.do)

    def _update_reading(self) -> None:
        if not self.isVisible() or self.isMinimized():
            self.session.set_reading(Reading.EVENTS)
        elif self.stack.pages[self.stack.current_id].frames:
            self.session.set_reading(Reading.FRAMES)
        else:
            self.session.set_reading(Reading.FIGURES)

    def _restore_geometry(self) -> None:
        screen = QGuiApplication.primaryScreen()
        room = screen.availableGeometry() if screen else QRect(0, 0, 1400, 900)
        frame = QSize(0, self.style().pixelMetric(QStyle.PixelMetric.PM_TitleBarHeight))
        self.resize(DEFAULT_SIZE.boundedTo(room.size() - frame))
        geometry = self._settings.window.geometry
        if geometry:
            self.restoreGeometry(QByteArray.fromBase64(geometry.encode()))
