"""A hurry is for the block it is asked for, and for what was started in it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from audio.priority import hurry


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such call")
def test_a_child_keeps_the_hurry_and_its_parent_does_not() -> None:
    before = os.sched_getscheduler(0)
    with hurry():
        granted = os.sched_getscheduler(0)
        child = subprocess.run(
            [sys.executable, "-S", "-c", "import os; print(os.sched_getscheduler(0))"],
            capture_output=True,
            text=True,
            check=True,
        )
    assert int(child.stdout) == granted
    assert granted in (before, os.SCHED_RR)
    assert os.sched_getscheduler(0) == before
