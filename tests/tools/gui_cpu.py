"""Measures what the studio's window costs: CPU of one core, shown and hidden, with the fake engine.

    python -m tests.tools.gui_cpu [--seconds 20] [--size 1400x900] [--json FILE]

Runs on the screen of DISPLAY (Xvfb will do) or, with QT_QPA_PLATFORM=offscreen, on none. CPU is that of
this process: painting, signal drawing and, a little, the fake engine itself.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtWidgets import QApplication

from gui.session import Session
from gui.settings import SettingsStore, ThemeMode
from gui.theme import ThemeSwitch
from gui.window import MainWindow
from tests.fakes.fake_engine import FakeEngine
from voices.library import Library


def wait(seconds: float) -> None:
    """Runs the event loop."""
    loop = QEventLoop()
    QTimer.singleShot(round(seconds * 1000), loop.quit)
    loop.exec()


def cpu_percent(seconds: float) -> float:
    """Returns this process's use of one core while the event loop runs."""
    wall, used = time.perf_counter(), time.process_time()
    wait(seconds)
    return 100 * (time.process_time() - used) / (time.perf_counter() - wall)


def measure(seconds: float, size: tuple[int, int]) -> dict[str, float]:
    """Returns CPU percent shown, hidden and minimised, and frames a second while shown."""
    app = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(app, QApplication)
    with tempfile.TemporaryDirectory() as home:
        engine = FakeEngine()
        session = Session(Library.open(Path(home) / "voices"), SettingsStore.open(Path(home)))
        window = MainWindow(session, ThemeSwitch(app, ThemeMode.DARK))
        session.attach(engine)
        window.resize(*size)
        window.show()
        session.start()
        wait(3)
        before = engine.reads
        shown = cpu_percent(seconds)
        frames = (engine.reads - before) / seconds
        window.hide()
        wait(1)
        hidden = cpu_percent(seconds / 2)
        window.showMinimized()
        wait(1)
        minimised = cpu_percent(seconds / 2)
        window.close()
    return {"shown": shown, "hidden": hidden, "minimised": minimised, "frames_per_second": frames}


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--size", default="1400x900")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    width, height = (int(n) for n in options.size.split("x"))
    figures = measure(options.seconds, (width, height))
    for name, value in figures.items():
        sys.stdout.write(f"{name:18} {value:6.1f}{'' if 'frames' in name else ' % of a core'}\n")
    if options.json:
        options.json.write_text(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
