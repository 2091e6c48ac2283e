"""The controller between the engine and the widgets: what is chosen, what runs, what is remembered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from enum import Enum

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QUndoStack

from gui.control.call import CallController
from gui.control.devices import DeviceController
from gui.control.hotkeys import HotkeyController
from gui.control.journal import Journal
from gui.control.library import LibraryController
from gui.control.losses import LossController
from gui.control.microphone import MicrophoneController
from gui.control.notice import Notice
from gui.control.pictures import Pictures
from gui.control.recording import RecordingController
from gui.control.snapshots import SnapshotController
from gui.control.tuning import TuningController
from gui.engine_port import EnginePort
from gui.file_dialogs import FileDialogs
from gui.settings import SettingsError, SettingsStore
from inference.engine.messages import (
    DevicesListed,
    EngineParams,
    EngineState,
    Event,
    Mode,
    MonitorSource,
    Noticed,
    RecordingEnded,
    StateChanged,
    StreamsOpened,
    VoiceFailed,
    VoiceReady,
)
from inference.speakers import SpeakerMemory
from voices.home import AlreadyRunningError
from voices.library import Library
from voices.voice import Voice

SAVE_MS = 500
FIGURES_EVERY = 5
"""Of the ticks of `Reading.FIGURES`, one in so many reads telemetry."""
ENDED = (EngineState.STOPPED, EngineState.FAILED)


class Reading(Enum):
    """How much is read from the engine, by its timer's interval in ms."""

    EVENTS = 50
    """Nothing is on screen."""
    FIGURES = 49
    """A page without the live signal is in front: events, and telemetry 4 times a second."""
    FRAMES = 48
    """The live signal is on screen: events, telemetry and signal, 21 times a second: what scrolls looks as
    smooth as at 30, which cost a third more."""


class Session(QObject):
    """Owns `EngineParams` and the engine's timer; lives in the window's thread.

    Works without an engine: wishes are kept and handed over by `attach`. Never starts in bypass, whatever
    was chosen last: the own voice goes into a call only when its user says so. `devices`, `tuning`,
    `snapshots`, `call`, `hotkeys`, `microphone`, `journal` and `losses` are parts of it.
    """

    state_changed = Signal(object, str)
    devices_listed = Signal(object)
    streams_opened = Signal(object)
    voice_changed = Signal(object)
    voice_ready = Signal(str)
    voice_failed = Signal(str, str)
    params_changed = Signal(object)
    favourites_changed = Signal()
    telemetry_read = Signal(object)
    scope_read = Signal(object)
    said = Signal(object)
    page_wanted = Signal(str)
    panel_wanted = Signal(str)
    refining_wanted = Signal(str)

    def __init__(self, library: Library, store: SettingsStore, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.store = store
        self.undo = QUndoStack(self)
        self.dialogs = FileDialogs(store.settings.folders, self.remember)
        self.state = EngineState.STOPPED
        self.engine: EnginePort | None = None
        self._make: Callable[[], EnginePort] | None = None
        self._start_wanted = False
        self._cursor = self._ticks = 0
        self.library = LibraryController(self, library)
        self.library.changed.connect(self._follow_library)
        self.pictures = Pictures(self.library)
        remembered = [v for v in self.voices if v.id == store.settings.voice_id]
        self.voice = next(iter((*remembered, *self.voices)), None)
        self._spoken = self.voice
        self.loading = False
        self.reading = Reading.EVENTS
        self.devices = DeviceController(store, self)
        self.devices.changed.connect(self._reopen)
        self._speakers = SpeakerMemory()
        self.tuning = TuningController(self)
        self.snapshots = SnapshotController(self)
        self.recording = RecordingController(self)
        self.call = CallController(self)
        self.hotkeys = HotkeyController(store, self.call)
        self.microphone = MicrophoneController(self)
        self.params = self._remembered_params()
        self.journal = Journal(self, store.path.parent)
        self.losses = LossController(self)
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._tick)
        self._save_timer = QTimer(self)
        self._save_timer.setInterval(SAVE_MS)
        self._save_timer.setSingleShot(True)
        self._save_timer.timeout.connect(self.save)

    def attach(self, engine: EnginePort) -> None:
        """Takes an engine and tells it everything chosen so far."""
        self.engine = engine
        engine.set_params(self.params)
        if self.voice:
            engine.set_voice(self.voice)
        engine.request_devices()
        self.set_reading(self.reading)
        if self._start_wanted:
            self.start()

    def connect_engine(self, make: Callable[[], EnginePort]) -> None:
        """Makes an engine and attaches it; a failure becomes a state, and `start` tries again."""
        self._make = make
        try:
            self.attach(make())
        except AlreadyRunningError as error:
            self._start_wanted = False
            self._become(EngineState.FAILED, str(error))
        except (OSError, ImportError, RuntimeError) as error:
            self._start_wanted = False
            self._become(EngineState.FAILED, f"The audio engine could not be started ({error}): try again.")

    @property
    def drawing(self) -> bool:
        """Whether the live signal is read."""
        return self.engine is not None and self.reading is Reading.FRAMES

    @property
    def running(self) -> bool:
        """Whether audio flows or is about to."""
        return self.state not in ENDED

    @property
    def voices(self) -> tuple[Voice, ...]:
        """Every voice that can be chosen."""
        return self.library.voices

    @property
    def voice_id(self) -> str:
        """The chosen voice, "" where there is none."""
        return self.voice.id if self.voice else ""

    def start(self) -> None:
        """Opens the chosen devices; waits for the engine where it isn't there yet."""
        self._start_wanted = True
        self._become(EngineState.STARTING, "")
        if self.engine:
            self._note_speaker()
            self.engine.start(self._speakers.expecting(self.devices.stream_config()))
        elif self._make:
            self.connect_engine(self._make)

    def stop(self) -> None:
        """Closes the streams."""
        self._start_wanted = False
        if self.engine:
            self.engine.stop()
        else:
            self._become(EngineState.STOPPED, "")

    def toggle(self) -> None:
        """Starts or stops."""
        if self.running:
            self.stop()
        else:
            self.start()

    def refresh_devices(self) -> None:
        """Asks for a fresh listing."""
        if self.engine:
            self.engine.request_devices()

    def choose_voice(self, voice_id: str) -> None:
        """Switches to a voice, live where the engine runs, with the tuning remembered for it."""
        voice = self.library.find(voice_id)
        if voice is not None:
            self._switch(voice)

    def set_favourite(self, voice_id: str, on: bool) -> None:
        """Remembers or forgets a favourite."""
        favourites = [v for v in self.store.settings.favourites if v != voice_id]
        self.store.settings.favourites = favourites + [voice_id] * on
        self.favourites_changed.emit()
        self.remember()

    def set_mode(self, mode: Mode) -> None:
        """Chooses what the call hears."""
        self.send(replace(self.params, mode=mode))

    def set_monitor(self, source: MonitorSource) -> None:
        """Chooses what the user hears."""
        self.store.settings.monitor.source = source.value
        self.send(replace(self.params, monitor=source))
        self.remember()

    def set_monitor_gain(self, db: float) -> None:
        """Sets the monitor's volume in dB."""
        self.store.settings.monitor.gain_db = db
        self.send(replace(self.params, monitor_gain_db=db))
        self.remember()

    def hold_compare(self, held: bool) -> None:
        """While held, the monitor plays the other signal; the call hears nothing of it."""
        own = MonitorSource(self.store.settings.monitor.source)
        other = MonitorSource.CONVERTED if own is MonitorSource.OWN else MonitorSource.OWN
        self.send(replace(self.params, monitor=other if held else own))

    def set_reading(self, reading: Reading) -> None:
        """Says how much of the engine is looked at."""
        self.reading = reading
        self.library.watch(reading is not Reading.EVENTS)
        if self.engine and (self._timer.interval() != reading.value or not self._timer.isActive()):
            self._timer.start(reading.value)

    def say(self, notice: Notice) -> None:
        """Shows a sentence in the window."""
        self.said.emit(notice)

    def go_to(self, page_id: str) -> None:
        """Brings a page to the front."""
        self.page_wanted.emit(page_id)

    def show_panel(self, name: str) -> None:
        """Brings a panel of the Live page to the front."""
        self.page_wanted.emit("live")
        self.panel_wanted.emit(name)

    def send(self, params: EngineParams) -> None:
        """Uses parameters from now on."""
        if params == self.params:
            return
        self.params = params
        if self.engine:
            self.engine.set_params(params)
        self.params_changed.emit(params)

    def remember(self) -> None:
        """Settings were changed: keep them soon."""
        self._save_timer.start()

    def save(self) -> None:
        """Keeps the settings now."""
        self._save_timer.stop()
        try:
            self.store.save()
        except SettingsError as error:
            self.say(Notice(str(error), "danger"))

    def close(self) -> None:
        """Ends the engine and keeps the settings."""
        self._timer.stop()
        self.library.close()
        self.hotkeys.close()
        self._note_speaker()
        self.save()
        if self.engine:
            self.engine.close()
            self.engine = None
        self.microphone.close()
        self.journal.close()

    def _remembered_params(self) -> EngineParams:
        s = self.store.settings.monitor
        source = MonitorSource(s.source) if s.source in set(MonitorSource) else MonitorSource.OFF
        gain = min(max(s.gain_db, -40.0), 6.0)
        return self.tuning.applied(EngineParams(monitor=source, monitor_gain_db=gain))

    def _switch(self, voice: Voice) -> None:
        self.voice = voice
        self.store.settings.voice_id = voice.id
        self.send(self.tuning.applied(self.params))
        self.loading = self.engine is not None
        if self.engine:
            self.engine.set_voice(voice)
        self.voice_changed.emit(voice)
        self.remember()

    def _reopen(self) -> None:
        self.remember()
        if self.running:
            self.start()

    def _tick(self) -> None:
        if self.engine is None:
            return
        for event in self.engine.poll():
            self._handle(event)
        self._ticks += 1
        if self.reading is Reading.FIGURES and self._ticks % FIGURES_EVERY == 0:
            self.telemetry_read.emit(self.engine.telemetry())
        elif self.reading is Reading.FRAMES:
            self._read_frame(self.engine)

    def _read_frame(self, engine: EnginePort) -> None:
        self.telemetry_read.emit(engine.telemetry())
        scope = engine.scope(self._cursor)
        self._cursor = scope.cursor
        if scope.input.size:
            self.scope_read.emit(scope)

    def _handle(self, event: Event) -> None:
        self._speakers.hear(event)
        match event:
            case StateChanged(state, reason):
                self._become(state, reason)
            case Noticed(sentence):
                self.journal.add(sentence)
            case VoiceReady(voice_id):
                self._voice_is_ready(voice_id)
            case VoiceFailed(voice_id, reason):
                self._voice_has_failed(voice_id, reason)
            case StreamsOpened():
                self.streams_opened.emit(event)
            case DevicesListed():
                self.devices.listed = event.devices
                self.devices_listed.emit(event)
            case RecordingEnded():
                self.recording.finish(event)

    def _voice_is_ready(self, voice_id: str) -> None:
        if voice_id == self.voice_id:
            self._spoken, self.loading = self.voice, False
        self.voice_ready.emit(voice_id)

    def _voice_has_failed(self, voice_id: str, reason: str) -> None:
        """Shows again the voice that the engine goes on speaking, with its own tuning."""
        voice = self.library.find(voice_id)
        name = voice.name if voice else voice_id
        if voice_id == self.voice_id:
            self.voice, self.loading = self._spoken, False
            self.store.settings.voice_id = self.voice_id
            self.send(self.tuning.applied(self.params))
            self.voice_changed.emit(self.voice)
        sentence = f"{name} could not be loaded: {reason}"
        self.say(Notice(sentence, "danger", "Retry", lambda: self.choose_voice(voice_id)))
        # Last: who knows more about it than to try again may say so in its place.
        self.voice_failed.emit(voice_id, reason)

    def _follow_library(self) -> None:
        """Goes on with the voice as it is now, or with the first one where it is gone."""
        found = self.library.find(self.voice_id)
        voice = found or next(iter(self.voices), None)
        if voice is not None and voice != self.voice:
            self._switch(voice)

    def _note_speaker(self) -> None:
        problem = self._speakers.note(self.engine.telemetry()) if self.engine else ""
        if problem:
            self.say(Notice(problem, "danger"))

    def _become(self, state: EngineState, reason: str) -> None:
        if state in ENDED:
            self._note_speaker()
        self.state = state
        self.state_changed.emit(state, reason)
