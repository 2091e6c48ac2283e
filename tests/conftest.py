"""What tests of more than one part use: the command line in this process."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from pytestqt.qtbot import QtBot

import cli

settings.register_profile("menura", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("menura")
"""How long an example takes is up to the machine: its stalls are no findings."""

_REAL_TIME = ("e2e", "rig", "engine")
"""Folders of tests that wait for clocks and audio servers more than they compute."""


_PATIENCE_MS = 60_000


class PatientBot(QtBot):
    """Waits for the window as long as a busy machine may take; pytest-qt's own 5 s are no promise of ours."""

    def waitUntil(self, callback: Callable[[], bool | None], *, timeout: int = _PATIENCE_MS) -> None:
        """Returns once `callback()` is true; raises TimeoutError after `timeout` ms."""
        super().waitUntil(callback, timeout=timeout)


@pytest.fixture
def qtbot(qapp: object, request: pytest.FixtureRequest) -> QtBot:
    """As pytest-qt makes it, but patient."""
    return PatientBot(request)


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist's own, which reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """For `-n 2 --dist loadgroup`: real-time tests in one worker, never beside each other; others by file."""
    timed = {item for item in items if item.get_closest_marker("jack") or item.path.parent.name in _REAL_TIME}
    for item in items:
        item.add_marker(pytest.mark.xdist_group("real time" if item in timed else str(item.path)))
    items.sort(key=lambda item: item not in timed)


class Outcome:
    """Exit status, stdout and stderr of a command."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err

    def is_one_line(self) -> bool:
        """Whether this is how a problem of the user's is told."""
        return self.status == 2 and self.err.count("\n") == 1 and self.err.startswith("menura: ")


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Runs `menura ARGUMENTS` in this process."""
    monkeypatch.setenv("MENURA_HOME", str(tmp_path / "home"))

    def call(*arguments: str | Path) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["menura", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as left:
            cli.main()
        return Outcome(int(left.value.code or 0), *capfd.readouterr())

    return call
