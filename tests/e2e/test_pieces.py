"""A microphone of a real sound server that delivers 300 ms at once: PulseAudio's pipe source, so fed."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from inference.engine.client import EngineClient
from inference.engine.messages import EngineParams, EngineState, Event, Mode, StateChanged, StreamConfig
from tests.rig.caller import wait_until
from tests.rig.pulse_server import pulse_server

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="PulseAudio's source is asked through ALSA")

_RATE, _PIECE_S = 48_000, 0.3
_PATIENCE_S = 60.0


@contextmanager
def microphone(fifo: Path) -> Iterator[None]:
    """The server's source from now on: noise, of which nothing comes for 0.3 s, and then all."""
    source = ["module-pipe-source", "source_name=pieces", f"file={fifo}", f"rate={_RATE}"]
    subprocess.run(
        ["pactl", "load-module", *source, "format=s16le", "channels=1"], check=True, stdout=subprocess.DEVNULL
    )
    subprocess.run(["pactl", "set-default-source", "pieces"], check=True)
    noise = np.random.default_rng(3).integers(-8000, 8000, round(_PIECE_S * _RATE), np.int16).tobytes()
    over = threading.Event()

    def give() -> None:
        due = time.monotonic()
        with fifo.open("wb", buffering=0) as pipe:
            while not over.wait(max(0.0, due - time.monotonic())):
                pipe.write(noise)
                due += _PIECE_S

    feeder = threading.Thread(target=give)
    feeder.start()
    try:
        yield
    finally:
        over.set()
        feeder.join()


def test_its_pieces_are_the_delay_and_told_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MENURA_HOME", str(tmp_path))
    events: list[Event] = []
    with pulse_server(tmp_path, monkeypatch), microphone(tmp_path / "pipe"), EngineClient() as engine:
        engine.set_params(EngineParams(mode=Mode.BYPASS, gate_db=-120.0))
        engine.start(StreamConfig(input_device="pulse · ALSA", output_device="pulse · ALSA"))

        def told() -> bool:
            events.extend(engine.poll())
            assert min(engine.telemetry().latency.as_dict().values()) >= 0.0
            return any(isinstance(e, StateChanged) and "in pieces of" in e.reason for e in events)

        wait_until(told, _PATIENCE_S)
        last = events[-1]
        assert isinstance(last, StateChanged)
        assert last.state is EngineState.DEGRADED
        assert last.reason.endswith("choose another one, or connect it by cable.")
        wait_until(lambda: engine.telemetry().latency.ring_in > 1e3 * 0.9 * _PIECE_S, _PATIENCE_S)
        assert engine.telemetry().latency.total < 1e3 * _PIECE_S + 200
        wait_until(lambda: engine.telemetry().output_rms > 0.01, _PATIENCE_S)
        assert engine.telemetry().stream_restarts == 0
