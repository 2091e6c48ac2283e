"""Ctrl-C on the command line: one line and status 130, whenever it comes; processes beside it are spared."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace

import pytest

from cli_interrupt import LINE
from inference.companion import Companion
from inference.engine.child import Child

ROOT = Path(__file__).resolve().parent.parent
INTERRUPT = "signal.raise_signal(signal.SIGINT)"

posix = pytest.mark.skipif(os.name == "nt", reason="Windows sends no such signal")


def menura(body: str) -> tuple[int, list[str]]:
    """Status and lines on stderr of `menura doctor` whose whole work is `body`."""
    code = (
        "import signal, sys, threading, time\nsys.argv = ['menura', 'doctor']\nimport cli\n"
        f"from inference import doctor\ndef examine():\n{body}\n    return []\n"
        "doctor.examine = examine\ncli.main()"
    )
    return told([sys.executable, "-c", code])


def told(command: list[str], **environment: str) -> tuple[int, list[str]]:
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | environment,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stderr.strip().splitlines()


@posix
def test_while_the_program_is_being_loaded(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text(f"import signal\n{INTERRUPT}\n")
    command = [sys.executable, "-m", "cli", "doctor"]
    assert told(command, PYTHONPATH=str(tmp_path)) == (130, [LINE])


@posix
@pytest.mark.parametrize(
    "body",
    [
        f"    {INTERRUPT}",
        f"    try:\n        {INTERRUPT}\n    except BaseException:\n        raise ImportError('numpy')",
        f"    class End:\n        def __del__(self):\n            {INTERRUPT}\n    End()\n    time.sleep(30)",
    ],
    ids=["at work", "where a library makes another exception of it", "where Python ignores exceptions"],
)
def test_while_a_command_works(body: str) -> None:
    assert menura(body) == (130, [LINE])


@posix
def test_once_more_while_python_waits_for_the_last_thread() -> None:
    body = (
        "    main = threading.main_thread().ident\n"
        "    def late():\n"
        "        while threading.main_thread().is_alive():\n"
        "            time.sleep(0.001)\n"
        "        while True:\n"
        "            signal.pthread_kill(main, signal.SIGINT)\n"
        "            time.sleep(0.01)\n"
        "    threading.Thread(target=late).start()\n"
        f"    {INTERRUPT}"
    )
    status, lines = menura(body)
    assert status in (130, -signal.SIGINT)
    assert lines == [LINE]


def test_no_interrupt_no_word() -> None:
    assert menura("    pass") == (0, [])


def rest(*arguments: Connection | str | None) -> None:
    """A process that waits for its end."""
    conn = next(argument for argument in arguments if isinstance(argument, Connection))
    try:
        conn.recv()
        conn.recv()
    except EOFError:
        return


def blocked(pid: int) -> bool:
    """Whether a process cannot be reached by an interrupt, from its first instruction on."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    mask = int(next(line for line in status.splitlines() if line.startswith("SigBlk")).split()[1], 16)
    return bool(mask >> (signal.SIGINT - 1) & 1)


def companion() -> tuple[int, Callable[[], None]]:
    made = Companion("test", rest, None, str)
    made.send("begin")
    while made.pid is None:
        time.sleep(0.01)
    return made.pid, lambda: made.close(5.0, terminate=True)


def child() -> tuple[int, Callable[[], None]]:
    made = Child(rest, SimpleNamespace(name="shared"))  # type: ignore[arg-type]
    return made.pid, made.close


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("make", [companion, child])
def test_processes_beside_it_do_not_hear_it(make: Callable[[], tuple[int, Callable[[], None]]]) -> None:
    pid, end = make()
    try:
        assert blocked(pid)
        assert not blocked(os.getpid())
    finally:
        end()
