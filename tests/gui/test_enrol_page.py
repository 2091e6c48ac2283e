"""The enrolment page, clicked as a user clicks it, with real speech from files and through the JACK rig."""

from __future__ import annotations

import multiprocessing as mp
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QColor, QDropEvent, QImage
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from audio.files import write_audio
from gui.pages.enrol.consent import AGREED, OPEN, OWN
from gui.pages.enrol.deck import takes_folder
from gui.pages.enrol.page import EnrolPage
from gui.pages.enrol.prompts import all_prompts
from gui.pages.enrol.who import PICTURE_PX
from gui.session import Session
from gui.settings import SettingsStore
from inference.modelfree.converter import ModelFreeConverter
from tests.gui.conftest import Studio
from tests.music import KINDS
from tests.rig.jack_server import JackServer
from tests.rig.speaker import speaking
from tests.rig.speech import speech
from voices.library import Library
from voices.tuning import Tuning
from voices.voice import Recipe, VoiceKind

RATE = 24_000
LONG_MS = 90_000


def go(studio: Studio) -> EnrolPage:
    """Visits the page."""
    studio.window.go_to("enrol")
    page = studio.window.stack.made("enrol")
    assert isinstance(page, EnrolPage)
    return page


@pytest.fixture
def page(qtbot: QtBot, home: Path) -> Iterator[EnrolPage]:
    """The page alone: a window would take seconds."""
    session = Session(Library.open(), SettingsStore.open())
    page = EnrolPage(session)
    qtbot.addWidget(page)
    page.resize(1000, 640)
    page.show()
    yield page
    page.deck.close()
    session.close()


@pytest.fixture
def said(tmp_path: Path) -> Path:
    """A recording of one speaker."""
    path = tmp_path / "interview.flac"
    write_audio(path, speech(12, RATE), RATE)
    return path


def drop(page: EnrolPage, *paths: Path) -> None:
    """Drops files on the page."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    event = QDropEvent(
        QPointF(200, 200),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    page.dropEvent(event)


def heard(page: EnrolPage, bot: QtBot) -> None:
    """Waits until every clip has its card."""
    bot.waitUntil(lambda: bool(page.deck.clips) and not page.deck.waiting, timeout=LONG_MS)


def agree(page: EnrolPage) -> None:
    """Says who speaks, by mouse and keyboard."""
    QTest.keyClicks(page.who.name, "Lighthouse")
    QTest.keyClicks(page.consent.own_who, "Ada Nowak")
    page.consent.own_sure.click()


def test_a_dropped_file_becomes_the_chosen_voice(studio: Studio, said: Path) -> None:
    page, bot = go(studio), studio.bot
    assert not page.make.isEnabled()
    assert "name" in page.reason.text()
    QTest.keyClicks(page.who.name, "Lighthouse")
    assert "step 2" in page.reason.text()
    QTest.keyClicks(page.consent.own_who, "Ada Nowak")
    page.consent.own_sure.click()
    assert "Record yourself" in page.reason.text()
    drop(page, said)
    heard(page, bot)
    (card,) = page.clips.cards
    assert len(card.lines) == 8
    assert "good recording" in card.verdict.text()
    assert page.make.isEnabled()
    assert page.reason.text() == ""
    with bot.waitSignal(page.deck.made, timeout=LONG_MS):
        page.make.click()
        assert not page.make.isEnabled()
        assert page.progress.isVisible()
    assert studio.session.voice is not None
    assert studio.session.voice.name == "Lighthouse"
    assert studio.session.voice.kind is VoiceKind.NEURAL
    library = Library.open()
    voice = library.find("Lighthouse")
    consent = library.manifest(voice.id).consent
    assert consent is not None
    assert (consent.who, "own voice" in consent.statement) == ("Ada Nowak", True)
    assert sum(clip.frames / clip.rate for clip in library.clips(voice.id)) > 8
    assert page.deck.clips == []
    assert page.who.name.text() == ""
    assert not page.consent.own_sure.isChecked()
    page.message.button.click()
    assert studio.window.stack.current_id == "live"


@pytest.mark.jack
def test_what_is_said_is_recorded_and_becomes_a_voice(
    page: EnrolPage, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    bot = qtbot
    page.record._countdown.setInterval(50)
    with JackServer() as server, speaking(server):
        for name, value in server.env().items():
            monkeypatch.setenv(name, value)
        agree(page)
        page.record.button.click()
        assert page.record.state == "countdown"
        bot.waitUntil(lambda: page.takes.seconds > 7, timeout=LONG_MS)
        assert page.record.state == "recording"
        assert page.record.button.text() == "Stop"
        bot.waitUntil(lambda: page.record.goal.seconds > 3, timeout=LONG_MS)
        assert page.record.advice.text()
        page.record.button.click()
        bot.waitUntil(lambda: bool(page.deck.clips), timeout=LONG_MS)
    assert page.record.state == "idle"
    heard(page, bot)
    assert page.clips.cards[0].clip.title == "Take 1"
    assert page.deck.clips[0].path.parent == takes_folder()
    with bot.waitSignal(page.deck.made, timeout=LONG_MS):
        page.make.click()
    assert page.session.voice is not None
    assert page.session.voice.name == "Lighthouse"
    assert not any(takes_folder().glob("*.flac"))


def test_music_and_two_speakers_are_refused(page: EnrolPage, qtbot: QtBot, tmp_path: Path) -> None:
    agree(page)
    song, talk = tmp_path / "song.flac", tmp_path / "talk.flac"
    write_audio(song, KINDS["band"](8, 1), RATE)
    one = speech(7, RATE)
    converter = ModelFreeConverter(Recipe(pitch_semitones=-10, formant_semitones=-5))
    other = np.concatenate([converter.process(hop, Tuning()).copy() for hop in one.reshape(-1, 240)])
    write_audio(talk, np.concatenate([one, other]), RATE)
    drop(page, song, talk)
    heard(page, qtbot)
    verdicts = {card.clip.title: card.verdict.text() for card in page.clips.cards}
    assert "music" in verdicts["song.flac"]
    assert "More than one person" in verdicts["talk.flac"]
    assert not page.make.isEnabled()
    assert "song.flac cannot be used" in page.reason.text()
    assert page.make.toolTip() == page.reason.text()


def test_a_removed_clip_comes_back_with_undo(page: EnrolPage, qtbot: QtBot, tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("no sound")
    drop(page, text)
    heard(page, qtbot)
    (card,) = page.clips.cards
    assert "not a sound file" in card.verdict.text()
    card.remove.click()
    assert page.clips.cards == []
    page.session.undo.undo()
    assert [c.clip.title for c in page.clips.cards] == ["notes.txt"]


@pytest.mark.parametrize("kind", [OWN, AGREED, OPEN])
def test_each_kind_of_consent_asks_until_all_is_said(page: EnrolPage, kind: str) -> None:
    consent = page.consent
    boxes = {OWN: consent.own_sure, AGREED: consent.agreed_sure, OPEN: consent.open_sure}
    assert [k for k, box in boxes.items() if box.isVisible()] == [OWN]
    consent.kind.button(kind).click()
    assert [k for k, box in boxes.items() if box.isVisible()] == [kind]
    edits = {
        OWN: [consent.own_who],
        AGREED: [consent.who, consent.when],
        OPEN: [consent.source, consent.licence],
    }[kind]
    for edit in edits:
        assert "step 2" in consent.missing()
        edit.setText("something")
    assert "Tick" in consent.missing()
    assert consent.agreement() is None
    boxes[kind].setChecked(True)
    agreement = consent.agreement()
    assert agreement is not None
    assert agreement.consent.who
    assert agreement.consent.when
    assert agreement.licence == ("something" if kind == OPEN else "private")


def test_a_taken_name_is_said_at_once(page: EnrolPage) -> None:
    page.who.name.setText("Cello")
    assert "already" in page.reason.text()


def test_a_picture_is_cropped_and_shrunk(page: EnrolPage, tmp_path: Path, qtbot: QtBot) -> None:
    image = QImage(1600, 900, QImage.Format.Format_RGB32)
    image.fill(QColor("#336699"))
    path = tmp_path / "face.png"
    image.save(str(path))
    page.who.load_picture(path)
    qtbot.waitUntil(lambda: bool(page.who.picture))
    shown = QImage.fromData(page.who.picture)
    assert (shown.width(), shown.height()) == (PICTURE_PX, PICTURE_PX)
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    with qtbot.waitSignal(page.who.problem):
        page.who.load_picture(broken)


def test_takes_of_a_crash_are_offered_again(qtbot: QtBot, home: Path) -> None:
    folder = home / "takes"
    process = mp.get_context("spawn").Process(target=_record_until_killed, args=(folder,))
    process.start()
    qtbot.waitUntil(lambda: bool(list(folder.glob(".*/take-*.flac"))), timeout=LONG_MS)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    page = EnrolPage(Session(Library.open(), SettingsStore.open()))
    qtbot.addWidget(page)
    page.show()
    qtbot.waitUntil(page.message.isVisible, timeout=LONG_MS)
    assert "Unfinished enrolment found: 1 take" in page.message.text.text()
    page.message.button.click()
    heard(page, qtbot)
    assert page.deck.clips[0].take
    page.deck.close()


def _record_until_killed(folder: Path) -> None:
    """A take that nobody ends."""
    import time

    from audio.recorder import Recorder, Source
    from audio.ring import Ring

    ring = Ring.create(1 << 19)
    recorder = Recorder(folder, [Source("take", ring, lambda: RATE, lambda: 0)], lambda _: None)
    recorder.start()
    ring.push(speech(8, RATE))
    time.sleep(60)


def test_without_a_microphone_it_says_so(page: EnrolPage, qtbot: QtBot) -> None:
    page.deck.microphone = "No such microphone · Nowhere"
    page.record._countdown.setInterval(600_000)
    page.record.button.click()
    qtbot.waitUntil(lambda: page.record.state == "idle", timeout=LONG_MS)
    assert "microphone" in page.record.advice.text().lower() or "device" in page.record.advice.text()


def test_prompts_are_long_and_in_five_languages() -> None:
    prompts = all_prompts()
    assert len(prompts) >= 5
    assert all(len(text) > 150 for p in prompts for text in p.texts)


def test_texts_turn_and_languages_change(page: EnrolPage) -> None:
    prompt = page.record.prompt
    first = prompt.text.text()
    prompt.next.click()
    assert prompt.text.text() != first
    prompt.language.setCurrentIndex(1)
    prompt.language.activated.emit(1)
    assert "Zug" in prompt.text.text()


def test_everything_has_a_name_and_a_place_in_the_tab_order(page: EnrolPage) -> None:
    page.who.name.setFocus()
    seen = []
    widget = page.who.name
    for _ in range(400):
        if widget.isVisibleTo(page) and widget.isEnabled() and page.isAncestorOf(widget):
            seen.append(widget)
        widget = widget.nextInFocusChain()
        if widget is page.who.name:
            break
    order = [page.who.name, page.who.about, page.consent.own_who, page.record.button, page.files]
    places = [seen.index(w) for w in order]
    assert places == sorted(places)
    for widget in (
        page.who.name,
        page.record.microphone,
        page.record.meter,
        page.goal,
        page.consent.own_sure,
    ):
        assert widget.accessibleName() or widget.text()
