"""Starting this program again, from a checkout, an installation or a bundled application."""

from __future__ import annotations

import sys


def own_command(*arguments: str) -> list[str]:
    """The command line `menura ARGUMENTS...` for a process beside this one.

    In a bundle `sys.executable` is no Python but the program itself, and knows neither -m nor -c.
    """
    if getattr(sys, "frozen", False):
        return [sys.executable, *arguments]
    return [sys.executable, "-m", "cli", *arguments]


def install_hint(extra: str) -> str:
    """What brings the packages of one of our extras, to end a sentence with; for any shell."""
    command = f'-m pip install "menura[{extra}]"'
    if getattr(sys, "frozen", False):
        return f"this application cannot take them, a Menura in a Python of your own can: python {command}"
    # Whoever ran run.sh has an environment of Menura's, which the `pip` of their shell does not know.
    return f'"{sys.executable}" {command}' if " " in sys.executable else f"{sys.executable} {command}"
