"""Takes the pictures of the Replay and Recordings pages: the real pages, real speech, real conversions.

    QT_QPA_PLATFORM=offscreen python -m tests.tools.screenshots_replay [FOLDER]

The engine is the fake one of the tests; what is heard and converted is the bundled sample.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from audio.files import write_audio
from gui.pages.recordings import RecordingsPage
from gui.pages.recordings_store import RecordingStore, recordings_folder
from gui.pages.replay import ReplayPage
from gui.session import Session
from gui.settings import SettingsStore, ThemeMode
from gui.theme import ThemeSwitch
from gui.window import MainWindow
from inference.converter import MODEL_RATE
from inference.engine.telemetry import Scope
from inference.sample import bundled_speech
from tests.fakes.fake_engine import FakeEngine
from tests.tools.screenshots import FOLDER, save
from voices.library import Library
from voices.voice import Voice

PATIENCE_S = 240
VOICES = ("nora", "deep")


def wait_for(condition: Callable[[], bool]) -> None:
    """Lets the window run until the condition holds. Raises TimeoutError."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("the page did not come to rest")
        QTest.qWait(50)


def replay(window: MainWindow, engine: FakeEngine, voices: list[Voice], folder: Path) -> None:
    """Three takes in both themes, and a blind round."""
    x, nothing = bundled_speech(MODEL_RATE), np.zeros(0, np.float32)
    engine.history = lambda _: Scope(0, x, x, nothing, nothing)  # type: ignore[method-assign]
    window.go_to("replay")
    page = window.stack.made("replay")
    assert isinstance(page, ReplayPage)
    page.capture.click()
    page.deck.add(voices[1], window.session.tuning.of(voices[1].id), "as set now")
    wait_for(lambda: not page.deck.rendering)
    page.deck.listen(1)
    page.deck.set_loop(1.2, 4.4)
    page.deck.seek(2.6)
    for mode in (ThemeMode.DARK, ThemeMode.LIGHT):
        window.set_theme(mode)
        QTest.qWait(500)
        save(window, folder, f"replay-{mode.value}")
    page.compare.click()
    for _ in range(3):
        page.blind.listen(page.deck.blind.order.index(1))
        page.blind.prefer.click()
        page.blind.next.click()
    page.blind.listen(0)
    page.blind.prefer.click()
    QTest.qWait(500)
    save(window, folder, "replay-blind-light")
    page.blind.leave.click()


def recordings(window: MainWindow, folder: Path) -> None:
    """A list in both themes, and a batch that has met a bad file."""
    x, where = bundled_speech(MODEL_RATE), recordings_folder()
    for name, times, voice in (
        ("2026-11-20 19-02-11 input", 2, "Nora"),
        ("2026-11-20 19-02-11 output", 2, "Nora"),
        ("2026-11-21 21-40-05 output", 5, "Cello"),
        ("Podcast opening", 3, "Marlow"),
    ):
        write_audio(where / f"{name}.flac", np.tile(x, times), MODEL_RATE)
        RecordingStore(where).note_voice([where / f"{name}.flac"], voice)
    window.go_to("recordings")
    page = window.stack.made("recordings")
    assert isinstance(page, RecordingsPage)
    wait_for(lambda: len(page.list.model.rows) == 4 and not page.list.jobs.busy)
    for mode in (ThemeMode.DARK, ThemeMode.LIGHT):
        window.set_theme(mode)
        QTest.qWait(500)
        save(window, folder, f"recordings-{mode.value}")
    talks = where.parent / "talks"
    talks.mkdir()
    for name, times in (("interview part 1.wav", 1), ("interview part 2.wav", 60)):
        write_audio(talks / name, np.tile(x, times), MODEL_RATE)
    (talks / "damaged.wav").write_text("no sound")
    page.show_view("batch")
    page.batch.add([talks])
    page.batch.voice.setCurrentIndex(page.batch.voice.findData("deep"))
    page.batch.convert.click()
    wait_for(lambda: (page.batch.model.rows[2].share or 0) > 0.2)
    save(window, folder, "batch-light")
    page.batch.cancel.click()
    wait_for(lambda: page.batch.batch is None)


def main(folder: Path) -> None:
    """Takes them all."""
    app = QApplication(sys.argv[:1])
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        os.environ["MENURA_HOME"] = home
        store = SettingsStore.open(Path(home))
        store.settings.voice_id = VOICES[0]
        session = Session(Library.open(Path(home) / "voices"), store)
        window = MainWindow(session, ThemeSwitch(app, ThemeMode.DARK))
        engine = FakeEngine()
        session.attach(engine)
        window.resize(1280, 800)
        window.show()
        session.start()
        QTest.qWait(500)
        voices = [voice for id_ in VOICES for voice in session.voices if voice.id == id_]
        replay(window, engine, voices, folder)
        recordings(window, folder)
        window.close()
        window.deleteLater()
        QTest.qWait(100)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
