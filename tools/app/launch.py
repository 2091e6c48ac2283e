"""Where the bundled application begins: as the command line, or as a process of the engine."""

from __future__ import annotations

import multiprocessing
import os
import sys


def release_library_path() -> None:
    """Lets the programs that we start (pactl, jack_lsp, a browser) load the system's libraries.

    PyInstaller's start put the bundle's before them, for itself, and kept what was there.
    """
    os.environ.pop("LD_LIBRARY_PATH", None)
    before = os.environ.pop("LD_LIBRARY_PATH_ORIG", "")
    if before:
        os.environ["LD_LIBRARY_PATH"] = before


def main() -> None:
    """Runs what the arguments say; without any, the studio."""
    if sys.platform == "linux":
        release_library_path()
    # In a bundle `sys.executable` is this very program, so multiprocessing starts its children as
    # `Menura --multiprocessing-fork ...`. This call serves them and does not return; it comes before any
    # import of ours.
    multiprocessing.freeze_support()
    from cli import main as run

    run()


if __name__ == "__main__":
    main()
