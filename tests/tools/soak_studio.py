"""The real studio, from its own composition root, with strings on it.

    python -m tests.tools.soak_studio           (MENURA_HOME and DISPLAY say where)

Takes one JSON object a line from stdin: {"do": "voice", "id": ...}, {"do": "mode", "mode": ...},
{"do": "resize" | "blink" | "minimise", "seconds": ...}, {"do": "quit"}. Writes a line every 0.2 s: the
engine's counters and latency; and one at each change of state.
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from gui.session import Session
    from gui.window import MainWindow

_LOOK_MS = 200
_STORM_MS = 250


def tell(**facts: object) -> None:
    """One line for the conductor."""
    sys.stdout.write(json.dumps({"at": round(time.monotonic(), 4), **facts}) + "\n")
    sys.stdout.flush()


def figures(session: Session) -> dict[str, Any]:
    """What is sampled: counters that only grow while the streams stay open, latency, and who runs."""
    engine = session.engine
    assert engine is not None
    t = engine.telemetry()
    shared = engine._shared  # type: ignore[attr-defined] # the telemetry has no samples of silence
    out, inp = shared["output_stream"][0], shared["input_stream"][0]
    return {
        "counters": {
            "underruns": int(out["underruns"]),
            "silent_samples": int(out["silence"]),
            "xruns_flagged": int(out["xruns"]) + int(inp["xruns"]),
            "late_hops": t.xruns.late_blocks,
            "dropped_samples": t.xruns.dropped_samples,
            "worker_restarts": t.worker_restarts,
            "stream_restarts": t.stream_restarts,
            "runtime_failures": t.runtime_failures,
        },
        "running": t.running,
        "latency": t.latency.as_dict(),
        "real_time_factor": t.real_time_factor,
        "engine_cpu": t.cpu_percent,
        "voice": session.voice_id,
        "mode": session.params.mode.value,
        "pids": engine.pids,  # type: ignore[attr-defined]
    }


class Puppet:
    """Pulls the window's and the session's strings in the window's thread."""

    def __init__(self, window: MainWindow, session: Session) -> None:
        from PySide6.QtCore import QObject, QTimer, Signal

        class Ear(QObject):
            heard = Signal(str)

        self._window, self._session, self._random = window, session, random.Random(6)
        self._ear = Ear(window)
        self._ear.heard.connect(self._obey)
        self._look = QTimer(window)
        self._look.timeout.connect(self._sample)
        self._look.start(_LOOK_MS)
        self._storm = QTimer(window)
        self._storm_until = 0.0
        self._blow: Callable[[], None] = window.show
        self._storm.timeout.connect(self._gust)
        session.state_changed.connect(lambda state, why: tell(state=state.value, reason=why))
        session.voice_failed.connect(lambda voice, why: tell(failed=voice, reason=why))
        tell(voices=[voice.id for voice in session.voices])
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for line in sys.stdin:
            self._ear.heard.emit(line)
        self._ear.heard.emit('{"do": "quit"}')

    def _sample(self) -> None:
        if self._session.engine is not None:
            tell(**figures(self._session))

    def _obey(self, line: str) -> None:
        from inference.engine.messages import Mode

        wish = json.loads(line)
        match wish["do"]:
            case "voice":
                self._session.choose_voice(wish["id"])
            case "mode":
                self._session.set_mode(Mode(wish["mode"]))
            case "resize":
                self._begin(self._resize, wish["seconds"])
            case "blink":
                self._begin(lambda: self._window.setVisible(not self._window.isVisible()), wish["seconds"])
            case "minimise":
                self._window.showMinimized()
                self._begin(lambda: None, wish["seconds"])
            case "quit":
                self._session.call.quit_wanted.emit()

    def _resize(self) -> None:
        self._window.resize(self._random.randint(1000, 1480), self._random.randint(650, 980))

    def _begin(self, blow: Callable[[], None], seconds: float) -> None:
        self._blow, self._storm_until = blow, time.monotonic() + seconds
        self._storm.start(_STORM_MS)

    def _gust(self) -> None:
        if time.monotonic() < self._storm_until:
            self._blow()
        else:
            self._storm.stop()
            self._window.showNormal()


def main() -> int:
    """Runs it as `menura` does; the only thing added is the puppet."""
    import gui.app as studio

    opened, kept = studio.open_window, []

    def open_window(
        window: MainWindow, session: Session, has_tray: bool, connect: Callable[[], None]
    ) -> None:
        opened(window, session, has_tray, connect)
        kept.append(Puppet(window, session))

    studio.open_window = open_window
    return studio.main([])


if __name__ == "__main__":
    sys.exit(main())
