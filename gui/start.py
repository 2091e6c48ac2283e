"""Opens the studio, or says in one sentence why it cannot and converts the bundled sample instead.

Nothing of Qt is imported before a screen is known to be there: Qt ends the process without one.
"""

from __future__ import annotations

import concurrent.futures
import multiprocessing as mp
import os
import re
import sys
import threading
import time
from pathlib import Path

_SETTLE_S = 2.0
"""The window comes first; the look for sound devices waits this long."""


def open_studio() -> int:
    """Runs the studio and returns the exit status."""
    problem = screen_problem()
    if problem:
        _offer_sample(f"The studio window cannot open: {problem}.")
        return 0
    try:
        from gui.app import main
    except ImportError as error:
        sys.stderr.write(
            f"menura: Qt's system libraries are incomplete ({error}); install the packages named in README.\n"
        )
        return 2
    threading.Thread(target=_look_for_sound, name="look for sound", daemon=True).start()
    return main([])


def screen_problem() -> str:
    """Says why no window can be shown here; empty where one can."""
    if sys.platform != "linux" or os.environ.get("QT_QPA_PLATFORM"):
        return ""
    if os.environ.get("WAYLAND_DISPLAY"):
        return ""
    display = os.environ.get("DISPLAY")
    if not display:
        return "this machine has no screen (neither DISPLAY nor WAYLAND_DISPLAY is set)"
    local = re.fullmatch(r"(?:unix)?:(\d+)(?:\.\d+)?", display)
    if local and not Path(f"/tmp/.X11-unix/X{local[1]}").exists() and not _is_abstract(local[1]):
        return f"no X server answers at DISPLAY={display}"
    return ""


def _is_abstract(number: str) -> bool:
    """Whether an X server listens on Linux's abstract socket of that display."""
    try:
        return f"@/tmp/.X11-unix/X{number}" in Path("/proc/net/unix").read_text()
    except OSError:
        return False


def _offer_sample(sentence: str) -> None:
    from inference.demo import convert_sample

    written = convert_sample()
    sys.stdout.write(f"{sentence} A speech sample was converted instead: {written}\n")
    sys.stdout.flush()


def _look_for_sound() -> None:
    """Tells people whose machine has no sound, and gives them the sample, beside the open window."""
    time.sleep(_SETTLE_S)
    from inference.background import uninterrupted
    from inference.demo import convert_sample, missing_sound
    from inference.engine.devices import list_in_own_process

    lacking = missing_sound(list_in_own_process())
    if not lacking:
        return
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=mp.get_context("spawn")) as pool:
        with uninterrupted():
            converted = pool.submit(convert_sample)
        written = converted.result()
    sys.stdout.write(f"This machine has {lacking}. A speech sample was converted instead: {written}\n")
    sys.stdout.flush()
