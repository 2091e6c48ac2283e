"""Measures delay and recovery of `menura live` through a real audio server, as the call hears them.

    python -m tests.tools.recovery [--voice deep] [--rounds 3] [--causes NAME,NAME] [--json FILE]

Reported and measured latency of bypass and of a voice (set back to the speaker's own pitch and formants, so
that bursts of noise can be found in it), and for how long the call hears nothing after each cause in `CAUSES`
has ended. The voice must be a model-free one. Ends with a word where the bare microphone was heard.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from audio import virtual_mic
from audio.loopback import LoopbackError, burst_signal, find_delays
from tests.e2e.heard import longest_silence, raw_microphone
from tests.e2e.product import Live, crash
from tests.rig.caller import Call, Caller, find_delay, wait_until, white_noise
from tests.rig.faults import SpoiltMachine, busy, sleep
from tests.rig.jack_server import RATE, JackServer
from tests.rig.pulse_server import PulseServer
from tests.tools.figures import show
from voices.builtin import find_voice

_PATIENCE_S = 60.0
_CALL_S = 300.0
_BEFORE_S = 7.0
"""A process is in store by then (`inference.engine.standby`), as in any call that has lasted for a while."""


def bypass_ms() -> dict[str, float]:
    """Reported and measured latency of bypass, over a call's last second."""
    with JackServer() as server, tempfile.TemporaryDirectory() as home:
        with Live(server, Path(home), "--bypass") as live:
            recording = Caller(server).play_and_record(white_noise(4.0))
        delay = find_delay(recording.played[-RATE:], recording.heard[-RATE:])
        return {"reported_ms": live.report["latency_ms"]["total"], "measured_ms": 1000 * delay / RATE}


def voice_ms(voice: str) -> dict[str, float]:
    """Reported and measured latency of a model-free voice. Raises LoopbackError when bursts were lost."""
    recipe = find_voice(voice).recipe
    if recipe is None:
        raise SystemExit(f"'{voice}' is a neural voice: noise does not come back from it; choose another.")
    back = ["--pitch", str(-recipe.pitch_semitones), "--formant", str(-recipe.formant_semitones)]
    bursts = burst_signal(RATE)
    with JackServer() as server, tempfile.TemporaryDirectory() as home:
        with Live(server, Path(home), "--voice", voice, "--gate", "-100", *back) as live:
            recording = Caller(server).play_and_record(bursts.samples)
        measured = find_delays(bursts, recording.heard).delay_ms
        return {"reported_ms": live.report["latency_ms"]["total"], "measured_ms": measured}


@contextmanager
def in_a_call(voice: str) -> Iterator[tuple[JackServer, Live, SpoiltMachine, Call]]:
    """A product that has been in a call for some seconds."""
    with JackServer() as server, tempfile.TemporaryDirectory() as home:
        machine = SpoiltMachine(Path(home))
        with Live(server, Path(home), "--voice", voice, "--gate", "-100", env=machine.env) as live:
            call = Caller(server).start(white_noise(_CALL_S), _CALL_S)
            wait_until(lambda: call.played_s > _BEFORE_S, _PATIENCE_S)
            yield server, live, machine, call


def gap_s(voice: str, harm: Callable[[JackServer, Live, SpoiltMachine, Call], None]) -> float:
    """Seconds of silence that the call hears on account of `harm`."""
    with in_a_call(voice) as (server, live, machine, call):
        harm(server, live, machine, call)
        recording = call.listen_on(3.0)
    begin = round((_BEFORE_S - 0.1) * RATE)
    gap = longest_silence(recording.heard, begin)
    if raw_microphone(recording.played, recording.heard, RATE):
        raise SystemExit("The call heard the bare microphone.")
    return (gap.stop - gap.start) / RATE


def kill_worker(_server: JackServer, live: Live, _machine: SpoiltMachine, _call: Call) -> None:
    """Ends the process that converts."""
    crash(live.worker())
    wait_until(lambda: live.said("Back to normal."), _PATIENCE_S)


def stop_worker(_server: JackServer, live: Live, _machine: SpoiltMachine, _call: Call) -> None:
    """Has the process that converts stand still, as one that waits for what never comes."""
    os.kill(live.worker().pid, signal.SIGSTOP)
    wait_until(lambda: live.said("Back to normal."), _PATIENCE_S)


def kill_audio(_server: JackServer, live: Live, _machine: SpoiltMachine, _call: Call) -> None:
    """Ends the process that has the streams open."""
    crash(live.audio_process())
    wait_until(lambda: live.said("Back to normal."), _PATIENCE_S)


def fail_model(_server: JackServer, live: Live, machine: SpoiltMachine, _call: Call) -> None:
    """Has a hop raise."""
    machine.fail_converter("no such operator")
    wait_until(lambda: live.said("Back to normal."), _PATIENCE_S)


def sleep_all(server: JackServer, live: Live, _machine: SpoiltMachine, call: Call) -> None:
    """Stops everything for 6 s; the server's frames stand still as well, so only what follows is counted."""
    sleep([server.process, psutil.Process(live.pid), call.process], 6.0)
    wait_until(lambda: live.said("The computer slept"), _PATIENCE_S)


def set_clock(_server: JackServer, live: Live, machine: SpoiltMachine, _call: Call) -> None:
    """Sets the wall clock an hour forward, then an hour back."""
    for seconds, words in ((3600, "forward"), (-3600, "back")):
        machine.set_clock(seconds)
        wait_until(lambda words=words: live.said(f"was set {words}"), _PATIENCE_S)  # type: ignore[misc]


def load_cores(_server: JackServer, live: Live, _machine: SpoiltMachine, call: Call) -> None:
    """Loads every core at a higher priority for 10 s."""
    until = call.played_s + 10.0
    with busy():
        wait_until(lambda: call.played_s > until, _PATIENCE_S)


def restart_s(voice: str, rate: int = RATE) -> float:
    """Seconds from the moment a server that was gone takes clients until the product plays into it again."""
    with in_a_call(voice) as (server, live, _machine, first):
        first.hang_up()
        server.stop()
        wait_until(lambda: live.said("Trying again"), _PATIENCE_S)
        server.rate = rate
        server.start()
        return wait_until(lambda: live.said("Back to normal."), _PATIENCE_S)


def cable_s(voice: str, harm: Callable[[PulseServer], None]) -> float:
    """Seconds until the engine plays into 'Menura Microphone' again, made anew, after `harm` has ended."""
    with tempfile.TemporaryDirectory() as home, pytest.MonkeyPatch.context() as patch:
        patch.setenv("PULSE_SOURCE", "room.monitor")
        with PulseServer(Path(home), patch, sinks=("room",)) as pulse:
            env = {"MENURA_HOME": home}
            with Live(None, Path(home), "--voice", voice, output=virtual_mic.DEVICE, env=env) as live:
                time.sleep(_BEFORE_S)
                harm(pulse)
                return wait_until(lambda: live.said("Back to normal."), _PATIENCE_S)


def median(measure: Callable[[], float], rounds: int) -> dict[str, float]:
    """Median and worst of some rounds."""
    times = [measure() for _ in range(rounds)]
    return {"median_s": round(statistics.median(times), 2), "worst_s": round(max(times), 2)}


CAUSES: dict[str, Callable[[str], float]] = {
    "worker killed": lambda voice: gap_s(voice, kill_worker),
    "worker hangs": lambda voice: gap_s(voice, stop_worker),
    "audio process killed": lambda voice: gap_s(voice, kill_audio),
    "model raises": lambda voice: gap_s(voice, fail_model),
    "sleep of 6 s": lambda voice: gap_s(voice, sleep_all),
    "wall clock set forward and back": lambda voice: gap_s(voice, set_clock),
    "cores busy for 10 s": lambda voice: gap_s(voice, load_cores),
    "JACK server back": restart_s,
    "JACK server back at 44.1 kHz": lambda voice: restart_s(voice, 44_100),
    "virtual microphone removed": lambda voice: cable_s(voice, lambda _pulse: virtual_mic.remove()),
    "PulseAudio restarted": lambda voice: cable_s(voice, PulseServer.restart),
}
"""Seconds of silence by cause, counted from its end; nothing hears the bare microphone meanwhile."""


def delays(voice: str) -> dict[str, object]:
    """Reported and measured latency, of bypass and of a voice."""
    figures: dict[str, object] = {"bypass": bypass_ms()}
    try:
        figures[voice] = voice_ms(voice)
    except LoopbackError as error:
        figures[voice] = str(error)
    return figures


def recoveries(voice: str, rounds: int, causes: Iterable[str]) -> dict[str, object]:
    """Median and worst silence of each cause."""
    figures: dict[str, object] = {}
    for name in causes:
        figures[name] = median(lambda name=name: CAUSES[name](voice), rounds)  # type: ignore[misc]
        sys.stderr.write(f"{name}: {figures[name]}\n")
    return figures


def main() -> None:
    """Prints the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--voice", default="deep")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--causes", help=f"some of: {', '.join(CAUSES)}; then without the delays")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    causes = options.causes.split(",") if options.causes else list(CAUSES)
    if unknown := set(causes) - set(CAUSES):
        parser.error(f"no such cause: {', '.join(unknown)}")
    figures = {} if options.causes else delays(options.voice)
    show(figures | recoveries(options.voice, options.rounds, causes), options.json, indent=2)


if __name__ == "__main__":
    main()
