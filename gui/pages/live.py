"""The Live page: panels in docks around the live signal."""

from __future__ import annotations

from itertools import pairwise

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QApplication, QMainWindow, QWidget

from gui.control.likeness import LikenessController
from gui.control.notice import Notice
from gui.pages.live_voices import VoicesDesk
from gui.panels.compare import ComparePanel
from gui.panels.devices import FEEDBACK, DevicesPanel
from gui.panels.health import HealthPanel
from gui.panels.levels import LevelsPanel
from gui.panels.scope import ScopePanel
from gui.panels.tuning import TuningPanel
from gui.session import Session
from gui.widgets.arrangement import Arrangement
from gui.widgets.dock import Dock
from inference.engine.messages import EngineParams, EngineState, Mode, MonitorSource
from inference.engine.telemetry import Telemetry
from inference.likeness import Reading
from voices.voice import Voice


class LivePage(QMainWindow):
    """Wires the panels to the session and remembers where the docks stand."""

    def __init__(self, session: Session) -> None:
        super().__init__(None, Qt.WindowType.Widget)
        self.session = session
        self._settings = session.store.settings
        self._warned = False
        self.scope = ScopePanel()
        self._desk = desk = VoicesDesk(session)
        self.voices, self.add_files = desk.panel, desk.add_files
        self.compare = ComparePanel()
        self.devices = DevicesPanel(self.compare.device)
        self.tuning = TuningPanel(session.undo, session.store.settings.folds)
        self.levels = LevelsPanel()
        self._likeness = LikenessController(session, self)
        self.health = HealthPanel()
        self.setCentralWidget(self.scope)
        self.docks = {dock.objectName(): dock for dock in self._make_docks()}
        self._arrangement = Arrangement(self, self.docks)
        self._connect_session()
        self._connect_panels()
        self._show_settings()
        self._restore()
        self._set_tab_order()
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        application.focusChanged.connect(self._reveal)

    def reset_layout(self) -> None:
        """Puts every panel back to where it came from."""
        self._arrangement.reset(self.size())

    def keep_layout(self) -> None:
        """Writes where the docks stand into the settings."""
        window = self._settings.window
        window.layout, window.moved = self._arrangement.state(), self._arrangement.moved

    def show_panel(self, name: str) -> None:
        """Brings a panel to the front, also one that was closed or lies below another one."""
        self.docks[name].show()
        self.docks[name].raise_()

    def search(self) -> None:
        """Goes to the search field of the voices."""
        self.show_panel("voices")
        self.voices.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.voices.search.selectAll()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Stacks the docks where they would be cut off."""
        super().resizeEvent(event)
        self._arrangement.fit(event.size())

    def _make_docks(self) -> list[Dock]:
        return [
            Dock("voices", "Voices", "voices", self.voices, scrolls=False),
            Dock("devices", "Devices", "headphones", self.devices),
            Dock("tuning", "Tuning", "sliders", self.tuning),
            Dock("compare", "Compare", "compare", self.compare),
            Dock("levels", "Levels", "levels", self.levels, scrolls=False),
            Dock("health", "Latency and health", "timer", self.health),
        ]

    def _connect_session(self) -> None:
        s = self.session
        s.state_changed.connect(self._show_state)
        s.panel_wanted.connect(self.show_panel)
        s.devices_listed.connect(self.devices.show_devices)
        s.streams_opened.connect(self.devices.show_opened)
        s.voice_changed.connect(self._show_voice)
        s.snapshots.changed.connect(self._show_snapshots)
        s.tuning.presets_changed.connect(lambda _: self._show_presets())
        s.params_changed.connect(self._show_params)
        s.telemetry_read.connect(self._show_telemetry)
        self._likeness.reading_changed.connect(self.levels.likeness.show_reading)
        s.scope_read.connect(self.scope.show_scope)

    def _connect_panels(self) -> None:
        s = self.session
        self.devices.chosen.connect(self._choose_device)
        self.devices.block_chosen.connect(s.devices.set_block)
        self.devices.rate_chosen.connect(s.devices.set_rate)
        self.devices.refresh_wanted.connect(s.refresh_devices)
        self.compare.mode_chosen.connect(s.set_mode)
        self.compare.monitor_chosen.connect(s.set_monitor)
        self.compare.device_chosen.connect(lambda name: self._choose_device("monitor", name))
        self.compare.volume_turned.connect(s.set_monitor_gain)
        self.compare.held.connect(s.hold_compare)
        self.tuning.turned.connect(s.tuning.turn)
        self.tuning.folded.connect(self._fold)
        self.tuning.preset_chosen.connect(self._use_preset)
        self.tuning.preset_saved.connect(lambda name: s.tuning.save_preset(s.voice_id, name))
        self.tuning.preset_deleted.connect(lambda name: s.tuning.delete_preset(s.voice_id, name))
        self.tuning.snapshots.pressed.connect(s.snapshots.press)
        self.tuning.snapshots.stored.connect(s.snapshots.store)
        self.tuning.snapshots.cleared.connect(s.snapshots.clear)
        self.tuning.pitch_wanted.connect(lambda: self._desk.ask_pitch(s.voice_id))
        self.scope.introduced.connect(self._introduce)
        self.scope.intro.panel_wanted.connect(self.show_panel)
        self.scope.intro.start_wanted.connect(s.start)

    def _show_settings(self) -> None:
        self.devices.show_settings(self._settings.devices)
        self.scope.set_introduced(self._settings.introduced)
        self._show_params(self.session.params)
        self._show_voice(self.session.voice)
        self.levels.likeness.show_reading(Reading(), self.session.voice)
        self._show_state(self.session.state, "")

    def _show_state(self, state: EngineState, reason: str) -> None:
        self.scope.show_running(self.session.running)
        if state is EngineState.STARTING:
            self.health.clear()
        if state is EngineState.RUNNING:
            self._introduce()
            self._warn_of_feedback()
        if not self.session.running:
            self.devices.show_opened(None)
            self.levels.fall_silent()

    def _show_voice(self, voice: Voice | None) -> None:
        self.tuning.show_voice(voice)
        self._show_presets()
        self._show_snapshots()

    def _show_presets(self) -> None:
        self.tuning.show_presets(self.session.tuning.presets(self.session.voice_id))

    def _show_snapshots(self) -> None:
        snapshots, bar = self.session.snapshots, self.tuning.snapshots
        for slot, button in bar.slots.items():
            active = slot == snapshots.active
            full = snapshots.stored(slot) is not None
            button.show_state(full, active, active and snapshots.is_changed(), snapshots.describe(slot))
        bar.show_active(snapshots.active, snapshots.is_changed())

    def _use_preset(self, name: str) -> None:
        tuning, voice_id = self.session.tuning, self.session.voice_id
        sound = tuning.presets(voice_id)[name] if name else tuning.came_with(voice_id)
        tuning.use(voice_id, sound, f"Preset {name}" if name else "Reset all")

    def _fold(self, group: str, is_open: bool) -> None:
        self._settings.folds[group] = is_open
        self.session.remember()

    def _show_params(self, params: EngineParams) -> None:
        self.compare.show_params(params)
        self.tuning.show_params(params)
        self.devices.show_monitor(params.monitor)
        self.scope.view.show_mode(params.mode)
        self.levels.show_mode(params.mode)

    def _show_telemetry(self, telemetry: Telemetry) -> None:
        if self.isVisible():
            self.levels.show_telemetry(telemetry)
            self.health.show_telemetry(telemetry)

    def _choose_device(self, which: str, name: str | None) -> None:
        self.session.devices.set_device(which, name)
        self.devices.show_settings(self._settings.devices)

    def _introduce(self) -> None:
        if self._settings.introduced:
            return
        self._settings.introduced = True
        self.scope.set_introduced(True)
        self.session.remember()

    def _reveal(self, _: QWidget | None, focus: QWidget | None) -> None:
        """Brings the panel to the front into which the Tab key went: in tabs it may lie below another one."""
        for dock in self.docks.values():
            if focus and dock.isAncestorOf(focus) and dock.widget().visibleRegion().isEmpty():
                dock.raise_()

    def _warn_of_feedback(self) -> None:
        """Says once what stands in the devices panel, where that cannot be seen: it howls at once."""
        if self._warned or self.devices.hint.text() != FEEDBACK:
            return
        if self.devices.hint.visibleRegion().isEmpty():
            self._warned = True
            session = self.session
            session.say(Notice(FEEDBACK, "info", "Show Devices", lambda: session.show_panel("devices")))

    def _restore(self) -> None:
        window = self._settings.window
        self._arrangement.reset(self.size())
        if window.layout:
            QTimer.singleShot(0, self, lambda: self._arrangement.restore(window.layout, window.moved))

    def _set_tab_order(self) -> None:
        chain: list[QWidget] = [self.voices.search, self.voices.view, self.voices.new, self.voices.add]
        chain += [*self.devices.boxes.values(), self.devices.block, self.devices.rate]
        chain += [self.devices.refresh]
        for segments, values in ((self.compare.mode, Mode), (self.compare.monitor, MonitorSource)):
            chain += [segments.button(v) for v in values]
        chain += [self.compare.device, self.compare.hold]
        chain += [*self.compare.volume.stops(), *self.tuning.stops()]
        chain += [self.levels.input_clip, self.levels.output_clip]
        for first, second in pairwise(chain):
            QWidget.setTabOrder(first, second)
