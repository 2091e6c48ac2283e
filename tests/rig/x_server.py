"""A screen for a test or a tool: an X server of its own, in memory."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def x_server(screen: str = "320x200x24") -> Iterator[str]:
    """Runs one and gives its name for DISPLAY; `screen` is width x height x depth."""
    reading, writing = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writing), "-screen", "0", screen, "-nolisten", "tcp"],
        pass_fds=[writing],
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    with os.fdopen(reading) as told:
        number = told.readline().strip()
    assert number, "Xvfb is missing or did not start; `sh test.sh` installs it"
    try:
        yield f":{number}"
    finally:
        server.terminate()
        server.wait(60)
