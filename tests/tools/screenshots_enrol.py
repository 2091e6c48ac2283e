"""Takes the pictures of the New voice page for docs/screenshots: the real window, a fake engine, real speech.

    QT_QPA_PLATFORM=offscreen python -m tests.tools.screenshots_enrol [FOLDER]

The level, the seconds and the advice of the picture that records are set by hand.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import numpy as np
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from audio.files import write_audio
from gui.pages.enrol.page import EnrolPage
from gui.session import Session
from gui.settings import SettingsStore, ThemeMode
from gui.theme import ThemeSwitch
from gui.window import MainWindow
from inference.quality.live import Advice
from tests.fakes.fake_engine import FakeEngine
from tests.music import KINDS
from tests.rig.speech import speech
from tests.tools.screenshots import FOLDER, save
from voices.library import Library

RATE = 24_000


def recordings(folder: Path) -> list[Path]:
    """A good recording, a noisy one that is overdriven, and a song."""
    good = speech(17, RATE)
    rng = np.random.default_rng(0)
    noisy = speech(6, RATE) + 0.006 * rng.standard_normal(6 * RATE).astype(np.float32)
    noisy = np.clip(noisy, -0.5 * np.abs(noisy).max(), 0.5 * np.abs(noisy).max())
    files = {"interview.flac": good, "kitchen table.flac": noisy, "song.flac": KINDS["band"](10, 1)}
    for name, samples in files.items():
        write_audio(folder / name, samples, RATE)
    return [folder / name for name in files]


def heard(page: EnrolPage) -> None:
    """Waits for the cards."""
    while page.deck.waiting:
        QTest.qWait(100)
    QTest.qWait(300)


def shoot(folder: Path, home: Path) -> None:
    """Goes through the page's states."""
    app = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(app, QApplication)
    session = Session(Library.open(), SettingsStore.open(home))
    window = MainWindow(session, ThemeSwitch(app, ThemeMode.DARK))
    session.attach(FakeEngine())
    window.resize(1400, 900)
    window.show()
    window.go_to("enrol")
    page = window.stack.made("enrol")
    assert isinstance(page, EnrolPage)
    page.who.name.setText("Old lighthouse keeper")
    page.who.about.setText("Warm, a little hoarse.")
    page.consent.own_who.setText("Ada Nowak")
    page.record._show_state("recording")
    page.record.show_level(0.4, 0.1)
    page.record.show_time(14.3, 11.2)
    page.record.show_advice(Advice("Good. Keep going."))
    QTest.qWait(300)
    save(window, folder, "enrol-recording-dark")
    page.record.show_ended("")
    page.consent.own_sure.setChecked(True)
    good, noisy, song = recordings(home)
    page.deck.add_files([noisy, good])
    heard(page)
    save(window, folder, "enrol-cards-dark")
    window.set_theme(ThemeMode.LIGHT)
    QTest.qWait(300)
    save(window, folder, "enrol-cards-light")
    page.deck.add_files([song])
    window.resize(1100, 700)
    heard(page)
    save(window, folder, "enrol-refused-light-small")
    page.deck.close()
    window.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        os.environ["MENURA_HOME"] = made
        shoot(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER, Path(made))
