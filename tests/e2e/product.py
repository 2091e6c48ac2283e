"""The product as a user runs it: `menura live` in processes of its own, on a rig's audio server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil

from tests.rig.caller import wait_until
from tests.rig.jack_server import JackServer

JACK_DEVICE = "system · JACK Audio Connection Kit"
_COMMAND = [sys.executable, "-m", "cli"]
_ROOT = Path(__file__).parents[2]
_START_TIMEOUT_S = 60.0  # a busy machine loads numpy and scipy in three processes


def menura(*arguments: str, env: dict[str, str], timeout_s: float = 60.0) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end."""
    return subprocess.run(
        [*_COMMAND, *arguments],
        env=env,
        cwd=_ROOT,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


def home_env(server: JackServer, home: Path) -> dict[str, str]:
    """Environment with this server and a home of the test's own, without anybody's sound settings."""
    return server.env() | {"MENURA_HOME": str(home), "HOME": str(home)}


class Live:
    """`menura live` until the `with` block ends; then `report` is what it wrote.

    On the JACK device of `server`, or from ALSA's 'pulse' to `output` without one. `env` is added to the
    environment, `under` is a command that runs it, such as `unshare`.
    """

    def __init__(
        self,
        server: JackServer | None,
        home: Path,
        *arguments: str,
        output: str = "pulse",
        env: Mapping[str, str] | None = None,
        under: Sequence[str] = (),
    ) -> None:
        self._report = home / "report.json"
        self._log = home / "live.log"
        pair = (JACK_DEVICE, JACK_DEVICE) if server else ("pulse", output)
        devices = ["--input", pair[0], "--output", pair[1]]
        self._command = [*under, *_COMMAND, "live", *arguments, *devices, "--report", str(self._report)]
        self._env = (home_env(server, home) if server else dict(os.environ)) | dict(env or {})

    def __enter__(self) -> Live:
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                self._command, env=self._env, cwd=_ROOT, stdout=log, stderr=subprocess.STDOUT
            )
        try:
            wait_until(lambda: self.said("->") or not self.alive, _START_TIMEOUT_S)
            assert self.alive, self.log
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            self.kill()
        elif self.alive:
            self.stop()

    @property
    def log(self) -> str:
        """What it has printed so far."""
        return self._log.read_text()

    def said(self, words: str) -> bool:
        """Whether it has printed these words."""
        return words in self.log

    @property
    def alive(self) -> bool:
        """Whether the command still runs."""
        return self._process.poll() is None

    def stop(self) -> int:
        """Ends it as Ctrl-C does; returns the exit status."""
        self._process.send_signal(signal.SIGINT)
        return self._process.wait(60)

    def kill(self) -> None:
        """Ends it as a crash does, its children not included."""
        self._process.kill()
        self._process.wait()

    @property
    def report(self) -> dict[str, Any]:
        """The report, once it has ended in order."""
        found: dict[str, Any] = json.loads(self._report.read_text())
        return found

    def count(self, words: str) -> int:
        """How often it has printed these words."""
        return self.log.count(words)

    @property
    def pid(self) -> int:
        """Process number of the command."""
        return self._process.pid

    def children(self) -> list[psutil.Process]:
        """The engine's processes."""
        return psutil.Process(self._process.pid).children(recursive=True)

    def audio_process(self) -> psutil.Process:
        """The one that has the audio library open."""
        return next(p for p in self.children() if _has_open(p, "libportaudio"))

    def worker(self) -> psutil.Process:
        """The one that has the engine's shared memory open, and no audio library."""
        return next(
            p for p in self.children() if _has_open(p, "/dev/shm/psm_") and not _has_open(p, "libportaudio")
        )


def _has_open(process: psutil.Process, part: str) -> bool:
    """Whether a file whose path contains `part` is mapped into the process."""
    return part in Path(f"/proc/{process.pid}/maps").read_text()


def crash(process: psutil.Process) -> None:
    """Ends a process as a native crash would: at once, without a word."""
    os.kill(process.pid, signal.SIGKILL)
