"""A call of an hour in the rig: the real studio, a real audio server, and everything that disturbs them.

    python -m tests.tools.soak [--minutes 60] [--folder DIR] [--json FILE]

Starts a dummy JACK server, a far end that speaks and keeps all it hears, a witness on each core
(`witnesses.py`) and the studio (`soak_studio.py`) on an X server of its own, works off the plan
(`soak_plan.py`), then judges what was heard (`soak_heard.py`, `soak_report.py`). Everything raw lies in
DIR meanwhile: 12 MB a minute. `--minutes 2` has every event once; the test of the suite is the same in half
a minute.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from audio.gate import OFF_DB
from gui.settings import CallSettings, DeviceSettings, Settings, SettingsStore, SharedTuning
from tests.e2e.product import JACK_DEVICE
from tests.rig.caller import PORTAUDIO_PORTS, wait_until, white_noise
from tests.rig.jack_server import JackServer
from tests.rig.machine import Stolen
from tests.rig.speech import speech
from tests.rig.x_server import x_server
from tests.tools.figures import show
from tests.tools.soak_plan import Step, plan_minutes
from tests.tools.soak_report import report
from tests.tools.witnesses import witnesses

_SIGNAL_S = 30.0
_NOISE = 0.02
"""Uniform noise under the speech: no voice answers that with exact zeros, an empty ring does."""
_START_S, _SETTLE_S, _QUIT_S = 90.0, 3.0, 20.0
_MEMORY_S, _NOTICED_S = 10.0, 0.7
_SOUND = 24_000
"""Samples of the tape, half a second."""


class Conductor:
    """Everything that runs, and the log of what was done to it."""

    def __init__(self, folder: Path, display: str) -> None:
        self._folder = folder
        self._env = dict(os.environ, DISPLAY=display, MENURA_HOME=str(folder / "home"))
        self.log: list[dict[str, Any]] = []
        self.memory: list[dict[str, Any]] = []
        self._lives: list[subprocess.Popen[bytes]] = []
        self._burners: list[subprocess.Popen[bytes]] = []
        self._random = random.Random(1)
        self._last: dict[str, Any] = {}
        self._voices: list[str] = []
        self._state = ""
        self._stack = ExitStack()

    def __enter__(self) -> Conductor:
        self.server = self._stack.enter_context(JackServer(accuse=True))
        self._env = self.server.env(self._env)
        said = 0.5 * speech(_SIGNAL_S) + white_noise(_SIGNAL_S, level=_NOISE)
        np.save(self._folder / "signal.npy", said.astype(np.float32))
        self._write_settings()
        self._witnesses = self._stack.enter_context(witnesses(self._folder))
        self.call()
        self._studio = subprocess.Popen(
            [sys.executable, "-m", "tests.tools.soak_studio"],
            env=self._env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            stderr=(self._folder / "studio.err").open("w"),
        )  # fmt: skip
        self._stack.callback(self._studio.kill)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        wait_until(lambda: bool(self._last.get("running")), _START_S)
        return self

    def __exit__(self, *_: object) -> None:
        for process in (*self._burners, *self._lives):
            process.kill()
        self._stack.close()

    def _write_settings(self) -> None:
        store = SettingsStore(self._folder / "home" / "settings.json", Settings())
        store.settings.devices = DeviceSettings(input=JACK_DEVICE, output=JACK_DEVICE)
        store.settings.shared = SharedTuning(gate_db=OFF_DB)
        store.settings.call = CallSettings(start_live=True)
        store.settings.voice_id = "deep"
        store.save()

    def _read(self) -> None:
        """What the studio says, into one file; the newest sample is at hand."""
        assert self._studio.stdout
        with (self._folder / "studio.jsonl").open("w") as file:
            for line in self._studio.stdout:
                if not line.startswith("{"):
                    continue
                file.write(line)
                said = json.loads(line)
                self._voices = said.get("voices", self._voices)
                self._state = said.get("state", self._state)
                if "counters" in said:
                    self._last = said

    def call(self) -> None:
        """The far end comes (back); the one of an earlier server has ended with it."""
        tape = self._folder / f"tape-{len(self._lives):02}"
        command = [
            sys.executable,
            "-m",
            "tests.tools.soak_caller",
            str(self._folder / "signal.npy"),
            str(tape),
        ]
        self._lives.append(subprocess.Popen([*command, PORTAUDIO_PORTS], env=self._env))

    def note(self, what: str, **facts: object) -> None:
        """A line of the log."""
        self.log.append({"at": round(time.monotonic(), 4), "what": what, **facts})

    def work_off(self, steps: Sequence[Step], seconds: float) -> None:
        """Does each step at its time, and looks at the memory in between."""
        begin = time.monotonic()
        self.note("begin")
        for step in [*steps, Step(seconds, "end")]:
            while (left := begin + step.at_s - time.monotonic()) > 0:
                self._weigh()
                time.sleep(min(left, 1.0))
            self._do(step)
            if step.what == "recover":
                begin = time.monotonic() - step.at_s
        self._weigh(now=True)
        self.note("end")

    def _do(self, step: Step) -> None:
        match step.what:
            case "studio":
                self._tell(step.with_)
            case "voice":
                self._tell({"do": "voice", "id": self._random.choice(self._voices)})
            case "burn":
                self._burn(step.with_["on"])
            case "recover":
                time.sleep(_NOTICED_S)
                wait_until(self._sounds, _START_S)
                self.note("recovered")
            case "fault":
                self._break(step.with_["kind"], step.with_["gone_s"])

    def _tell(self, wish: dict[str, Any]) -> None:
        self.note("studio", **wish)
        assert self._studio.stdin
        self._studio.stdin.write(json.dumps(wish) + "\n")
        self._studio.stdin.flush()

    def _burn(self, on: bool) -> None:
        self.note("burn", on=on)
        for burner in self._burners:
            burner.kill()
            burner.wait()
        cores = len(os.sched_getaffinity(0)) if on else 0
        self._burners = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(cores)]

    def _break(self, kind: str, gone_s: float) -> None:
        """Injects a fault; the log has when its cause began and ended."""
        begun = time.monotonic()
        match kind:
            case "worker killed":
                os.kill(self._last["pids"]["worker"], signal.SIGKILL)
            case "audio process killed":
                os.kill(self._last["pids"]["audio"], signal.SIGKILL)
            case "worker hangs":
                os.kill(self._last["pids"]["worker"], signal.SIGSTOP)
            case "server restarts" | "device gone":
                self.server.stop()
                time.sleep(gone_s)
                self.server.start()
                self.call()
            case "device stalls":
                self._freeze([self.server.pid], gone_s)
            case "computer sleeps":
                pids = [self._lives[-1].pid, self._studio.pid, *self._last["pids"].values(), self.server.pid]
                self._freeze(pids, gone_s)
        self.note("fault", kind=kind, begun=round(begun, 4))

    def _sounds(self) -> bool:
        """Whether the engine says that it is live, and the far end has been hearing something of late."""
        tape = self._folder / f"tape-{len(self._lives) - 1:02}.f32"
        size = tape.stat().st_size if tape.exists() else 0
        if self._state != "running" or size < 4 * _SOUND:
            return False
        heard = np.fromfile(tape, np.float32, _SOUND, offset=size // 4 * 4 - 4 * _SOUND)
        return 2 * int(np.count_nonzero(heard)) > len(heard)

    def _freeze(self, pids: Sequence[int], seconds: float) -> None:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(seconds)
        for pid in reversed(pids):
            os.kill(pid, signal.SIGCONT)

    def _weigh(self, now: bool = False) -> None:
        """Resident and unshared memory of the studio and its engine, MB."""
        if not now and self.memory and time.monotonic() - self.memory[-1]["at"] < _MEMORY_S:
            return
        roles = {"studio": self._studio.pid, **self._last["pids"]}
        row: dict[str, Any] = {"at": round(time.monotonic(), 3)}
        for role, pid in roles.items():
            try:
                found = psutil.Process(pid)
                full = found.memory_full_info()
            except psutil.Error:
                continue  # it has just been replaced
            cpu = found.cpu_times()
            row[role] = {
                "pid": pid, "rss": full.rss / 1e6, "uss": full.uss / 1e6, "cpu_s": cpu.user + cpu.system,
            }  # fmt: skip
        self.memory.append(row)

    def finish(self) -> None:
        """Ends everything in order."""
        self._tell({"do": "quit"})
        self._studio.wait(_QUIT_S)
        self._reader.join(_QUIT_S)
        self._lives[-1].terminate()
        for life in self._lives:
            life.wait(_QUIT_S)
        self._witnesses.end()

    def keep(self) -> None:
        """Writes the log down, also that of a run that failed."""
        facts = {"log": self.log, "memory": self.memory, "accusations": dict(self.server.accusations())}
        (self._folder / "conductor.json").write_text(json.dumps(facts))


def soak(steps: Sequence[Step], seconds: float, folder: Path, display: str) -> dict[str, Any]:
    """Runs a plan and returns its figures."""
    stolen = Stolen()
    with Conductor(folder, display) as conductor:
        time.sleep(_SETTLE_S)
        try:
            conductor.work_off(steps, seconds)
            conductor.finish()
        finally:
            conductor.keep()
    return report(folder) | {"percent_stolen_by_host": round(stolen.percent, 2)}


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--folder", type=Path, help="keeps everything raw there")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = options.folder or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="menura-soak-"))
        )
        folder.mkdir(parents=True, exist_ok=True)
        display = stack.enter_context(x_server("1500x1000x24"))
        figures = soak(plan_minutes(options.minutes), 60 * options.minutes, folder, display)
    show(figures, options.json)


if __name__ == "__main__":
    main()
