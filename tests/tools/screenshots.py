"""Takes the pictures of docs/screenshots: the real window, a fake engine, real speech and a real conversion.

    QT_QPA_PLATFORM=offscreen python -m tests.tools.screenshots [FOLDER]

The signal is the bundled sample and what the model-free converter makes of it; the latency figures are the
fake engine's and no measurement.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from scipy.cluster.vq import kmeans2
from scipy.spatial import cKDTree

from gui.panels.shortcuts import ShortcutSheet
from gui.panels.voice_details import DetailsDialog
from gui.session import Session
from gui.settings import SettingsStore, ThemeMode
from gui.theme import ThemeSwitch
from gui.window import MainWindow
from inference.converter import HOP, MODEL_RATE
from inference.engine.messages import Mode, MonitorSource
from inference.modelfree.converter import ModelFreeConverter
from tests.fakes.fake_engine import FakeEngine, Take
from tests.rig.speech import speech
from voices.builtin import find_voice
from voices.library import Library
from voices.tuning import Tuning

FOLDER = Path(__file__).parents[2] / "docs" / "screenshots"
VOICE = "bright"
DETAILS = "marlow"


def takes(seconds: float = 12.0) -> tuple[Take, Take]:
    """Returns real speech and its conversion."""
    heard = speech(seconds, MODEL_RATE)
    heard = heard[: heard.size // HOP * HOP]
    converter = ModelFreeConverter(find_voice(VOICE).recipe)
    spoken, pitches = [], []
    for hop in heard.reshape(-1, HOP):
        spoken.append(converter.process(hop, Tuning()).copy())
        pitches.append((converter.pitch.input_hz, converter.pitch.output_hz))
    f0 = np.array(pitches, np.float32).T
    return (heard, f0[0]), (np.concatenate(spoken), f0[1])


def save(window: QWidget, folder: Path, name: str) -> None:
    """Saves a picture with 256 colours of its own, which keeps it small."""
    image = window.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    rows = np.frombuffer(image.constBits(), np.uint32).reshape(image.height(), image.bytesPerLine() // 4)
    colours, index = np.unique(rows[:, : image.width()] & 0xFFFFFF, return_inverse=True)
    rgb = np.stack([colours >> 16 & 255, colours >> 8 & 255, colours & 255], 1).astype(float)
    common = np.argsort(np.bincount(index.ravel()))[::-1]
    kept, rest = rgb[common[:96]], rgb[common[96:]]
    if len(rest) > 160:
        rest = kmeans2(rest, 160, minit="++", seed=1)[0]
    table = np.concatenate([kept, rest]).round()
    nearest = cKDTree(table).query(rgb)[1].astype(np.uint8)
    pixels = np.ascontiguousarray(nearest[index.reshape(image.height(), image.width())])
    small = QImage(pixels.data, image.width(), image.height(), image.width(), QImage.Format.Format_Indexed8)
    small.setColorTable([0xFF000000 | int(r) << 16 | int(g) << 8 | int(b) for r, g, b in table])
    path = folder / f"{name}.png"
    small.save(str(path))
    sys.stdout.write(f"{path.name} {path.stat().st_size // 1024} KiB\n")


def shoot_pages(window: MainWindow, folder: Path, theme: str) -> None:
    """The pages that have no tool of their own; comes back to Live."""
    for page in ("call", "engine"):
        window.go_to(page)
        QTest.qWait(700)
        save(window, folder, f"{page}-{theme}")
    window.go_to("live")


def shoot(folder: Path) -> None:
    """Goes through the window's states in both themes."""
    app = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(app, QApplication)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        store = SettingsStore.open(Path(home))
        store.settings.voice_id = VOICE
        store.settings.favourites = [VOICE, "robot"]
        session = Session(Library.open(Path(home) / "voices"), store)
        window = MainWindow(session, ThemeSwitch(app, ThemeMode.DARK))
        engine = FakeEngine(signals=takes())
        session.attach(engine)
        window.resize(1400, 900)
        window.show()
        QTest.qWait(600)
        save(window, folder, "first-start-dark")
        session.tuning.turn("pitch_semitones", 1.5)
        session.snapshots.store("A")
        session.tuning.turn("formant_semitones", -0.8)
        session.tuning.turn("brightness_db", 3.0)
        session.snapshots.store("B")
        session.tuning.turn("breathiness", 0.2)
        session.set_monitor(MonitorSource.CONVERTED)
        session.start()
        QTest.qWait(8000)
        save(window, folder, "live-dark")
        shoot_pages(window, folder, "dark")
        window.set_theme(ThemeMode.LIGHT)
        QTest.qWait(900)
        save(window, folder, "live-light")
        shoot_pages(window, folder, "light")
        window.resize(1100, 700)
        QTest.qWait(900)
        save(window, folder, "live-light-small")
        window.set_theme(ThemeMode.DARK)
        window.live.docks["compare"].raise_()
        QTest.qWait(900)
        save(window, folder, "live-dark-small")
        window.resize(1400, 900)
        session.set_mode(Mode.BYPASS)
        session.devices.set_device("input", "Field Recorder")
        window.live.devices.show_settings(store.settings.devices)
        QTest.qWait(700)
        engine.fail("Field Recorder is not connected: connect it, or choose another microphone.")
        QTest.qWait(700)
        save(window, folder, "failed-dark")
        shoot_dialogs(window, folder)
        window.close()


def shoot_dialogs(window: MainWindow, folder: Path) -> None:
    """Takes the details of a voice in both themes and the sheet of shortcuts."""
    for mode in (ThemeMode.DARK, ThemeMode.LIGHT):
        window.set_theme(mode)
        window.live.voices.details_wanted.emit(DETAILS)
        QTest.qWait(400)
        [details] = window.findChildren(DetailsDialog)
        save(details, folder, f"details-{mode}")
        details.close()
        QTest.qWait(100)
    sheet = ShortcutSheet(window)
    sheet.show()
    QTest.qWait(200)
    save(sheet, folder, "shortcuts-light")
    sheet.close()


if __name__ == "__main__":
    shoot(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
