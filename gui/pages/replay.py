"""The Replay page: the last seconds again, in several voices side by side."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import QEvent, Qt, QTimer
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QHideEvent, QKeyEvent, QShowEvent
from PySide6.QtWidgets import (
    QDoubleSpinBox,
    QHBoxLayout,
    QStackedWidget,
    QWidget,
)

from gui.control.snapshots import SLOTS
from gui.file_dialogs import SOUND_FILES, Kind
from gui.jobs import end_with
from gui.keys import PLAIN
from gui.pages.frame import PageFrame
from gui.pages.replay_blind_panel import BlindPanel
from gui.pages.replay_deck import MOST_TAKES, Deck
from gui.pages.replay_picture import Layer
from gui.pages.replay_slot import Sound, TakeCard, take_colour
from gui.pages.replay_view import ReplayView
from gui.session import Session
from gui.theme import current
from gui.widgets.buttons import THEME_EVENTS, PushButton
from gui.widgets.text import Readout, label
from inference.replay import REPLAY_S
from voices.voice import Voice

FRAME_MS = 33
UNHEARD = 0.45
"""How strongly takes are drawn that are not listened to."""
NUMBERS = (Qt.Key.Key_1, Qt.Key.Key_2, Qt.Key.Key_3, Qt.Key.Key_4)
PURPOSE = "Hear what you just said again, in any voice or sound, side by side or blind."
_SNAPSHOT = "snapshot "


class ReplayPage(PageFrame):
    """Cards of the takes, their picture, and the transport."""

    _ready = False

    def __init__(self, session: Session) -> None:
        super().__init__("Replay", PURPOSE)
        self._session = session
        self.deck = Deck(session, parent=self)
        self.cards = [TakeCard() for _ in range(MOST_TAKES)]
        self.add = PushButton("Add a take")
        self.view = ReplayView()
        self.empty = label(
            f"Speak, then press Capture: the last {REPLAY_S:.0f} seconds come here.\n"
            "Or drop a sound file on this page.",
            "caption",
        )
        self.blind = BlindPanel(self.deck)
        self._make_head()
        self._lay_out()
        self._connect()
        self._timer = QTimer(self)
        self._timer.setInterval(FRAME_MS)
        self._timer.timeout.connect(self._tick)
        self._ready = True
        self.setAcceptDrops(True)
        end_with(self, self.deck.close)
        self._show_deck()

    def showEvent(self, event: QShowEvent) -> None:
        """Follows the player while it can be seen."""
        super().showEvent(event)
        self._show_deck()
        self._timer.start()

    def hideEvent(self, event: QHideEvent) -> None:
        """Falls silent: what is heard belongs to the page in front."""
        super().hideEvent(event)
        self._timer.stop()
        self.deck.player.pause()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Space plays, 1 to 4 choose a take, C captures."""
        key = Qt.Key(event.key())
        if event.modifiers() not in PLAIN or event.isAutoRepeat():
            super().keyPressEvent(event)
        elif key == Qt.Key.Key_Space:
            self.deck.toggle()
        elif key == Qt.Key.Key_C:
            self.deck.capture()
        elif key in NUMBERS:
            self._listen(NUMBERS.index(key))
        else:
            super().keyPressEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        """Takes over a new theme's colours."""
        super().changeEvent(event)
        if event.type() in THEME_EVENTS and self._ready:
            self._show_layers()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Takes files."""
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Opens the first file."""
        path = next((url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()), "")
        if path:
            self.deck.open_file(Path(path))

    def _make_head(self) -> None:
        self.capture = PushButton("Capture the last 15 s", "primary", "capture", "on_accent")
        self.capture.setToolTip("Keeps what the microphone heard, to be rendered again (C)")
        self.open = PushButton("Open a file …")
        self.open.setToolTip("Works on the first seconds of speech of a sound file instead")
        for button in (self.open, self.capture):
            self.head.addWidget(button)

    def _lay_out(self) -> None:
        cards = QWidget()
        row = QHBoxLayout(cards)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(10)
        for card in self.cards:
            row.addWidget(card, 1)
        row.addWidget(self.add)
        self._top = QStackedWidget()
        self._top.addWidget(cards)
        self._top.addWidget(self.blind)
        self.body.addWidget(self._top)
        self._middle = QStackedWidget()
        self._middle.addWidget(self.empty)
        self._middle.addWidget(self.view)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.body.addWidget(self._middle, 1)
        self.body.addLayout(self._transport())

    def _transport(self) -> QHBoxLayout:
        self.play = PushButton("Play", "primary", "play", "on_accent")
        self.play.setMinimumWidth(110)
        self.play.setToolTip("Plays on your headphones, not into the call (Space)")
        self.position = Readout("caption", "00.0 s of 00.0 s")
        self.start, self.stop = _seconds("Loop from"), _seconds("Loop to")
        self.whole = PushButton("Loop all")
        self.whole.setToolTip("Loops the whole stretch; drag in the picture to loop a part")
        self.compare = PushButton("Compare blind", "plain", "compare", "text_muted")
        self.compare.setToolTip("Shuffles the takes and hides their names until you preferred one")
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.play)
        row.addWidget(self.position)
        row.addStretch(1)
        for text, box in (("Loop", self.start), ("to", self.stop)):
            row.addWidget(label(text, "caption"))
            row.addWidget(box)
        row.addWidget(self.whole)
        row.addSpacing(12)
        row.addWidget(self.compare)
        return row

    def _connect(self) -> None:
        deck = self.deck
        deck.changed.connect(self._show_deck)
        deck.moved.connect(self._show_loop)
        self.capture.clicked.connect(deck.capture)
        self.open.clicked.connect(self._choose_file)
        self.add.clicked.connect(self._add)
        self.play.clicked.connect(deck.toggle)
        self.whole.clicked.connect(lambda: deck.set_loop(0.0, deck.seconds))
        self.compare.clicked.connect(deck.start_blind)
        self.blind.left.connect(deck.end_blind)
        self.blind.used.connect(deck.use)
        self.view.sought.connect(deck.seek)
        self.view.looped.connect(deck.set_loop)
        for box in (self.start, self.stop):
            box.editingFinished.connect(lambda: deck.set_loop(self.start.value(), self.stop.value()))
        for i, card in enumerate(self.cards):
            card.voice_chosen.connect(partial(self._choose_voice, i))
            card.sound_chosen.connect(partial(self._choose_sound, i))
            card.listened.connect(partial(deck.listen, i))
            card.used.connect(partial(deck.use, i))
            card.removed.connect(partial(deck.remove, i))
            card.drawn.connect(partial(deck.show, i))

    def _choose_file(self) -> None:
        self._session.dialogs.file(self, "Open a sound file", Kind.SOUNDS, self.deck.open_file, SOUND_FILES)

    def _voices(self) -> list[tuple[str, object]]:
        """What a take can be: snapshots first, as they are what was just worked on."""
        found: list[tuple[str, object]] = [("Own voice", "")]
        for slot in SLOTS:
            stored = self._session.snapshots.stored(slot)
            if stored:
                found.append((f"Snapshot {slot}: {self._voice(stored.voice_id).name}", _SNAPSHOT + slot))
        return found + [(voice.name, voice.id) for voice in self._session.voices]

    def _voice(self, voice_id: str) -> Voice:
        return next(v for v in self._session.voices if v.id == voice_id)

    def _sounds(self, voice: Voice | None) -> list[Sound]:
        """The sounds a voice can have here: as it is tuned, as it came, its presets and snapshots."""
        if voice is None:
            return []
        tuning = self._session.tuning
        found = [Sound("as set now", tuning.of(voice.id)), Sound("as it came", tuning.came_with(voice.id))]
        found += [Sound(name, preset) for name, preset in tuning.presets(voice.id).items()]
        for slot in SLOTS:
            stored = self._session.snapshots.stored(slot)
            if stored and stored.voice_id == voice.id:
                found.append(Sound(_SNAPSHOT + slot, stored.tuning))
        return found

    def _add(self) -> None:
        """Adds the voice after the last one, so that a second press brings something new."""
        taken = {slot.voice.id for slot in self.deck.slots if slot.voice}
        voice = next((v for v in self._session.voices if v.id not in taken), self._session.voice)
        if voice is not None:
            self.deck.add(voice, self._session.tuning.of(voice.id), "as set now")

    def _choose_voice(self, index: int, choice: str) -> None:
        if choice.startswith(_SNAPSHOT):
            stored = self._session.snapshots.stored(choice.removeprefix(_SNAPSHOT))
            if stored:
                self.deck.replace(index, self._voice(stored.voice_id), stored.tuning, choice)
        elif choice:
            self.deck.replace(index, self._voice(choice), self._session.tuning.of(choice), "as set now")
        else:
            self.deck.replace(index, None, self.deck.slots[index].tuning)

    def _choose_sound(self, index: int, choice: int) -> None:
        voice = self.deck.slots[index].voice
        sound = self._sounds(voice)[choice]
        self.deck.replace(index, voice, sound.tuning, sound.title)

    def _listen(self, number: int) -> None:
        if self.deck.blind is not None:
            self.blind.listen(number)
        elif number < len(self.deck.slots):
            self.deck.listen(number)

    def _show_deck(self) -> None:
        deck = self.deck
        for i, card in enumerate(self.cards):
            card.setVisible(i < len(deck.slots))
            if i < len(deck.slots):
                slot = deck.slots[i]
                card.show_choices(self._voices(), self._sounds(slot.voice))
                card.show_slot(i, slot, i == deck.heard, deck.rendering)
        self.add.setVisible(0 < len(deck.slots) < MOST_TAKES)
        self._top.setVisible(bool(deck.slots))
        self._top.setCurrentIndex(0 if deck.blind is None else 1)
        self._middle.setCurrentIndex(0 if deck.source is None else 1)
        self.blind.show_deck()
        self.compare.setVisible(deck.blind is None)
        self.compare.setEnabled(deck.can_be_blind)
        for widget in (self.play, self.start, self.stop, self.whole):
            widget.setEnabled(deck.source is not None)
        self.purpose.setText(f"Working on {deck.title}." if deck.title else PURPOSE)
        self._show_layers()
        self._show_loop()
        self._tick()

    def _show_layers(self) -> None:
        """Draws the takes; while their names are secret only the own voice, in a neutral colour."""
        theme, deck = current(), self.deck
        if deck.hidden:
            own = [slot for slot in deck.slots if slot.voice is None and slot.picture]
            layers = [Layer(slot.picture, theme.text_disabled) for slot in own if slot.picture]
        else:
            layers = [
                Layer(slot.picture, take_colour(theme, i), 1.0 if i == deck.heard else UNHEARD)
                for i, slot in enumerate(deck.slots)
                if slot.picture and slot.shown
            ]
        self.view.show_layers(layers, deck.seconds)

    def _show_loop(self) -> None:
        for box, value in ((self.start, self.deck.loop[0]), (self.stop, self.deck.loop[1])):
            box.setMaximum(max(0.0, self.deck.seconds))
            box.setValue(value)
        self.view.show_loop(*self.deck.loop)

    def _tick(self) -> None:
        deck = self.deck
        deck.poll()
        playing = deck.player.playing
        self.view.show_position(deck.player.position_s)
        self.position.setText(f"{deck.player.position_s:.1f} s of {deck.seconds:.1f} s")
        if self.play.text() != ("Pause" if playing else "Play"):
            self.play.setText("Pause" if playing else "Play")
            self.play.show_icon("pause" if playing else "play", "on_accent")


def _seconds(name: str) -> QDoubleSpinBox:
    box = QDoubleSpinBox()
    box.setDecimals(1)
    box.setSingleStep(0.1)
    box.setSuffix(" s")
    box.setFixedWidth(64)
    box.setAlignment(Qt.AlignmentFlag.AlignRight)
    box.setAccessibleName(name)
    box.setToolTip(f"{name}, in seconds")
    return box
