"""A PulseAudio for a test: a sound server without hardware, with a socket and a home of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import pytest

_READY_TIMEOUT_S = 60


class PulseServer:
    """Runs in a `with` block, known to this process and to those that it starts; has these `sinks`."""

    def __init__(
        self, home: Path, monkeypatch: pytest.MonkeyPatch, sinks: Sequence[str] = ("speakers",)
    ) -> None:
        if not shutil.which("pulseaudio") or not shutil.which("pactl"):
            pytest.fail("pulseaudio is missing; `sh test.sh` installs it")
        # The name of a Unix socket must be short.
        self._socket = Path(f"/tmp/menura-pulse-{os.getpid()}")
        self._sinks = sinks
        for name in ("HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"):
            monkeypatch.setenv(name, str(home))
        monkeypatch.setenv("PULSE_SERVER", f"unix:{self._socket}")
        # The product adds to it; monkeypatch takes it back only if it has seen it.
        monkeypatch.setenv("ALSA_CONFIG_PATH", "/usr/share/alsa/alsa.conf")

    def __enter__(self) -> PulseServer:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Starts it and waits until it answers."""
        self._process = subprocess.Popen(
            [
                *("pulseaudio", "-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1"),
                f"--load=module-native-protocol-unix socket={self._socket} auth-anonymous=1",
                *(f"--load=module-null-sink sink_name={name}" for name in self._sinks),
            ],
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + _READY_TIMEOUT_S
        while subprocess.run(["pactl", "info"], capture_output=True, check=False).returncode:
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                pytest.fail("pulseaudio does not answer")
            time.sleep(0.05)

    def stop(self) -> None:
        """Ends it; what was loaded later is gone with it."""
        self._process.terminate()
        self._process.wait(60)
        self._socket.unlink(missing_ok=True)

    def restart(self) -> None:
        """Ends it and starts it again."""
        self.stop()
        self.start()


@contextmanager
def pulse_server(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One with a sink 'speakers'."""
    with PulseServer(home, monkeypatch):
        yield
