"""The measured delay is the true one, on arrays and through a real audio server."""

from __future__ import annotations

import json
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from audio import loopback
from audio.devices import Device, DeviceError
from audio.loopback import BurstSignal, LoopbackError, burst_signal, find_delays, measure_loopback
from tests.rig.jack_server import JackServer

RATE = 48_000
DEVICE = Device(0, "Cable · JACK", "Cable", "JACK", 1, 1, RATE, 0.005, 0.005)


@pytest.fixture(scope="module")
def sent() -> BurstSignal:
    return burst_signal(RATE)


def delayed(signal: BurstSignal, samples: float) -> np.ndarray:
    """A copy that comes back later by a fractional number of samples."""
    spectrum = np.fft.rfft(signal.samples)
    turn = np.exp(-2j * np.pi * np.arange(len(spectrum)) * samples / len(signal.samples))
    return np.fft.irfft(spectrum * turn, len(signal.samples)).astype(np.float32)


def noise(signal: BurstSignal, rms: float) -> np.ndarray:
    return np.random.default_rng(1).normal(0, rms, len(signal.samples)).astype(np.float32)


@pytest.mark.parametrize("delay", [0.0, 1.0, 480.0, 1234.4, 30_000.7])
@pytest.mark.parametrize("gain", [1.0, -0.01])
def test_finds_the_delay_to_a_fraction_of_a_sample(sent: BurstSignal, delay: float, gain: float) -> None:
    result = find_delays(sent, gain * delayed(sent, delay) + noise(sent, 1e-5))
    assert result.delay_ms == pytest.approx(delay / 48, abs=0.1 / 48)
    assert result.found == len(sent.starts)
    assert result.spread_ms < 0.01
    assert result.snr_db > 25


@pytest.mark.parametrize("rate", [16_000, 44_100, 96_000])
def test_any_rate(rate: int) -> None:
    signal = burst_signal(rate)
    assert find_delays(signal, delayed(signal, 333)).delay_ms == pytest.approx(333e3 / rate, abs=0.01)


def test_a_room_and_a_burst_lost_do_not_mislead_it(sent: BurstSignal) -> None:
    heard = delayed(sent, 960) + 0.6 * delayed(sent, 1500) + 0.4 * delayed(sent, 2900) + noise(sent, 2e-4)
    heard[sent.starts[2] : sent.starts[2] + 9000] = 0
    result = find_delays(sent, heard)
    assert result.delay_ms == pytest.approx(20, abs=0.05)
    assert result.found == len(sent.starts) - 1


def test_level_over_the_noise_is_told_in_the_band_of_the_bursts(sent: BurstSignal) -> None:
    hum = 0.5 * np.sin(2 * np.pi * 50 * np.arange(len(sent.samples)) / RATE).astype(np.float32)
    clean = find_delays(sent, delayed(sent, 480))
    assert clean.snr_db > 80
    assert find_delays(sent, delayed(sent, 480) + hum).snr_db > 50
    burst = sent.samples[sent.starts[0] : sent.starts[0] + sent.burst_samples]
    over = 20 * np.log10(np.std(burst) / (1e-3 * np.sqrt(5700 / 24_000)))
    assert find_delays(sent, delayed(sent, 480) + noise(sent, 1e-3)).snr_db == pytest.approx(over, abs=1.5)


def test_silence_is_not_a_delay(sent: BurstSignal) -> None:
    for nothing in (np.zeros_like(sent.samples), noise(sent, 1e-6), np.full_like(sent.samples, np.nan)):
        with pytest.raises(LoopbackError, match="Nothing of the test sound came back"):
            find_delays(sent, nothing)


def test_too_noisy_a_path_says_by_how_much(sent: BurstSignal) -> None:
    with pytest.raises(LoopbackError, match=r"only \d+ dB above the noise"):
        find_delays(sent, 0.1 * delayed(sent, 480) + noise(sent, 0.005))


def test_a_delay_that_wanders_is_refused(sent: BurstSignal) -> None:
    half = sent.starts[3] - 2000
    heard = np.concatenate((delayed(sent, 480)[:half], delayed(sent, 700)[half:]))
    with pytest.raises(LoopbackError, match=r"wanders by 4\.6 ms"):
        find_delays(sent, heard)


class FakeStream:
    """A duplex stream whose output comes back 300 samples later, run while it is entered."""

    stall = False

    def __init__(self, callback, channels, **_: object) -> None:  # type: ignore[no-untyped-def]
        self.latency = (0.005, 0.007)
        self._callback, self._channels = callback, channels

    def __enter__(self) -> FakeStream:
        line = np.zeros(300, np.float32)
        for _ in range(0 if self.stall else 1000):
            out = np.zeros((240, self._channels[1]), np.float32)
            self._callback(line[:240, None], out, 240, None, None)
            line = np.concatenate((line[240:], out[:, 0]))
        return self

    def __exit__(self, *_: object) -> None:
        pass


def test_plays_and_records_through_one_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = SimpleNamespace(Stream=FakeStream, PortAudioError=ArithmeticError)
    monkeypatch.setattr(loopback, "portaudio", lambda: fake)
    result = measure_loopback(DEVICE, DEVICE, RATE, 240)
    assert result.delay_ms == pytest.approx(300 / 48, abs=1e-3)
    assert result.reported_ms == pytest.approx(12)
    assert result.xruns == 0


def test_a_device_that_stops_or_does_not_open_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> None:
        raise ArithmeticError("Device unavailable")

    fake = SimpleNamespace(Stream=refuse, PortAudioError=ArithmeticError)
    monkeypatch.setattr(loopback, "portaudio", lambda: fake)
    with pytest.raises(DeviceError, match=r"do not open together at 48000 Hz \(Device unavailable\)"):
        measure_loopback(DEVICE, DEVICE, RATE)
    monkeypatch.setattr(FakeStream, "stall", True)
    monkeypatch.setattr(loopback, "_PATIENCE_S", -5.0)
    fake.Stream = FakeStream
    with pytest.raises(LoopbackError, match="stopped playing after 0"):
        measure_loopback(DEVICE, DEVICE, RATE)


_MEASURE = """
import json, threading, time
from dataclasses import asdict
import jack
from audio.devices import choose_rate, find_device
from audio.loopback import measure_loopback

device_in, device_out = find_device("system", "input"), find_device("system", "output")
client = jack.Client("patch")

def connect():
    for _ in range(300):
        time.sleep(0.01)
        ports = [p.name for p in client.get_ports("PortAudio")]
        outs = [p for p in ports if ":out" in p]
        ins = [p for p in ports if ":in" in p]
        if outs and ins:
            client.connect(outs[0], ins[0])
            return

threading.Thread(target=connect).start()
print(json.dumps(asdict(measure_loopback(device_in, device_out, choose_rate(device_in, device_out), 240))))
"""


@pytest.mark.jack
def test_measures_a_real_server_exactly() -> None:
    with JackServer() as server:
        run = subprocess.run(
            [sys.executable, "-c", _MEASURE], env=server.env(), capture_output=True, text=True, timeout=300
        )
    assert run.returncode == 0, run.stderr
    result = json.loads(run.stdout)
    # PortAudio out -> PortAudio in: one period of 240 frames, plus what PortAudio buffers: whole periods.
    periods = result["delay_ms"] / 5.0
    assert periods == pytest.approx(round(periods), abs=0.01)
    assert 1 <= round(periods) <= 4
    assert result["found"] == 7
