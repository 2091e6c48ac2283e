"""Counts late cycles of a dummy JACK server with ever more of Menura in it: the machine's share, and ours.

    python -m tests.tools.floor [--seconds 30] [--rounds 3] [--json FILE]

Variants take turns, so that a busy minute of the machine hits them all. Beside each runs a witness: a
process of the server's priority, memory locked, that only sleeps for 5 ms at a time and notes how late
the machine wakes it. jackd tells which client was late, and whether it had been woken ("Triggered": it
waited for the machine) or was computing ("Running": it is to blame).
"""

from __future__ import annotations

import argparse
import ctypes
import multiprocessing as mp
import os
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

from tests.rig.caller import PORTAUDIO_PORTS, Call
from tests.rig.jack_server import JackServer
from tests.rig.machine import Stolen
from tests.rig.pass_through import pass_through
from tests.rig.speech import speech
from tests.tools.figures import show

_SETTLE_S = 3.0
_WITNESS_PRIORITY = 60
_SLEEP_S = 0.005
_MCL_CURRENT, _MCL_FUTURE = 1, 2


def witness(conn: Connection) -> None:
    """Sleeps until told to stop, then sends how often it woke late by more than 1, 5 and 10 ms."""
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(_WITNESS_PRIORITY))
    ctypes.CDLL(None).mlockall(_MCL_CURRENT | _MCL_FUTURE)
    late: Counter[str] = Counter()
    due = time.monotonic() + _SLEEP_S
    while not conn.poll():
        time.sleep(max(0.0, due - time.monotonic()))
        by = time.monotonic() - due
        late.update({f"witness > {limit} ms": 1 for limit in (1, 5, 10) if by > 1e-3 * limit})
        due = max(due + _SLEEP_S, time.monotonic())
    conn.send(dict(late))


@contextmanager
def nobody(_server: JackServer) -> Iterator[None]:
    """No client at all."""
    yield


@contextmanager
def c_clients(server: JackServer) -> Iterator[None]:
    """Two of JACK's own examples, in C."""
    with ExitStack() as stack:
        for command in (["jack_metro", "-b", "120"], ["jack_thru"]):
            quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            stack.callback(subprocess.Popen(command, env=server.env(), **quiet).kill)
        yield


@contextmanager
def caller(server: JackServer, pattern: str = PORTAUDIO_PORTS) -> Iterator[None]:
    """The rig's caller, a Python callback."""
    call = Call(server, pattern, speech(10.0), 3600.0)
    try:
        yield
    finally:
        call.hang_up()


@contextmanager
def caller_and_c(server: JackServer) -> Iterator[None]:
    """The rig's caller, connected to a client in C."""
    with c_clients(server), caller(server, "^jack_thru:"):
        yield


@contextmanager
def caller_and_copy(server: JackServer) -> Iterator[None]:
    """The caller and the simplest PortAudio stream in Python."""
    with pass_through(server), caller(server):
        yield


@contextmanager
def caller_and_live(server: JackServer) -> Iterator[None]:
    """The caller and `menura live`."""
    from tests.e2e.product import Live

    with tempfile.TemporaryDirectory() as home, Live(server, Path(home), "--voice", "deep"), caller(server):
        yield


VARIANTS: dict[str, Callable] = {
    "no client": nobody,
    "two clients in C": c_clients,
    "C clients and the caller": caller_and_c,
    "caller, PortAudio copy": caller_and_copy,
    "caller, menura live": caller_and_live,
}


def measure(variant: Callable, seconds: float) -> dict[str, float]:
    """Late cycles by cause, and late wake-ups of the witness, in one stretch."""
    with JackServer(accuse=True) as server, variant(server):
        time.sleep(_SETTLE_S)
        before = server.accusations()
        ours, theirs = mp.Pipe()
        process = mp.get_context("spawn").Process(target=witness, args=(theirs,))
        process.start()
        stolen = Stolen()
        time.sleep(seconds)
        ours.send("stop")
        late: dict[str, float] = ours.recv()
        process.join()
        late |= server.accusations() - before
        late["percent stolen by the host"] = stolen.percent * seconds / 60
    return late


def main() -> None:
    """Prints counts per minute."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    sums: dict[str, Counter[str]] = {name: Counter() for name in VARIANTS}
    for _ in range(options.rounds):
        for name, variant in VARIANTS.items():
            sums[name].update(measure(variant, options.seconds))
    minutes = options.seconds * options.rounds / 60
    table = {name: {what: round(n / minutes, 1) for what, n in sorted(c.items())} for name, c in sums.items()}
    show(table, options.json, indent=2)


if __name__ == "__main__":
    main()
