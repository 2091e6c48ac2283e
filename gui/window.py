"""The studio's window: panels in docks around the live signal."""

from __future__ import annotations

from itertools import pairwise

from PySide6.QtCore import QByteArray, QEvent, QRect, QSize, Qt, QTimer
from PySide6.QtGui import (
    QAction,
    QActionGroup,
    QCloseEvent,
    QGuiApplication,
    QHideEvent,
    QKeyEvent,
    QKeySequence,
    QShowEvent,
    QStatusTipEvent,
)
from PySide6.QtWidgets import QLineEdit, QMainWindow, QMenu, QVBoxLayout, QWidget

from gui.panels.compare import ComparePanel
from gui.panels.devices import DevicesPanel
from gui.panels.health import HealthPanel
from gui.panels.levels import LevelsPanel
from gui.panels.scope import ScopePanel
from gui.panels.shortcuts import ShortcutSheet
from gui.panels.transport import TransportBar
from gui.panels.tuning import TuningPanel
from gui.panels.voices import VoicesPanel
from gui.session import Session
from gui.settings import ThemeMode
from gui.theme import ThemeSwitch, current
from gui.widgets.dock import Dock
from gui.widgets.message_bar import MessageBar
from inference.engine.messages import EngineParams, EngineState, Mode, MonitorSource
from inference.engine.telemetry import Telemetry
from voices.voice import Voice

LAYOUT_VERSION = 1
DEFAULT_SIZE = QSize(1400, 900)
MODE_KEYS = {Qt.Key.Key_1: Mode.CONVERTED, Qt.Key.Key_2: Mode.BYPASS, Qt.Key.Key_3: Mode.MUTE}
MONITOR_ORDER = (MonitorSource.OFF, MonitorSource.OWN, MonitorSource.CONVERTED)
THEME_NAMES = {
    ThemeMode.SYSTEM: "Theme: as the system",
    ThemeMode.DARK: "Theme: dark",
    ThemeMode.LIGHT: "Theme: light",
}


class MainWindow(QMainWindow):
    """Wires panels to the session and remembers geometry, layout and theme."""

    def __init__(self, session: Session, themes: ThemeSwitch) -> None:
        super().__init__()
        self.session = session
        self._themes = themes
        self._settings = session.store.settings
        self.setWindowTitle("Menura")
        self.setContentsMargins(8, 8, 8, 8)
        self.setDockNestingEnabled(True)
        self.setMinimumSize(960, 600)
        self._menu = QMenu(self)
        self._theme_actions: dict[ThemeMode, QAction] = {}
        self.transport = TransportBar(self._menu)
        self.message = MessageBar()
        self.scope = ScopePanel()
        self.voices = VoicesPanel(session.voices)
        self.devices = DevicesPanel()
        self.compare = ComparePanel()
        self.tuning = TuningPanel(session.undo)
        self.levels = LevelsPanel()
        self.health = HealthPanel()
        self._put_top()
        self.setCentralWidget(self.scope)
        self.docks = self._make_docks()
        self._make_actions()
        self._connect_session()
        self._connect_panels()
        self._show_settings()
        self._restore_window()
        self._set_tab_order()

    def reset_layout(self) -> None:
        """Puts every panel back to where it came from."""
        voices, devices, compare, tuning, levels, health = self.docks
        area = Qt.DockWidgetArea
        for dock in self.docks:
            dock.setFloating(False)
            self.removeDockWidget(dock)
        for corner, side in (
            (Qt.Corner.TopLeftCorner, area.LeftDockWidgetArea),
            (Qt.Corner.BottomLeftCorner, area.LeftDockWidgetArea),
            (Qt.Corner.TopRightCorner, area.RightDockWidgetArea),
            (Qt.Corner.BottomRightCorner, area.RightDockWidgetArea),
        ):
            self.setCorner(corner, side)
        self.addDockWidget(area.LeftDockWidgetArea, voices)
        self.splitDockWidget(voices, devices, Qt.Orientation.Vertical)
        self.addDockWidget(area.RightDockWidgetArea, compare)
        self.splitDockWidget(compare, tuning, Qt.Orientation.Vertical)
        self.splitDockWidget(tuning, levels, Qt.Orientation.Vertical)
        self.addDockWidget(area.BottomDockWidgetArea, health)
        for dock in self.docks:
            dock.show()
        self.resizeDocks([voices, compare], [276, 292], Qt.Orientation.Horizontal)
        self.resizeDocks([voices, devices], [404, 384], Qt.Orientation.Vertical)
        self.resizeDocks([compare, tuning, levels], [232, 352, 178], Qt.Orientation.Vertical)
        self.resizeDocks([health], [206], Qt.Orientation.Vertical)

    def toggle_theme(self) -> None:
        """Switches between light and dark."""
        self.set_theme(ThemeMode.LIGHT if current().dark else ThemeMode.DARK)

    def set_theme(self, mode: ThemeMode) -> None:
        """Switches to a theme and remembers it."""
        self._settings.theme = mode
        self._themes.set_mode(mode)
        self._theme_actions[mode].setChecked(True)
        self.session.remember()

    def bring_to_front(self) -> None:
        """Shows the window above others."""
        self.setWindowState(self.windowState() & ~Qt.WindowState.WindowMinimized)
        self.show()
        self.raise_()
        self.activateWindow()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Keys that the widget in focus has no use for."""
        key = Qt.Key(event.key())
        plain = event.modifiers() in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier)
        if not plain or event.isAutoRepeat():
            super().keyPressEvent(event)
        elif key == Qt.Key.Key_Space:
            self.session.toggle()
        elif key in MODE_KEYS:
            self.session.set_mode(MODE_KEYS[key])
        elif key == Qt.Key.Key_M:
            at = MONITOR_ORDER.index(self.session.params.monitor)
            self.session.set_monitor(MONITOR_ORDER[(at + 1) % len(MONITOR_ORDER)])
        elif key == Qt.Key.Key_H:
            self.compare.hold.setDown(True)
            self.session.hold_compare(True)
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """Ends a comparison."""
        if event.key() == Qt.Key.Key_H and not event.isAutoRepeat():
            self._end_compare()
        else:
            super().keyReleaseEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        """Stops drawing when minimised; ends a comparison when the window loses the keyboard."""
        if event.type() == QEvent.Type.WindowStateChange:
            self._update_drawing()
        if event.type() == QEvent.Type.ActivationChange and not self.isActiveWindow():
            self._end_compare()
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
        self._update_drawing()

    def hideEvent(self, event: QHideEvent) -> None:
        """Stops drawing."""
        super().hideEvent(event)
        self._update_drawing()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Remembers where everything is, then ends the engine."""
        window = self._settings.window
        window.geometry = self.saveGeometry().toBase64().toStdString()
        window.layout = self.saveState(LAYOUT_VERSION).toBase64().toStdString()
        self.hide()
        self.session.close()
        super().closeEvent(event)

    def _put_top(self) -> None:
        top = QWidget()
        column = QVBoxLayout(top)
        column.setContentsMargins(0, 0, 0, 8)
        column.setSpacing(8)
        column.addWidget(self.transport)
        column.addWidget(self.message)
        self.setMenuWidget(top)

    def _make_docks(self) -> list[Dock]:
        return [
            Dock("voices", "Voices", "voices", self.voices, scrolls=False),
            Dock("devices", "Devices", "headphones", self.devices),
            Dock("compare", "Compare", "compare", self.compare),
            Dock("tuning", "Tuning", "sliders", self.tuning),
            Dock("levels", "Levels", "levels", self.levels),
            Dock("health", "Latency and health", "timer", self.health),
        ]

    def _make_actions(self) -> None:
        self._action("Undo tuning", self.session.undo.undo, QKeySequence.StandardKey.Undo)
        self._action("Redo tuning", self.session.undo.redo, "Ctrl+Shift+Z", "Ctrl+Y")
        self._menu.addSeparator()
        for dock in self.docks:
            self._menu.addAction(dock.toggleViewAction())
        self._action("Reset layout", self.reset_layout)
        self._menu.addSeparator()
        themes = QActionGroup(self)
        for mode, name in THEME_NAMES.items():
            action = self._action(name, lambda m=mode: self.set_theme(m))
            action.setCheckable(True)
            action.setChecked(mode is self._settings.theme)
            themes.addAction(action)
            self._theme_actions[mode] = action
        self._action("Switch theme", self.toggle_theme, "Ctrl+T")
        self._menu.addSeparator()
        self._action("Start or stop", self.session.toggle, "F5", "Ctrl+R")
        self._action("Search voices", self._search, QKeySequence.StandardKey.Find)
        self._action("Shortcuts", self.show_shortcuts, "F1")
        self._action("Quit", self.close, QKeySequence.StandardKey.Quit)

    def _action(self, text: str, slot: object, *keys: QKeySequence.StandardKey | str) -> QAction:
        action = QAction(text, self)
        action.setShortcuts([QKeySequence(k) for k in keys])
        action.triggered.connect(lambda _=False: slot())  # type: ignore[operator]
        self.addAction(action)
        self._menu.addAction(action)
        return action

    def show_shortcuts(self) -> None:
        """Opens the sheet of shortcuts."""
        ShortcutSheet(self).open()

    def _search(self) -> None:
        self.docks[0].show()
        self.voices.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.voices.search.selectAll()

    def _connect_session(self) -> None:
        s = self.session
        s.state_changed.connect(self._show_state)
        s.devices_listed.connect(self.devices.show_devices)
        s.streams_opened.connect(self.devices.show_opened)
        s.voice_changed.connect(self._show_voice)
        s.voice_ready.connect(self._show_voice_ready)
        s.voice_failed.connect(self._show_voice_failure)
        s.params_changed.connect(self._show_params)
        s.favourites_changed.connect(lambda: self.voices.show_favourites(self._settings.favourites))
        s.telemetry_read.connect(self._show_telemetry)
        s.scope_read.connect(self.scope.show_scope)
        s.problem.connect(lambda text: self.message.say(text, "danger"))
        self._themes.changed.connect(lambda: self.transport.show_theme(current().dark))

    def _connect_panels(self) -> None:
        s = self.session
        self.transport.toggled.connect(s.toggle)
        self.transport.theme_clicked.connect(self.toggle_theme)
        self.voices.chosen.connect(s.choose_voice)
        self.voices.favourite_changed.connect(s.set_favourite)
        self.devices.chosen.connect(self._choose_device)
        self.devices.block_chosen.connect(s.set_block)
        self.devices.rate_chosen.connect(s.set_rate)
        self.devices.refresh_wanted.connect(s.refresh_devices)
        self.compare.mode_chosen.connect(s.set_mode)
        self.compare.monitor_chosen.connect(s.set_monitor)
        self.compare.volume_turned.connect(s.set_monitor_gain)
        self.compare.held.connect(s.hold_compare)
        self.tuning.turned.connect(s.turn)
        self.scope.introduced.connect(self._introduce)

    def _show_settings(self) -> None:
        self.transport.show_theme(current().dark)
        self.voices.show_favourites(self._settings.favourites)
        self.devices.show_settings(self._settings.devices)
        self.scope.set_introduced(self._settings.introduced)
        self._show_params(self.session.params)
        self._show_voice(self.session.voice)
        self._show_state(EngineState.STOPPED, "")
        if self.session.store.problem:
            self.message.say(self.session.store.problem)

    def _show_state(self, state: EngineState, reason: str) -> None:
        self.transport.show_state(state, reason)
        self.scope.show_running(self.session.running)
        if state is EngineState.STARTING:
            self.health.clear()
            self.message.hide()
        self._show_hears()
        if state is EngineState.RUNNING:
            self._introduce()
        if not self.session.running:
            self.devices.show_opened(None)
        if state is EngineState.FAILED:
            self.message.say(reason or "The engine stopped.", "danger", "Try again", self.session.start)

    def _show_voice(self, voice: Voice | None) -> None:
        self.transport.show_voice(voice)
        self.voices.show_voice(voice)
        self.tuning.show_voice(voice)
        self._show_hears()

    def _show_voice_ready(self, voice_id: str) -> None:
        self.voices.show_failure(voice_id, "")
        self._show_hears()

    def _show_hears(self) -> None:
        s = self.session
        self.transport.show_mode(s.params.mode, s.running, s.loading)

    def _show_voice_failure(self, voice_id: str, reason: str) -> None:
        self.voices.show_failure(voice_id, reason)
        name = next((v.name for v in self.session.voices if v.id == voice_id), voice_id)
        self.message.say(
            f"{name} could not be loaded: {reason}",
            "danger",
            "Retry",
            lambda: self.session.choose_voice(voice_id),
        )

    def _show_params(self, params: EngineParams) -> None:
        self._show_hears()
        self.compare.show_params(params)
        self.tuning.show_params(params)
        self.devices.show_monitor(params.monitor)

    def _show_telemetry(self, telemetry: Telemetry) -> None:
        self.levels.show_telemetry(telemetry)
        self.health.show_telemetry(telemetry)
        self._ticks = (self._ticks + 1) % 8
        if self._ticks == 0:
            self.transport.show_telemetry(telemetry)

    _ticks = 0

    def _choose_device(self, which: str, name: str | None) -> None:
        self.session.set_device(which, name)
        self.devices.show_settings(self._settings.devices)

    def _introduce(self) -> None:
        if self._settings.introduced:
            return
        self._settings.introduced = True
        self.scope.set_introduced(True)
        self.session.remember()

    def _end_compare(self) -> None:
        if self.compare.hold.isDown():
            self.compare.hold.setDown(False)
            self.session.hold_compare(False)

    def _update_drawing(self) -> None:
        shown = self.isVisible() and not self.isMinimized()
        self.session.set_drawing(shown)

    def _restore_window(self) -> None:
        window = self._settings.window
        self.resize(DEFAULT_SIZE)
        screen = QGuiApplication.primaryScreen()
        room = screen.availableGeometry() if screen else QRect(0, 0, 1400, 900)
        self.resize(DEFAULT_SIZE.boundedTo(room.size()))
        self.reset_layout()
        if window.geometry:
            self.restoreGeometry(QByteArray.fromBase64(window.geometry.encode()))
        if window.layout:
            self.restoreState(QByteArray.fromBase64(window.layout.encode()), LAYOUT_VERSION)
        else:
            QTimer.singleShot(0, self.reset_layout)

    def _set_tab_order(self) -> None:
        chain: list[QWidget] = [self.transport.start, self.transport.theme, self.transport.menu]
        chain += [self.voices.search, self.voices.view]
        chain += [*self.devices.boxes.values(), self.devices.block, self.devices.rate]
        chain += [self.devices.refresh]
        for segments, values in ((self.compare.mode, Mode), (self.compare.monitor, MonitorSource)):
            chain += [segments.button(v) for v in values if not isinstance(v, QLineEdit)]
        for row in (self.compare.volume, *self.tuning.rows.values()):
            chain += [row.slider, row.number, row.reset]
        chain += [self.compare.hold, self.tuning.undo, self.tuning.redo]
        chain += [self.levels.input_clip, self.levels.output_clip]
        for first, second in pairwise(chain):
            QWidget.setTabOrder(first, second)
