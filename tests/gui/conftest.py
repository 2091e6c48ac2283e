"""A studio without screen and sound card."""

from __future__ import annotations

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from PySide6.QtCore import QObject, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gui.session import Session
from gui.settings import SettingsStore
from gui.theme import ThemeSwitch
from gui.window import MainWindow
from tests.fakes.fake_engine import FakeEngine
from tests.fakes.few_voices import FewVoices
from voices.voice import Voice, VoiceKind

VOICES = tuple(
    Voice(id_, name, text, VoiceKind.MODEL_FREE, glyph=id_, builtin=True)
    for id_, name, text in (
        ("deep", "Deep", "A larger body"),
        ("bright", "Bright", "Lighter and higher"),
        ("robot", "Robot", "One steady note"),
    )
)


@dataclass
class Studio:
    """Everything a test of the window touches."""

    window: MainWindow
    session: Session
    engine: FakeEngine
    bot: QtBot
    home: Path

    def live(self) -> None:
        """Starts and waits until live."""
        self.window.transport.start.click()
        self.bot.waitUntil(lambda: self.window.transport.state.text() == "Live")

    def click_card(self, row: int) -> None:
        """Clicks a voice in the list."""
        view = self.window.live.voices.view
        rect = view.visualRect(view.model().index(row, 0))
        QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=rect.center())


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keeps tests away from the user's settings."""
    monkeypatch.setenv("MENURA_HOME", str(tmp_path))
    return tmp_path


class Factory:
    """Opens studios over the same settings directory, one after the other."""

    def __init__(self, bot: QtBot, home: Path) -> None:
        self._bot, self._home = bot, home
        self._open: list[QObject] = []

    def __call__(self, engine: FakeEngine | None = None) -> Studio:
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        store = SettingsStore.open()
        session = Session(FewVoices(self._home / "voices", VOICES), store)
        themes = ThemeSwitch(app, store.settings.theme)
        window = MainWindow(session, themes)
        engine = engine or FakeEngine()
        session.attach(engine)
        window.resize(1400, 900)
        window.show()
        self._open += [window, themes, session]
        self._bot.waitUntil(lambda: not engine.events)
        return Studio(window, session, engine, self._bot, self._home)

    def close(self) -> None:
        """Closes what a test left open."""
        for made in self._open:
            if isinstance(made, MainWindow):
                made.close()
            made.deleteLater()


@pytest.fixture
def open_studio(qtbot: QtBot, home: Path) -> Iterator[Factory]:
    """Opens a studio per call, with the settings of the one before."""
    factory = Factory(qtbot, home)
    yield factory
    factory.close()


@pytest.fixture
def studio(open_studio: Factory) -> Studio:
    """A fresh studio."""
    return open_studio()
