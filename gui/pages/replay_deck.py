"""What the replay page works on: a stretch of speech, up to four takes of it, the player, a blind test."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import numpy as np
from PySide6.QtCore import QObject, Signal

from gui.control.notice import Notice
from gui.jobs import Jobs
from gui.pages.replay_blind import BlindTest
from gui.pages.replay_picture import Floats, Picture, render_shown
from gui.session import Session
from inference.converter import MODEL_RATE
from inference.likeness import Reading
from inference.replay import REPLAY_S, ReplayError, Take, last_speech, read_speech
from inference.replay_player import Player
from voices.tuning import Tuning
from voices.voice import Voice

MOST_TAKES = 4
_FILE = "file"
_serials = count(1)


@dataclass
class Slot:
    """A take, rendered or to be; `voice` None is the own voice. `sound` names where the tuning is from."""

    voice: Voice | None
    tuning: Tuning = field(default_factory=Tuning)
    sound: str = ""
    serial: int = field(default_factory=lambda: next(_serials))
    take: Take | None = None
    picture: Picture | None = None
    reading: Reading = field(default_factory=Reading)
    problem: str = ""
    shown: bool = True

    @property
    def name(self) -> str:
        """What the take is called."""
        if self.voice is None:
            return "Own voice"
        return f"{self.voice.name}, {self.sound}" if self.sound else self.voice.name


class Deck(QObject):
    """Renders takes beside the window and plays them in step; lives in the window's thread.

    `changed`: slots, source or blind test are other than before. `moved`: the loop is.
    """

    changed = Signal()
    moved = Signal()

    def __init__(self, session: Session, player: Player | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.player = player or Player()
        self.jobs = Jobs(self)
        self.jobs.finished.connect(self._take_result)
        self.jobs.failed.connect(self._take_failure)
        self.slots: list[Slot] = []
        self.source: Floats | None = None
        self.title = ""
        self.loop = (0.0, 0.0)
        self.heard = 0
        self.blind: BlindTest | None = None
        self._blind_slots: list[int] = []
        self._device: str | None = None

    @property
    def seconds(self) -> float:
        """Length of the stretch."""
        return 0.0 if self.source is None else len(self.source) / MODEL_RATE

    @property
    def rendering(self) -> bool:
        """Whether takes are still to come."""
        return self.jobs.busy

    def capture(self) -> None:
        """Freezes the last seconds that the microphone heard."""
        engine = self._session.engine
        heard = engine.history(REPLAY_S).input if engine else np.zeros(0, np.float32)
        if not heard.size:
            self._complain("Nothing was heard yet: press Start, say a sentence or two, then capture.")
            return
        try:
            self._set_source(last_speech(heard), "the last seconds at the microphone")
        except ReplayError as error:
            self._complain(str(error))

    def open_file(self, path: Path) -> None:
        """Takes the first seconds of speech of a sound file instead."""
        self.title = path.name
        self.jobs.submit(_FILE, read_speech, str(path))
        self.changed.emit()

    def add(self, voice: Voice | None, tuning: Tuning, sound: str = "") -> None:
        """Adds a take."""
        if len(self.slots) < MOST_TAKES:
            self.slots.append(Slot(voice, tuning, sound))
            self._render(self.slots[-1])
            self._end_blind()
            self.changed.emit()

    def replace(self, index: int, voice: Voice | None, tuning: Tuning, sound: str = "") -> None:
        """Renders a take in another voice or sound."""
        self.jobs.cancel(str(self.slots[index].serial))
        self.slots[index] = Slot(voice, tuning, sound, shown=self.slots[index].shown)
        self._render(self.slots[index])
        self._end_blind()
        self.changed.emit()

    def remove(self, index: int) -> None:
        """Takes a take away."""
        self.jobs.cancel(str(self.slots.pop(index).serial))
        self.heard = max(0, self.heard - (index <= self.heard and self.heard > 0))
        self._end_blind()
        self._load()
        self.changed.emit()

    def show(self, index: int, on: bool) -> None:
        """Draws a take, or not."""
        self.slots[index].shown = on
        self.changed.emit()

    def listen(self, index: int) -> None:
        """Goes over to a take, at the same moment of it."""
        if self.slots[index].take is None:
            return
        self.heard = index
        self.player.select(self._ready().index(index))
        self.changed.emit()

    def toggle(self) -> None:
        """Plays or pauses."""
        if self.player.playing:
            self.player.pause()
        elif self._ready():
            self._play()
        self.changed.emit()

    def set_loop(self, start_s: float, stop_s: float) -> None:
        """Loops a part, at least 0.2 s of it."""
        start_s = min(max(0.0, start_s), max(0.0, self.seconds - 0.2))
        self.loop = (start_s, min(max(stop_s, start_s + 0.2), self.seconds))
        self.player.loop(*self.loop)
        self.moved.emit()

    def seek(self, seconds: float) -> None:
        """Goes on elsewhere; outside the loop, the loop becomes the whole."""
        if not self.loop[0] <= seconds < self.loop[1]:
            self.set_loop(0.0, self.seconds)
        self.player.seek(seconds)

    def use(self, index: int) -> None:
        """Makes a take's voice and sound those of the call."""
        slot = self.slots[index]
        if slot.voice is None:
            return
        if slot.voice.id != self._session.voice_id:
            self._session.choose_voice(slot.voice.id)
        self._session.tuning.use(slot.voice.id, slot.tuning, f"Use {slot.name}")
        self._session.say(Notice(f"The call now hears {slot.name}.", "toast"))

    def start_blind(self) -> None:
        """Shuffles the takes; numbers stand for them until one was preferred."""
        ready = self._ready()
        if self.blind is None or ready != self._blind_slots:
            self._blind_slots = ready
            self.blind = BlindTest([self.slots[i].name for i in ready])
        self.blind.begin()
        self.listen_to_number(0)

    def listen_to_number(self, number: int) -> None:
        """Goes over to the take behind a number of the blind test."""
        assert self.blind is not None
        self.listen(self._blind_slots[self.blind.take_at(number)])

    def slot_at_number(self, number: int) -> int:
        """Returns which slot a number of the blind test stands for."""
        assert self.blind is not None
        return self._blind_slots[self.blind.take_at(number)]

    def blind_slot(self, take: int) -> int:
        """Returns which slot a take of the blind test is."""
        return self._blind_slots[take]

    def prefer(self, number: int) -> None:
        """Decides the round; the names are shown."""
        assert self.blind is not None
        self.blind.prefer(number)
        self.changed.emit()

    def end_blind(self) -> None:
        """Leaves the blind test and forgets its score."""
        self._end_blind()
        self.changed.emit()

    @property
    def hidden(self) -> bool:
        """Whether names have to be kept secret just now."""
        return self.blind is not None and not self.blind.revealed

    @property
    def can_be_blind(self) -> bool:
        """Whether there are at least two takes and none is still to come."""
        return len(self._ready()) > 1 and len(self._ready()) == len(self.slots)

    def poll(self) -> None:
        """Tells what went wrong in the player; called while the page is shown."""
        for failure in self.player.poll():
            self._complain(failure.reason)
            self.changed.emit()

    def close(self) -> None:
        """Ends the processes."""
        self.jobs.close()
        self.player.close()

    def _set_source(self, source: Floats, title: str) -> None:
        self.player.pause()
        self.source, self.title, self.loop = source, title, (0.0, len(source) / MODEL_RATE)
        if not self.slots:
            self.slots = [Slot(None)]
            if self._session.voice is not None:
                tuning = self._session.tuning.of(self._session.voice_id)
                self.slots.append(Slot(self._session.voice, tuning, "as set now"))
        self._end_blind()
        self.heard = 0
        for i, slot in enumerate(self.slots):
            self.slots[i] = Slot(slot.voice, slot.tuning, slot.sound, shown=slot.shown)
            self._render(self.slots[i])
        self.moved.emit()
        self.changed.emit()

    def _render(self, slot: Slot) -> None:
        if self.source is not None:
            self.jobs.submit(str(slot.serial), render_shown, self.source, slot.voice, slot.tuning)

    def _take_result(self, key: str, result: object) -> None:
        if key == _FILE:
            self._set_source(np.asarray(result, np.float32), self.title)
            return
        slot = next((s for s in self.slots if str(s.serial) == key), None)
        if slot is not None and isinstance(result, tuple):
            slot.take, slot.picture, slot.reading = result
            self._load()
            self.changed.emit()

    def _take_failure(self, key: str, sentence: str) -> None:
        if key == _FILE:
            self._complain(sentence)
        for slot in self.slots:
            if str(slot.serial) == key:
                slot.problem = sentence
        self.changed.emit()

    def _ready(self) -> list[int]:
        return [i for i, slot in enumerate(self.slots) if slot.take is not None]

    def _load(self) -> None:
        """Gives the player the takes there are, and goes on where it was."""
        ready = self._ready()
        if not ready:
            self.player.pause()
            return
        playing, position = self.player.playing, self.player.position_s
        takes = [slot.take.samples for slot in self.slots if slot.take is not None]
        self._device = self._session.devices.stream_config().monitor_device
        self.player.load(takes, MODEL_RATE, self._device)
        self.player.loop(*self.loop)
        self.player.seek(position)
        if self.heard not in ready:
            self.heard = ready[0]
        self.player.select(ready.index(self.heard))
        if playing:
            self.player.play()

    def _play(self) -> None:
        """Plays where the user listens; never into the call."""
        monitor = self._session.devices.stream_config().monitor_device
        if monitor is None and self._session.running:
            self._session.say(
                Notice(
                    "The call would hear this: first choose headphones in Compare, on the Live page.",
                    "danger",
                    "Choose",
                    lambda: self._session.go_to("live"),
                )
            )
            return
        if monitor != self._device:
            self._load()
        self.player.play()

    def _end_blind(self) -> None:
        self.blind = None

    def _complain(self, sentence: str) -> None:
        self._session.say(Notice(sentence, "danger"))
