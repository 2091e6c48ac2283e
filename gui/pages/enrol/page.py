"""The Enrol page: four steps side by side, and the bar that makes the voice."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from PySide6.QtGui import QDragEnterEvent, QDropEvent, QHideEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from gui.control.notice import Notice
from gui.file_dialogs import SOUND_FILES, Kind
from gui.pages.enrol.clips import ClipList
from gui.pages.enrol.consent import KINDS, ConsentStep
from gui.pages.enrol.deck import Clip, EnrolDeck, Found
from gui.pages.enrol.record import ENOUGH_S, GOAL_S, RecordPanel
from gui.pages.enrol.step import GoalBar, StepCard
from gui.pages.enrol.who import WhoStep, colour_of
from gui.pages.enrol.work import Wish
from gui.pages.frame import PageFrame
from gui.panels.voice_files import VOICE_SUFFIXES
from gui.session import Session
from gui.widgets.buttons import PushButton
from gui.widgets.dock import panel_area
from gui.widgets.message_bar import MessageBar
from gui.widgets.text import label, tip
from inference.takes import TakeRecorder
from voices.voice import Voice, VoiceKind

DROP_WORDS = "Or drop sound files here: 10 to 60 s of one person, no music, no other voices."
SIDE_PX = 362
SCROLL_BAR_PX = 12
LONGEST_NAME = 28


class EnrolPage(PageFrame):
    """Wires the steps to the deck."""

    def __init__(self, session: Session) -> None:
        super().__init__("New voice", "Half a minute of somebody's speech becomes a voice to speak with.")
        self.session = session
        self.deck = EnrolDeck(session, self)
        self._chose_microphone = False
        self.message = MessageBar()
        self.refine = PushButton("", "link")
        self.who = WhoStep(session.dialogs)
        self.consent = ConsentStep()
        self.record = RecordPanel()
        self.clips = ClipList()
        self.files = PushButton("Add files …", "plain", "folder")
        self.goal = GoalBar("Speech in all recordings", ENOUGH_S, GOAL_S)
        self.reason = label("", "caption", wrap=True)
        self.make = PushButton("Make voice", "primary")
        self.progress = QProgressBar()
        self._lay_out()
        self._connect()
        self.setAcceptDrops(True)
        self._set_tab_order()
        self._show()
        self._show_voice(session.voice)
        self.deck.look_for_unfinished()

    @property
    def takes(self) -> TakeRecorder:
        """What records."""
        return self.deck.takes

    def showEvent(self, event: QShowEvent) -> None:
        """Asks for the microphones there are; the steps at the left get the room that their font needs."""
        super().showEvent(event)
        self._left.setFixedWidth(max(SIDE_PX, self._side.minimumSizeHint().width()))
        self._show_microphones()

    def hideEvent(self, event: QHideEvent) -> None:
        """Falls silent and ends a take, which is kept."""
        super().hideEvent(event)
        self.record.stop()
        self.deck.stop_playing()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Takes sound files; voice files are the window's."""
        if dropped(event):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Adds the sound files."""
        self.deck.add_files(dropped(event))

    def make_voice(self) -> None:
        """Makes the voice, if nothing is missing."""
        agreement = self.consent.agreement()
        if self._missing() or agreement is None:
            return
        name = self.who.name.text().strip()
        wish = Wish(
            name,
            self.who.about.text().strip(),
            agreement.consent,
            agreement.licence,
            tuple(clip.path for clip in self.deck.clips),
            self.who.picture,
            colour_of(name),
        )
        self.deck.make(wish)

    def _lay_out(self) -> None:
        side = QWidget()
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 0, SCROLL_BAR_PX, 0)
        column.setSpacing(12)
        column.addWidget(self.who)
        column.addWidget(self.consent, 1)
        self._side, self._left = side, panel_area(side)
        steps = QHBoxLayout()
        steps.setSpacing(2)
        steps.addWidget(self._left)
        steps.addWidget(self._recordings(), 1)
        self.head.addWidget(self.refine)
        self.body.addWidget(self.message)
        self.body.addLayout(steps, 1)
        self.body.addWidget(self._bar())

    def _recordings(self) -> QWidget:
        card = StepCard(3, "Recordings")
        card.head.addWidget(label("Microphone", "section"))
        self.record.microphone.setMinimumContentsLength(18)
        card.head.addWidget(self.record.microphone, 1)
        drop = QHBoxLayout()
        drop.setSpacing(12)
        drop.addWidget(self.files)
        drop.addWidget(label(DROP_WORDS, "caption", True), 1)
        self._cards = QWidget()
        self._inside = inside = QVBoxLayout(self._cards)
        inside.setContentsMargins(0, 0, 4, 0)
        inside.setSpacing(12)
        inside.addWidget(self.record, 1)
        inside.addLayout(drop)
        inside.addWidget(self.clips)
        inside.addStretch()
        self._area = panel_area(self._cards)
        card.body.addWidget(self._area, 1)
        return card

    def _bar(self) -> QWidget:
        bar = QFrame()
        bar.setObjectName("tile")
        words = QVBoxLayout()
        words.setSpacing(4)
        self.total = label("", "section")
        words.addWidget(self.total)
        words.addWidget(self.goal)
        self.progress.setRange(0, 0)
        self.progress.setTextVisible(False)
        self.progress.setFixedHeight(6)
        self.progress.setAccessibleName("The voice is being made")
        words.addWidget(self.progress)
        row = QHBoxLayout(bar)
        row.setContentsMargins(14, 10, 14, 10)
        row.setSpacing(16)
        row.addLayout(words, 1)
        row.addWidget(self.reason, 1)
        self.make.setMinimumWidth(150)
        row.addWidget(self.make)
        return bar

    def _connect(self) -> None:
        deck, record = self.deck, self.record
        self.who.changed.connect(self._show)
        self.who.problem.connect(lambda sentence: self.message.say(sentence, "danger"))
        self.consent.changed.connect(self._show)
        deck.changed.connect(self._show)
        deck.advised.connect(record.show_advice)
        deck.levelled.connect(record.show_level)
        deck.timed.connect(record.show_time)
        deck.take_ended.connect(record.show_ended)
        deck.made.connect(self._made)
        deck.failed.connect(lambda sentence: self.message.say(sentence, "danger"))
        deck.found.connect(self._offer)
        deck.playing.connect(self.clips.show_playing)
        record.listen_wanted.connect(deck.listen)
        record.record_wanted.connect(deck.record)
        record.finish_wanted.connect(deck.finish)
        record.microphone_chosen.connect(self._choose_microphone)
        self.clips.play.connect(deck.play)
        self.clips.remove.connect(self._remove)
        self.files.clicked.connect(self._ask)
        self.make.clicked.connect(self.make_voice)
        self.refine.clicked.connect(lambda: self.session.refining_wanted.emit(self.session.voice_id))
        self.session.voice_changed.connect(self._show_voice)
        self.session.devices_listed.connect(self._show_microphones)
        self.destroyed.connect(deck.close)

    def _set_tab_order(self) -> None:
        who, consent, record = self.who, self.consent, self.record
        chain: list[QWidget] = [self.refine, who.name, who.about, who.choose, who.drawn]
        chain += [consent.kind.button(choice.value) for choice in KINDS]
        chain += [consent.own_who, consent.own_sure, consent.who, consent.when, consent.agreed_sure]
        chain += [consent.source, consent.licence, consent.open_sure]
        chain += [record.microphone, record.prompt.language, record.prompt.next, record.button, record.cancel]
        chain += [self.files, self.clips, self.make]
        for first, second in pairwise(chain):
            QWidget.setTabOrder(first, second)

    def _show(self) -> None:
        deck = self.deck
        self.clips.show_clips(deck.clips)
        self.record.set_compact(bool(deck.clips))
        self._inside.setStretchFactor(self.record, 0 if deck.clips else 1)
        self.goal.show_seconds(deck.speech_s)
        count = len(deck.clips)
        self.total.setText(
            f"{deck.speech_s:.0f} s of speech in {count} recording{'s' * (count != 1)}; "
            f"{ENOUGH_S:.0f} s are enough, {GOAL_S:.0f} s are better"
        )
        missing = self._missing()
        can = not missing and not deck.making
        self.make.setEnabled(can)
        self.make.set_kind("primary" if can else "plain")
        self.make.setText("Making the voice …" if deck.making else "Make voice")
        self.make.setToolTip(missing or "Makes the voice and keeps it in the library")
        self.reason.setText("" if deck.making else missing)
        self.goal.setVisible(not deck.making)
        self.progress.setVisible(deck.making)

    def _missing(self) -> str:
        """The first thing that keeps the voice from being made, as a sentence; empty where nothing does."""
        name = self.who.name.text().strip()
        if not name:
            return "Give the voice a name in step 1."
        if any(voice.name.casefold() == name.casefold() for voice in self.session.voices):
            return f"There is a voice called {name} already: choose another name."
        return self.consent.missing() or self.deck.missing()

    def _made(self, voice: Voice) -> None:
        self.session.library.library.refresh()
        self.session.choose_voice(voice.id)
        self.message.say(f"{voice.name} is ready.", "info", "Try it now", self._try_out)
        self.message.button.setFocus()
        self.deck.clear()
        self.who.clear()
        self.consent.clear()

    def _show_voice(self, voice: Voice | None) -> None:
        """Offers to refine the voice in use, which is the one just made."""
        refinable = voice is not None and voice.kind is VoiceKind.NEURAL
        self.refine.setVisible(refinable)
        if voice is not None and refinable:
            name = voice.name if len(voice.name) <= LONGEST_NAME else f"{voice.name[:LONGEST_NAME]}…"
            self.refine.setText(f"Refine {name} with recordings …")
            self.refine.setToolTip(tip(f"Tunes a copy of {voice.name} with 1 to 20 minutes of its speaker"))

    def _try_out(self) -> None:
        self.session.go_to("live")

    def _offer(self, found: Found) -> None:
        takes = f"{len(found.paths)} take{'s' * (len(found.paths) != 1)}, {found.seconds:.0f} s"
        self.message.say(
            f"Unfinished enrolment found: {takes}.",
            "info",
            "Use",
            lambda: self.deck.add_files(found.paths, take=True),
        )

    def _remove(self, clip: Clip) -> None:
        self.deck.remove(clip)
        undo = self.session.undo.undo
        self.session.say(Notice(f"{clip.title} was removed.", "toast", "Undo", undo))

    def _ask(self) -> None:
        title = "Recordings of one person"
        self.session.dialogs.files(self, title, Kind.SOUNDS, self.deck.add_files, SOUND_FILES)

    def _choose_microphone(self, name: str | None) -> None:
        self._chose_microphone = True
        self.deck.microphone = name

    def _show_microphones(self) -> None:
        """Until another one is chosen here it is the one of the call."""
        if not self._chose_microphone and self.record.state == "idle":
            self.deck.microphone = self.session.devices.settings.input
        self.record.show_microphones(self.session.devices.listed, self.deck.microphone)


def dropped(event: QDropEvent) -> list[Path]:
    """The files of a drop that may be recordings."""
    paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
    return [path for path in paths if path.is_file() and path.suffix.casefold() not in VOICE_SUFFIXES]
