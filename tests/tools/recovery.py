"""Measures delay and recovery of `menura live` through a real audio server, as the call hears them.

    python -m tests.tools.recovery [--voice deep] [--rounds 3] [--json FILE]

Reported and measured latency of bypass and of a voice (set back to the speaker's own pitch and formants, so
that bursts of noise can be found in it), and for how long the call hears nothing after the worker is killed,
after the audio process is killed, and after the server has come back.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from audio.loopback import LoopbackError, burst_signal, find_delays
from tests.e2e.product import Live, crash
from tests.rig.caller import Call, Caller, find_delay, wait_until, white_noise
from tests.rig.jack_server import RATE, JackServer
from voices.builtin import find_voice

_PATIENCE_S = 60.0
_CALL_S = 300.0


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


def gap_s(voice: str, harm: Callable[[JackServer, Live], None]) -> float:
    """Seconds of silence the call hears after `harm`."""
    with JackServer() as server, tempfile.TemporaryDirectory() as home:
        with Live(server, Path(home), "--voice", voice, "--gate", "-100") as live:
            call = Caller(server).start(white_noise(_CALL_S), _CALL_S)
            wait_until(lambda: call.played_s > 3.0, _PATIENCE_S)
            harm(server, live)
            wait_until(lambda: live.said("Back to normal."), _PATIENCE_S)
            recording = call.listen_on(2.0)
        return longest_silence_s(recording.heard[RATE:])


def kill_worker(_server: JackServer, live: Live) -> None:
    """Ends the process that converts."""
    crash(live.worker())


def kill_audio(_server: JackServer, live: Live) -> None:
    """Ends the process that has the streams open."""
    crash(live.audio_process())


def restart_s(voice: str) -> float:
    """Seconds from the moment a restarted server takes clients until a caller hears sound again."""
    with JackServer() as server, tempfile.TemporaryDirectory() as home:
        with Live(server, Path(home), "--voice", voice, "--gate", "-100") as live:
            Caller(server).play_and_record(white_noise(1.0))
            server.stop()
            wait_until(lambda: live.said("Trying again"), _PATIENCE_S)
            server.start()
            back = time.monotonic()
            call: Call = Caller(server).start(white_noise(_CALL_S), _CALL_S)
            wait_until(lambda: call.played_s > 2.0, _PATIENCE_S)
            begun = time.monotonic() - call.played_s
            heard = call.end().heard
        return begun - back + int(np.flatnonzero(heard)[0]) / RATE


def longest_silence_s(heard: np.ndarray) -> float:
    """The longest stretch of exact zeros."""
    edges = np.concatenate(([-1], np.flatnonzero(heard), [len(heard)]))
    return float(np.diff(edges).max() - 1) / RATE


def median(measure: Callable[[], float], rounds: int) -> dict[str, float]:
    """Median and worst of some rounds."""
    times = [measure() for _ in range(rounds)]
    return {"median_s": round(statistics.median(times), 2), "worst_s": round(max(times), 2)}


def measure_all(voice: str, rounds: int) -> dict[str, object]:
    """Every figure."""
    figures: dict[str, object] = {"bypass": bypass_ms()}
    try:
        figures[voice] = voice_ms(voice)
    except LoopbackError as error:
        figures[voice] = str(error)
    figures["silence after the worker was killed"] = median(lambda: gap_s(voice, kill_worker), rounds)
    figures["silence after the audio process was killed"] = median(lambda: gap_s(voice, kill_audio), rounds)
    figures["sound again after the server came back"] = median(lambda: restart_s(voice), rounds)
    return figures


def main() -> None:
    """Prints the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--voice", default="deep")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    text = json.dumps(measure_all(options.voice, options.rounds), indent=2)
    sys.stdout.write(text + "\n")
    if options.json:
        options.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
