"""The controller between the engine and the widgets: what is chosen, what runs, what is remembered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QUndoStack

from gui.engine_port import EnginePort
from gui.settings import SettingsError, SettingsStore
from gui.tuning import KNOB_BY_NAME, KNOBS, TurnKnob
from inference.engine.messages import (
    DeviceInfo,
    DevicesListed,
    EngineParams,
    EngineState,
    Event,
    Mode,
    MonitorSource,
    StateChanged,
    StreamConfig,
    StreamsOpened,
    VoiceFailed,
    VoiceReady,
)
from voices.home import AlreadyRunningError
from voices.tuning import Tuning
from voices.voice import Voice

EVENT_MS, FRAME_MS, SAVE_MS = 50, 33, 500
ENDED = (EngineState.STOPPED, EngineState.FAILED)


class Session(QObject):
    """Owns `EngineParams` and the timers, of which one runs at a time; lives in the window's thread.

    Works without an engine: wishes are kept and handed over by `attach`. Never starts in bypass, whatever
    was chosen last: the own voice goes into a call only when its user says so.
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
    problem = Signal(str)

    def __init__(self, voices: Sequence[Voice], store: SettingsStore, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.voices = tuple(voices)
        self.store = store
        self.undo = QUndoStack(self)
        self.state = EngineState.STOPPED
        self._engine: EnginePort | None = None
        self._make: Callable[[], EnginePort] | None = None
        self._start_wanted = False
        self._cursor = 0
        self._devices: tuple[DeviceInfo, ...] = ()
        remembered = [v for v in self.voices if v.id == store.settings.voice_id]
        self.voice = next(iter((*remembered, *self.voices)), None)
        self._spoken = self.voice
        self.loading = False
        self._drawing = False
        self.params = self._remembered_params()
        self._event_timer = self._timer(EVENT_MS, self._poll)
        self._frame_timer = self._timer(FRAME_MS, self._read_frame)
        self._save_timer = self._timer(SAVE_MS, self.save)
        self._save_timer.setSingleShot(True)

    def attach(self, engine: EnginePort) -> None:
        """Takes an engine and tells it everything chosen so far."""
        self._engine = engine
        engine.set_params(self.params)
        if self.voice:
            engine.set_voice(self.voice)
        engine.request_devices()
        self.set_drawing(self._drawing)
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
    def running(self) -> bool:
        """Whether audio flows or is about to."""
        return self.state not in ENDED

    def start(self) -> None:
        """Opens the chosen devices; waits for the engine where it isn't there yet."""
        self._start_wanted = True
        self._become(EngineState.STARTING, "")
        if self._engine:
            self._engine.start(self.stream_config())
        elif self._make:
            self.connect_engine(self._make)

    def stop(self) -> None:
        """Closes the streams."""
        self._start_wanted = False
        if self._engine:
            self._engine.stop()
        else:
            self._become(EngineState.STOPPED, "")

    def toggle(self) -> None:
        """Starts or stops."""
        if self.running:
            self.stop()
        else:
            self.start()

    def stream_config(self) -> StreamConfig:
        """Returns the remembered devices as the engine wants them."""
        d = self.store.settings.devices
        return StreamConfig(d.input, d.output, self._monitor_device(), d.sample_rate, d.block_frames)

    def set_device(self, which: str, name: str | None) -> None:
        """Chooses the `input`, `output` or `monitor` device (None: the system's default)."""
        self._set_stream(which, name)

    def set_block(self, frames: int | None) -> None:
        """Chooses the device block (None: the engine decides)."""
        self._set_stream("block_frames", frames)

    def set_rate(self, hz: int | None) -> None:
        """Chooses the devices' sample rate (None: the engine decides)."""
        self._set_stream("sample_rate", hz)

    def refresh_devices(self) -> None:
        """Asks for a fresh listing."""
        if self._engine:
            self._engine.request_devices()

    def choose_voice(self, voice_id: str) -> None:
        """Switches to a voice, live where the engine runs, with the tuning remembered for it."""
        voice = next((v for v in self.voices if v.id == voice_id), None)
        if voice is None:
            return
        self.voice = voice
        self.store.settings.voice_id = voice_id
        self._send(self._with_tuning(self.params))
        self.loading = self._engine is not None
        if self._engine:
            self._engine.set_voice(voice)
        self.voice_changed.emit(voice)
        self._save_soon()

    def set_favourite(self, voice_id: str, on: bool) -> None:
        """Remembers or forgets a favourite."""
        favourites = [v for v in self.store.settings.favourites if v != voice_id]
        self.store.settings.favourites = favourites + [voice_id] * on
        self.favourites_changed.emit()
        self._save_soon()

    def turn(self, name: str, value: float) -> None:
        """Turns a knob, as an undoable step."""
        knob = KNOB_BY_NAME[name]
        owner = self.params.tuning if knob.per_voice else self.params
        old, new = getattr(owner, name), knob.clamp(value)
        if new != old:
            self.undo.push(TurnKnob(knob, self._voice_id(), old, new, self._apply_turn))

    def set_mode(self, mode: Mode) -> None:
        """Chooses what the call hears."""
        self._send(replace(self.params, mode=mode))

    def set_monitor(self, source: MonitorSource) -> None:
        """Chooses what the user hears."""
        self.store.settings.monitor.source = source.value
        self._send(replace(self.params, monitor=source))
        self._save_soon()

    def set_monitor_gain(self, db: float) -> None:
        """Sets the monitor's volume in dB."""
        self.store.settings.monitor.gain_db = db
        self._send(replace(self.params, monitor_gain_db=db))
        self._save_soon()

    def hold_compare(self, held: bool) -> None:
        """While held, the monitor plays the other signal; the call hears nothing of it."""
        own = MonitorSource(self.store.settings.monitor.source)
        other = MonitorSource.CONVERTED if own is MonitorSource.OWN else MonitorSource.OWN
        self._send(replace(self.params, monitor=other if held else own))

    def set_drawing(self, on: bool) -> None:
        """Reads frames, and events with them, while something can be seen; else events alone."""
        runs, rests = self._frame_timer, self._event_timer
        if not on:
            runs, rests = rests, runs
        rests.stop()
        if self._engine and not runs.isActive():
            runs.start()
        self._drawing = on

    @property
    def drawing(self) -> bool:
        """Whether frames are read."""
        return self._frame_timer.isActive()

    def remember(self) -> None:
        """Settings were changed by a widget: keep them soon."""
        self._save_soon()

    def save(self) -> None:
        """Keeps the settings now."""
        self._save_timer.stop()
        try:
            self.store.save()
        except SettingsError as error:
            self.problem.emit(str(error))

    def close(self) -> None:
        """Ends the engine and keeps the settings."""
        for timer in (self._event_timer, self._frame_timer):
            timer.stop()
        self.save()
        if self._engine:
            self._engine.close()
            self._engine = None

    def _timer(self, ms: int, slot: object) -> QTimer:
        timer = QTimer(self)
        timer.setInterval(ms)
        timer.timeout.connect(slot)
        return timer

    def _monitor_device(self) -> str | None:
        """Returns where the user listens: the chosen device if it is there, else the default output.

        None where that is what the call hears anyway: the same device would play both. A monitor that is
        gone must not keep a call from starting.
        """
        d = self.store.settings.devices
        if d.monitor:
            known = not self._devices or any(x.name == d.monitor and x.outputs for x in self._devices)
            return d.monitor if known else None
        default = next((x.name for x in self._devices if x.is_default_output), None)
        return None if default == (d.output or default) else default

    def _voice_id(self) -> str:
        return self.voice.id if self.voice else ""

    def _remembered_params(self) -> EngineParams:
        s = self.store.settings
        monitor = s.monitor.source if s.monitor.source in set(MonitorSource) else MonitorSource.OFF
        return self._with_tuning(
            EngineParams(
                monitor=MonitorSource(monitor), monitor_gain_db=min(max(s.monitor.gain_db, -40.0), 6.0)
            )
        )

    def _with_tuning(self, params: EngineParams) -> EngineParams:
        s = self.store.settings
        own = self._tuning_of(self._voice_id())
        shared: dict[str, Any] = {
            k.name: k.clamp(getattr(s.shared, k.name)) for k in KNOBS if not k.per_voice
        }
        return replace(params, tuning=own.clamped(), **shared)

    def _tuning_of(self, voice_id: str) -> Tuning:
        """What the user made of a voice, or what it came with."""
        own = {voice.id: voice.tuning for voice in self.voices}
        return self.store.settings.voices.get(voice_id, own.get(voice_id, Tuning()))

    def _apply_turn(self, name: str, voice_id: str, value: float) -> None:
        s = self.store.settings
        if KNOB_BY_NAME[name].per_voice:
            s.voices[voice_id] = replace(self._tuning_of(voice_id), **_changes(name, value))
        else:
            setattr(s.shared, name, value)
        self._send(self._with_tuning(self.params))
        self._save_soon()

    def _set_stream(self, which: str, value: str | int | None) -> None:
        setattr(self.store.settings.devices, which, value)
        self._save_soon()
        if self.running:
            self.start()

    def _send(self, params: EngineParams) -> None:
        if params == self.params:
            return
        self.params = params
        if self._engine:
            self._engine.set_params(params)
        self.params_changed.emit(params)

    def _save_soon(self) -> None:
        self._save_timer.start()

    def _poll(self) -> None:
        if self._engine:
            for event in self._engine.poll():
                self._handle(event)

    def _handle(self, event: Event) -> None:
        match event:
            case StateChanged(state, reason):
                self._become(state, reason)
            case VoiceReady(voice_id):
                self._voice_is_ready(voice_id)
            case VoiceFailed(voice_id, reason):
                self._voice_has_failed(voice_id, reason)
            case StreamsOpened():
                self.streams_opened.emit(event)
            case DevicesListed():
                self._devices = event.devices
                self.devices_listed.emit(event)

    def _voice_is_ready(self, voice_id: str) -> None:
        if voice_id == self._voice_id():
            self._spoken, self.loading = self.voice, False
        self.voice_ready.emit(voice_id)

    def _voice_has_failed(self, voice_id: str, reason: str) -> None:
        """Shows again the voice that the engine goes on speaking, with its own tuning."""
        if voice_id == self._voice_id():
            self.voice, self.loading = self._spoken, False
            self.store.settings.voice_id = self._voice_id()
            self._send(self._with_tuning(self.params))
            self.voice_changed.emit(self.voice)
        self.voice_failed.emit(voice_id, reason)

    def _become(self, state: EngineState, reason: str) -> None:
        self.state = state
        self.state_changed.emit(state, reason)

    def _read_frame(self) -> None:
        if self._engine is None:
            return
        self._poll()
        self.telemetry_read.emit(self._engine.telemetry())
        scope = self._engine.scope(self._cursor)
        self._cursor = scope.cursor
        if scope.input.size:
            self.scope_read.emit(scope)


def _changes(name: str, value: float) -> dict[str, Any]:
    """Returns the keyword for one field known by name."""
    return {name: value}
