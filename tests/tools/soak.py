"""Runs the studio against a real audio server for a while, resized all the time, and counts what went wrong.

    DISPLAY=:77 python -m tests.tools.soak [--minutes 10] [--voice deep] [--hidden] [--json FILE]

A JACK caller speaks into it and records nothing; the window is the real one, with the real engine. Prints
xruns of the engine and of the server, who was late (`tests.tools.floor`: how much of that is the machine),
latency at start and end, CPU of window and engine, and memory.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import threading
import time
from dataclasses import asdict
from pathlib import Path

import psutil

_SETTLE_S = 5.0
_RESIZE_MS = 500


def wait(seconds: float) -> None:
    """Runs the event loop."""
    from PySide6.QtCore import QEventLoop, QTimer

    loop = QEventLoop()
    QTimer.singleShot(round(seconds * 1000), loop.quit)
    loop.exec()


def soak(minutes: float, voice: str, hidden: bool) -> dict[str, object]:
    """Returns the figures of one run."""
    # Imported here: the engine's processes import this module again, and a studio's would find no Qt there.
    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication

    from gui.session import Session
    from gui.settings import SettingsStore, ThemeMode
    from gui.theme import ThemeSwitch
    from gui.window import MainWindow
    from inference.engine.client import EngineClient
    from tests.rig.caller import Caller
    from tests.rig.jack_server import JackServer
    from tests.rig.machine import Stolen
    from tests.rig.speech import speech
    from voices.library import Library

    app = QApplication(sys.argv[:1])
    with JackServer(accuse=True) as server, tempfile.TemporaryDirectory() as home, EngineClient() as engine:
        # Read by the processes that the engine starts from here on.
        os.environ.update(server.env(), MENURA_HOME=home)
        session = Session(Library.open(Path(home) / "voices"), SettingsStore.open(Path(home)))
        window = MainWindow(session, ThemeSwitch(app, ThemeMode.DARK))
        session.attach(engine)
        session.choose_voice(voice)
        window.resize(1400, 900)
        if not hidden:
            window.show()
        session.start()
        seconds = 60 * minutes
        call = Caller(server).start(speech(seconds), seconds + 4 * _SETTLE_S)
        threading.Thread(target=call.wait_for_ports, daemon=True).start()
        wait(_SETTLE_S)
        resizes = QTimer()
        resizes.timeout.connect(lambda: window.resize(random.randint(1000, 1480), random.randint(650, 980)))
        resizes.start(_RESIZE_MS)
        wait(_SETTLE_S)
        first, late, stolen = engine.telemetry(), server.accusations(), Stolen()
        begin, own = time.perf_counter(), psutil.Process()
        own.cpu_percent()
        wait(seconds)
        last, took = engine.telemetry(), time.perf_counter() - begin
        figures: dict[str, object] = {
            "minutes": round(took / 60, 2),
            "voice": voice,
            "xruns_at_start": asdict(first.xruns),
            "xruns_at_end": asdict(last.xruns),
            "latency_ms_at_start": first.latency.as_dict(),
            "latency_ms_at_end": last.latency.as_dict(),
            "real_time_factor": last.real_time_factor,
            "compute_p999_ms": last.compute_p999_ms,
            "window_cpu_percent": own.cpu_percent(),
            "engine_cpu_percent_now": last.cpu_percent,
            "engine_mb_at_start": first.rss_mb,
            "engine_mb_at_end": last.rss_mb,
            "worker_restarts": last.worker_restarts,
            "stream_restarts": last.stream_restarts,
        }
        figures["late_cycles_by_client"] = dict(server.accusations() - late)
        figures["percent_stolen_by_host"] = round(stolen.percent, 2)
        resizes.stop()
        recording = call.finish(60.0)
        figures["server_xruns"] = len(recording.xruns)
        window.close()
    return figures


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--voice", default="deep")
    parser.add_argument("--hidden", action="store_true", help="never show the window")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    text = json.dumps(soak(options.minutes, options.voice, options.hidden), indent=2)
    sys.stdout.write(text + "\n")
    if options.json:
        options.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
