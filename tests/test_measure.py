"""`menura latency`: the table adds up, and a real loop through a sound server is measured."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from audio.loopback import LoopbackResult
from inference.engine.latency import LatencyBudget
from inference.measure import describe_loop, table
from tests.rig.jack_server import JackServer

PARTS = LatencyBudget(2.0, 1.0, 5.0, 12.0, 1.5, 3.0, 2.5, 3.0)


def loop(delay_ms: float, reported_ms: float, xruns: int = 0) -> LoopbackResult:
    return LoopbackResult(delay_ms, 0.01, 60.0, 7, reported_ms, xruns)


def test_the_parts_of_the_table_add_up() -> None:
    rows = {line[:16].strip(): float(line[16:24]) for line in table(loop(8.0, 5.0), PARTS, "deep")}
    total = rows.pop("total")
    assert total == pytest.approx(sum(rows.values()))
    assert rows["device in + out"] == 8.0
    assert total == pytest.approx(PARTS.total + 3.0)


def test_the_table_is_aligned() -> None:
    lines = table(loop(120.0, 5.0), PARTS, "deep")
    assert len({line.index(" ms") for line in lines}) == 1


@pytest.mark.parametrize(("measured", "word"), [(12.0, "more"), (1.0, "less")])
def test_a_device_that_reports_wrongly_is_told(measured: float, word: str) -> None:
    lines = describe_loop(loop(measured, 5.0))
    assert len(lines) == 2
    assert f"{abs(measured - 5.0):.1f} ms {word} than reported" in lines[1]


def test_a_device_that_reports_well_needs_no_more_words() -> None:
    assert len(describe_loop(loop(5.4, 5.0))) == 1


def test_lost_samples_are_told() -> None:
    assert describe_loop(loop(5.0, 5.0, xruns=3))[-1].startswith("3 callbacks lost samples")


_LOOPER = """
import sys, time
import jack

client = jack.Client("looper", no_start_server=True)
client.activate()
while True:
    ports = [p for p in client.get_ports(is_audio=True) if p.name.startswith("PortAudio")]
    ins = [p for p in ports if p.is_input and client.get_all_connections(p)]
    outs = [p for p in ports if p.is_output and client.get_all_connections(p)]
    if ins and outs and ins[0].name not in [p.name for p in client.get_all_connections(outs[0])]:
        try:
            client.connect(outs[0], ins[0])
        except jack.JackError:
            pass
    time.sleep(0.05)
"""


def _measure(server: JackServer, home: Path) -> subprocess.CompletedProcess[str]:
    device = ("--input", "system · JACK", "--output", "system · JACK")
    return subprocess.run(
        [sys.executable, "-m", "cli", "latency", *device],
        env=server.env() | {"MENURA_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.jack
def test_a_loop_is_measured_part_by_part(tmp_path: Path) -> None:
    with JackServer() as server:
        looper = subprocess.Popen([sys.executable, "-c", _LOOPER], env=server.env())
        try:
            done = _measure(server, tmp_path)
        finally:
            looper.kill()
            looper.wait()
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    # PortAudio's output comes back to its input one period of 5 ms later.
    assert lines[1].startswith("Device loop: 5.00 ms measured")
    rows = {line[:16].strip(): float(line[16:24]) for line in lines[lines.index("") + 1 :]}
    assert rows["total"] == pytest.approx(sum(ms for name, ms in rows.items() if name != "total"), abs=0.05)
    assert rows["look-ahead"] > 10


@pytest.mark.jack
def test_without_a_loop_it_is_one_sentence(tmp_path: Path) -> None:
    with JackServer() as server:
        done = _measure(server, tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("menura: Nothing of the test sound came back")
    assert done.stderr.count(os.linesep) == 1
