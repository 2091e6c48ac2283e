"""A dummy JACK server for a test: real callbacks on a real clock, no hardware.

with JackServer() as server:
    subprocess.run([...], env=server.env())
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections import Counter
from pathlib import Path
from types import TracebackType

import psutil
import pytest
from filelock import FileLock

RATE = 48_000
PERIOD = 240
_READY_TIMEOUT_S = 60
_ONE_AT_A_TIME = Path(tempfile.gettempdir()) / "menura-jackd-starts.lock"
"""Two first servers of a machine that start in one moment ruin each other's registry in /dev/shm."""


class JackServer:
    """`jackd` with its dummy driver under a name of its own, so that servers of other tests do not meet.

    `rate` in Hz, `period` in frames; the dummy driver's clock makes one cycle every `period / rate`
    seconds. The device that clients see is `system`, with one input and one output channel. `accuse`
    lets it write down who was late.
    """

    def __init__(self, rate: int = RATE, period: int = PERIOD, accuse: bool = False) -> None:
        self.rate = rate
        self.period = period
        self.name = f"menura-{uuid.uuid4().hex[:12]}"
        self._process: subprocess.Popen[bytes] | None = None
        self._log = Path(tempfile.mkdtemp(prefix="menura-jackd-")) / "log" if accuse else None

    def __enter__(self) -> JackServer:
        require_jackd()
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        if self._log:
            shutil.rmtree(self._log.parent, ignore_errors=True)

    def env(self, base: dict[str, str] | None = None) -> dict[str, str]:
        """`base` (default: this process's environment) with this server as the only one a client finds."""
        found = dict(os.environ if base is None else base)
        found |= {"JACK_DEFAULT_SERVER": self.name, "JACK_NO_START_SERVER": "1"}
        return found

    def start(self) -> None:
        """Starts the server and returns when clients can connect. Raises RuntimeError if they never can."""
        options = ["-n", self.name, *scheduling()]
        options += ["-d", "dummy", "-r", str(self.rate), "-p", str(self.period), "-C", "1", "-P", "1"]
        with FileLock(_ONE_AT_A_TIME):
            came_up = self._comes_up(options)
        if not came_up:
            raise RuntimeError("jackd did not come up; try by hand: jackd " + " ".join(options))

    def _comes_up(self, options: list[str]) -> bool:
        """Whether a jackd started with `options` takes clients; nothing is left of it where not."""
        with open(self._log or os.devnull, "ab") as log:
            self._process = subprocess.Popen(["jackd", *options], stdout=log, stderr=log)
        waited = subprocess.run(
            ["jack_wait", "-s", self.name, "-w", "-t", str(_READY_TIMEOUT_S)],
            capture_output=True,
            check=False,
        )
        if waited.returncode == 0 and self._process.poll() is None:
            return True
        self.stop()
        return False

    @property
    def process(self) -> psutil.Process:
        """The running server."""
        assert self._process
        return psutil.Process(self._process.pid)

    def stop(self) -> None:
        """Ends the server as if the sound system had gone away; harmless when it is not running."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None
        for left_over in Path("/dev/shm").glob(
            f"jack_*{self.name}*"
        ):  # semaphores of clients that were killed
            left_over.unlink(missing_ok=True)

    def accusations(self) -> Counter[str]:
        """Late cycles so far by cause, for a server made with `accuse`; complete after `stop`.

        "server": the driver itself woke up late. "NAME Triggered": that client had been signalled and did
        not run yet; "NAME Running": it was in its callback.
        """
        assert self._log
        found: Counter[str] = Counter()
        for line in self._log.read_text(errors="replace").splitlines():
            if "JackTimedDriver::Process XRun" in line:
                found["server"] += 1
            elif late := re.search(r"XRun: client = (\S+) was not finished, state = (\w+)", line):
                found[f"{re.sub(r'-[0-9]+$', '', late[1])} {late[2]}"] += 1
        return found

    @property
    def pid(self) -> int:
        """Number of the server's process, which runs."""
        assert self._process
        return self._process.pid

    def restart(self) -> None:
        """Stops the server and starts it again under the same name."""
        self.stop()
        self.start()


def require_jackd() -> None:
    """Skips the test where JACK is not installed; fails it instead in CI, where it has to be."""
    missing = [tool for tool in ("jackd", "jack_wait") if shutil.which(tool) is None]
    if not missing:
        return
    reason = f"{' and '.join(missing)} not found; on Debian: apt-get install jackd2"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def scheduling() -> list[str]:
    """jackd's options for real-time scheduling where this user may have it, as audio has on any desktop.

    On a busy build machine it keeps other programs out of the measurement.
    """
    if sys.platform != "linux":
        return ["-r"]
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except PermissionError:
        return ["-r"]
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    return ["-R", "-P", "60"]
