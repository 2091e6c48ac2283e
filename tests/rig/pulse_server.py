"""A PulseAudio for a test: a sound server without hardware, with a socket and a home of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_READY_TIMEOUT_S = 20


@contextmanager
def pulse_server(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Runs it, known to this process and to those that it starts."""
    if not shutil.which("pulseaudio") or not shutil.which("pactl"):
        pytest.fail("pulseaudio is missing; `sh test.sh` installs it")
    # The name of a Unix socket must be short.
    socket = Path(f"/tmp/menura-pulse-{os.getpid()}")
    for name in ("HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(home))
    monkeypatch.setenv("PULSE_SERVER", f"unix:{socket}")
    # The product adds to it; monkeypatch takes it back only if it has seen it.
    monkeypatch.setenv("ALSA_CONFIG_PATH", "/usr/share/alsa/alsa.conf")
    server = subprocess.Popen(
        [
            *("pulseaudio", "-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1"),
            f"--load=module-native-protocol-unix socket={socket} auth-anonymous=1",
            "--load=module-null-sink sink_name=speakers",
        ],
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(server)
        yield
    finally:
        server.terminate()
        server.wait(10)
        socket.unlink(missing_ok=True)


def _wait_for(server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _READY_TIMEOUT_S
    while subprocess.run(["pactl", "info"], capture_output=True, check=False).returncode:
        assert server.poll() is None, "pulseaudio ended"
        assert time.monotonic() < deadline, "pulseaudio does not answer"
        time.sleep(0.05)
