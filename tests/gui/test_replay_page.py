"""Capture, two takes, blind, choose, applied: with a real conversion by an instant voice."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from audio.files import write_audio
from gui import jobs
from gui.pages import replay_deck
from gui.pages.replay import ReplayPage
from gui.pages.replay_blind import BlindTest
from gui.settings import ThemeMode
from inference.converter import MODEL_RATE
from inference.engine.telemetry import Scope
from inference.replay_player import PlayerFailed
from inference.sample import bundled_speech
from tests.gui.conftest import Factory, Studio
from voices.builtin import find_voice
from voices.tuning import Tuning

SPEECH = bundled_speech(MODEL_RATE)[: 2 * MODEL_RATE]
PATIENCE_MS = 60_000


class FakePlayer:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.takes: list[np.ndarray] = []
        self.device: str | None = None
        self.selected = 0
        self.looped = (0.0, 0.0)
        self.position_s = 0.0
        self.playing = False
        self.closed = False
        self.failures: list[PlayerFailed] = []

    def load(self, takes: list[np.ndarray], rate: int, device: str | None) -> None:
        assert rate == MODEL_RATE
        self.takes, self.device = list(takes), device

    def select(self, index: int) -> None:
        self.selected = index

    def loop(self, start_s: float, stop_s: float, repeats: bool = True) -> None:
        self.looped = (start_s, stop_s)

    def seek(self, seconds: float) -> None:
        self.position_s = seconds

    def play(self) -> None:
        self.playing = True

    def pause(self) -> None:
        self.playing = False

    def poll(self) -> list[PlayerFailed]:
        failures, self.failures = self.failures, []
        return failures

    def close(self) -> None:
        self.closed = True


class Replay:
    """The studio with the page in front."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio
        studio.window.go_to("replay")
        page = studio.window.stack.made("replay")
        assert isinstance(page, ReplayPage)
        self.page, self.deck = page, page.deck
        self.player: FakePlayer = page.deck.player  # type: ignore[assignment]

    def capture(self) -> None:
        """Presses Capture and waits for the takes."""
        self.page.capture.click()
        self.wait()

    def wait(self) -> None:
        """Waits until everything is rendered."""
        self.studio.bot.waitUntil(lambda: not self.deck.rendering, timeout=PATIENCE_MS)


@pytest.fixture
def replay(replay_in_processes: Replay, monkeypatch: pytest.MonkeyPatch) -> Replay:
    """The same with jobs in threads, which start at once."""
    monkeypatch.setattr(jobs, "ProcessPoolExecutor", lambda count, **_: ThreadPoolExecutor(count))
    return replay_in_processes


@pytest.fixture
def replay_in_processes(open_studio: Factory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Replay]:
    """A studio that heard two seconds of speech."""
    monkeypatch.setattr(replay_deck, "Player", FakePlayer)
    studio = open_studio()
    nothing = np.zeros(0, np.float32)
    studio.engine.history = lambda _: Scope(0, SPEECH, SPEECH, nothing, nothing)  # type: ignore[method-assign]
    made = Replay(studio)
    yield made
    made.deck.close()


def test_capture_compare_blind_and_use(replay_in_processes: Replay) -> None:
    replay = replay_in_processes
    page, deck, session = replay.page, replay.deck, replay.studio.session
    replay.capture()
    assert [slot.name for slot in deck.slots] == ["Own voice", "Deep, as set now"]
    deck.add(find_voice("deep"), Tuning(pitch_semitones=4), "higher")
    replay.wait()
    assert len(replay.player.takes) == 3
    assert {len(take) for take in replay.player.takes} == {len(SPEECH)}
    assert not np.allclose(replay.player.takes[1], replay.player.takes[2])
    page.compare.click()
    assert deck.hidden
    texts = [page.blind.numbers.button(str(n)).text() for n in range(3)]
    assert texts == ["1", "2", "3"]
    number = next(n for n in range(3) if deck.slot_at_number(n) == 2)
    QTest.keyClicks(page, str(number + 1))
    assert replay.player.selected == 2
    page.blind.prefer.click()
    assert not deck.hidden
    assert "You preferred Cello, higher" in page.blind.hint.text()
    assert "1 round" in page.blind.score.text()
    page.blind.use.click()
    assert session.voice_id == "deep"
    assert session.params.tuning.pitch_semitones == 4
    session.undo.undo()
    assert session.params.tuning.pitch_semitones == 0
    page.blind.next.click()
    assert deck.hidden
    page.blind.leave.click()
    assert deck.blind is None


def test_takes_are_chosen_heard_and_looped_by_keys(replay: Replay) -> None:
    page, deck = replay.page, replay.deck
    QTest.keyClicks(page, "c")
    replay.wait()
    QTest.keyClicks(page, "2")
    assert (deck.heard, replay.player.selected) == (1, 1)
    QTest.keyClick(page, Qt.Key.Key_Space)
    assert replay.player.playing
    assert replay.studio.engine.starts == []
    page.start.setValue(0.5)
    page.stop.setValue(1.5)
    page.stop.editingFinished.emit()
    assert replay.player.looped == (0.5, 1.5)
    deck.seek(1.8)
    assert replay.player.looped == (0.0, 2.0)
    assert replay.player.position_s == 1.8
    replay.studio.window.go_to("live")
    assert not replay.player.playing


def test_a_loop_is_drawn_with_the_mouse(replay: Replay) -> None:
    replay.capture()
    view, loops = replay.page.view, []
    view.looped.connect(lambda *loop: loops.append(loop))
    port = view.viewport()
    middle = port.height() // 2
    QTest.mousePress(port, Qt.MouseButton.LeftButton, pos=QPoint(port.width() // 3, middle))
    QTest.mouseMove(port, QPoint(port.width() // 2, middle))
    QTest.mouseRelease(port, Qt.MouseButton.LeftButton, pos=QPoint(port.width() // 2, middle))
    assert loops
    start, stop = replay.player.looped
    assert 0.4 < start < 0.8 < stop < 1.2
    QTest.mouseDClick(port, Qt.MouseButton.LeftButton, pos=QPoint(port.width() // 2, middle))
    assert replay.player.looped == (0.0, 2.0)


def test_voice_and_sound_of_a_take_are_changed(replay: Replay) -> None:
    session, page, deck = replay.studio.session, replay.page, replay.deck
    session.tuning.turn("pitch_semitones", 3.0)
    session.snapshots.store("A")
    replay.capture()
    card = page.cards[1]
    assert "snapshot A" in [card.sound.itemText(i) for i in range(card.sound.count())]
    card.voice.activated.emit(card.voice.findData("bright"))
    assert deck.slots[1].name == "Bright, as set now"
    replay.wait()
    card.voice.activated.emit(card.voice.findData("snapshot A"))
    assert deck.slots[1].tuning.pitch_semitones == 3.0
    card.sound.activated.emit(card.sound.findText("as it came"))
    assert deck.slots[1].tuning.pitch_semitones == 0.0
    page.cards[0].close_button.click()
    assert len(deck.slots) == 1
    replay.wait()
    assert len(replay.player.takes) == 1


def test_a_dropped_file_takes_the_place_of_the_microphone(replay: Replay, tmp_path: Path) -> None:
    write_audio(tmp_path / "clip.wav", SPEECH, MODEL_RATE)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / "clip.wav"))])
    drop = QDropEvent(
        QPointF(9, 9), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier, QEvent.Type.Drop,
    )  # fmt: skip
    replay.page.dropEvent(drop)
    replay.wait()
    assert "clip.wav" in replay.page.purpose.text()
    assert len(replay.player.takes) == 2
    replay.deck.open_file(tmp_path / "missing.wav")
    replay.studio.bot.waitUntil(lambda: not replay.deck.rendering, timeout=PATIENCE_MS)
    assert "missing.wav does not exist" in replay.studio.window.message.text.text()
    assert len(replay.player.takes) == 2


def test_silence_and_a_missing_device_are_said(replay: Replay) -> None:
    nothing = np.zeros(0, np.float32)
    engine, message = replay.studio.engine, replay.studio.window.message.text
    engine.history = lambda _: Scope(0, nothing, nothing, nothing, nothing)  # type: ignore[method-assign]
    replay.page.capture.click()
    assert "Nothing was heard yet" in message.text()
    replay.player.failures.append(PlayerFailed("The playback device went away."))
    replay.studio.bot.waitUntil(lambda: "went away" in message.text())


def test_a_replay_never_goes_into_the_call(replay: Replay) -> None:
    session, window = replay.studio.session, replay.studio.window
    replay.capture()
    session.devices.set_device("monitor", "Headphones that are gone")
    window.transport.start.click()
    replay.studio.bot.waitUntil(lambda: window.transport.state.text() == "Live")
    replay.page.play.click()
    assert not replay.player.playing
    assert "The call would hear this" in window.message.text.text()
    session.devices.set_device("monitor", "alsa:phones")
    replay.page.play.click()
    assert replay.player.playing
    assert replay.player.device == "alsa:phones"


def test_the_page_takes_both_themes_and_has_names(replay: Replay) -> None:
    replay.capture()
    before = replay.page.view.grab().toImage()
    replay.studio.window.set_theme(ThemeMode.LIGHT)
    QApplication.processEvents()
    assert replay.page.view.grab().toImage() != before
    for widget in (replay.page.start, replay.page.view, *(card.listen for card in replay.page.cards[:2])):
        assert widget.accessibleName()


def test_the_score_tells_taste_from_chance() -> None:
    test = BlindTest(["A", "B"])
    for _ in range(8):
        test.begin()
        test.prefer(test.order.index(1))
        test.prefer(test.order.index(0))
    assert (test.rounds, test.wins[1], test.leader) == (8, 8, 1)
    assert test.by_chance() == pytest.approx(2 / 2**8)
    assert "8 rounds: B 8" in test.score()
    assert "chance" in BlindTest(["A", "B"], wins=test.wins.__class__({0: 2, 1: 2})).score()


def test_the_order_is_shuffled() -> None:
    test = BlindTest(["A", "B", "C"])
    seen = set()
    for _ in range(200):
        test.begin()
        seen.add(tuple(test.order))
    assert len(seen) == 6
