"""Priority from the desktop where the kernel refuses it: over a real bus, within the kernel's limit."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("jeepney", reason="RealtimeKit is Linux's, and so is its client")

from tests.audio.realtime_kit import PORTAL, RealtimeKitService, private_bus

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="RealtimeKit is Linux's")
ROOT = Path(__file__).resolve().parents[2]
_AS_ROOT = ("setpriv", "--bounding-set", "-sys_nice", "--inh-caps", "-sys_nice")
_AS_USER = ("prlimit", "--rtprio=0:0", "--nice=0:0")
needs_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can grant a priority"
)

FIND_OUT = """
import json, os
from audio.priority import find_out
answer = find_out()
print(json.dumps([*answer, os.sched_getscheduler(0), os.sched_getparam(0).sched_priority]))
"""

BUSY = """
import json, os, time
from audio import priority_keeper
from audio.priority import find_out
priority_keeper._CALM_S = 0.3
find_out()
seen, end = [], time.monotonic() + 20
def until(policy, pause_s):
    while os.sched_getscheduler(0) != policy | os.SCHED_RESET_ON_FORK and time.monotonic() < end:
        time.sleep(pause_s) if pause_s else sum(range(1000))
    seen.append(os.sched_getscheduler(0) == policy | os.SCHED_RESET_ON_FORK)
for _ in range(2):
    until(os.SCHED_RR, 0.01)
    until(os.SCHED_OTHER, 0)
print(json.dumps(seen))
"""

DEVICES = """
import ctypes, json, os, threading
from audio.priority import raise_devices, raise_priority, threads
from audio.priority_keeper import keeper
raise_priority("callback")
before, over = threads(), threading.Event()
threading.Thread(target=over.wait, daemon=True).start()
known = threads()
handle, libc = ctypes.c_ulong(), ctypes.CDLL(None)
libc.pthread_create(ctypes.byref(handle), None, libc.sleep, ctypes.c_void_p(60))
raise_devices(before)
keeper().nice(threading.get_native_id()).result(5)
print(json.dumps([os.getpid(), *(threads() - known)]))
"""

BUILDER = """
import json, threading
from audio.priority import raise_priority
from audio.priority_keeper import keeper
numbers = []
def build():
    raise_priority("loading")
    raise_priority("builder")
    numbers.append(threading.get_native_id())
    keeper().nice(numbers[0]).result(5)
thread = threading.Thread(target=build)
thread.start()
thread.join()
print(json.dumps(numbers))
"""


@pytest.fixture(scope="module")
def bus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    if shutil.which("dbus-daemon") is None:
        pytest.skip("no dbus-daemon here")
    with private_bus(tmp_path_factory.mktemp("bus")) as socket:
        yield socket


def ask(code: str, system: Path, session: Path | None = None) -> Any:
    """What a process prints to which the kernel gives no priority, and which finds these buses."""
    buses = {"DBUS_SYSTEM_BUS_ADDRESS": system, "DBUS_SESSION_BUS_ADDRESS": session or "unix:path=/nowhere"}
    addresses = {name: f"unix:path={path}" for name, path in buses.items()}
    done = subprocess.run(
        [*(_AS_ROOT if os.geteuid() == 0 else _AS_USER), sys.executable, "-c", code],
        cwd=ROOT,
        env=os.environ | addresses,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@needs_root
def test_the_worker_gets_real_time_from_the_desktop(bus: Path) -> None:
    with RealtimeKitService(bus) as service:
        granted, refused, policy, priority = ask(FIND_OUT, bus)
    assert (granted, refused) == ("real-time (round robin 15) by RealtimeKit", "")
    assert (policy, priority) == (os.SCHED_RR | os.SCHED_RESET_ON_FORK, 15)
    guard, worker = service.requests
    assert guard[0] == worker[0] == "MakeThreadRealtimeWithPID"
    assert guard[3] > worker[3] == 15
    assert worker[2] == worker[1] != guard[2]


@needs_root
def test_a_thread_that_never_pauses_becomes_an_ordinary_one_and_is_not_killed(bus: Path) -> None:
    with RealtimeKitService(bus):
        assert ask(BUSY, bus) == [True, True, True, True]


def test_the_threads_of_the_devices_get_it_and_ours_do_not(bus: Path) -> None:
    with RealtimeKitService(bus) as service:
        process, thread = ask(DEVICES, bus)
    realtime = [(who, value) for method, _, who, value in service.requests if "Realtime" in method]
    assert (thread, 19) in realtime
    # The other one is the guard.
    assert len(realtime) == 2
    assert ("MakeThreadHighPriorityWithPID", process, process, -11) in service.requests


def test_the_builder_goes_before_other_programs_only(bus: Path) -> None:
    with RealtimeKitService(bus) as service:
        (thread,) = ask(BUILDER, bus)
    assert {(method, who, value) for method, _, who, value in service.requests} == {
        ("MakeThreadHighPriorityWithPID", thread, -11)
    }


def test_in_a_sandbox_the_portal_is_asked(bus: Path, tmp_path: Path) -> None:
    with RealtimeKitService(bus, PORTAL) as service:
        granted = ask(FIND_OUT, tmp_path / "none", bus)[0]
    assert granted == "real-time (round robin 15) by RealtimeKit"
    assert len(service.requests) == 2


@pytest.mark.parametrize(
    ("mood", "reason"),
    [
        ("refuses", "RealtimeKit refused (Operation not permitted)"),
        ("silent", "RealtimeKit did not answer"),
        ("absent", "RealtimeKit is not installed"),
    ],
)
def test_a_refusal_is_an_answer_in_words(bus: Path, mood: str, reason: str) -> None:
    name = "org.example.Nobody" if mood == "absent" else "org.freedesktop.RealtimeKit1"
    with RealtimeKitService(bus, name, mood):
        granted, refused, policy, _ = ask(FIND_OUT, bus)
    assert (granted, refused) == ("normal", reason)
    assert policy & ~os.SCHED_RESET_ON_FORK == os.SCHED_OTHER


def test_without_a_bus_the_answer_says_so(tmp_path: Path) -> None:
    assert ask(FIND_OUT, tmp_path / "none")[1] == "there is no D-Bus to ask RealtimeKit over"
