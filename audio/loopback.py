"""The true delay of a sound path: play bursts of noise, find them in what comes back."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audio.devices import Device, DeviceError, portaudio
from audio.levels import gain_to_db

Samples = NDArray[np.float32]

_BURSTS = 7
_BURST_S = 0.08
_FADE_S = 0.01
_LEAD_S = 0.5
_SPACING_S = 0.35
_TAIL_S = 1.2
_BAND_HZ = (300.0, 6000.0)
_PEAK = 0.25

LONGEST_S = 1.0
"""Longest delay that is looked for."""

_LEAST_SNR_DB = 20.0
_LEAST_LIKENESS = 0.3
"""Normalised correlation from which a burst counts as heard; echoes of a room lower it."""

_LARGEST_SPREAD_MS = 2.0
_PATIENCE_S = 5.0


class LoopbackError(RuntimeError):
    """No delay could be measured; the message is one sentence for the user."""


@dataclass(frozen=True)
class BurstSignal:
    """What is played. `samples`: (n,) float32; `starts`: sample where each burst begins; all differ."""

    samples: Samples
    starts: tuple[int, ...]
    burst_samples: int
    rate: int


@dataclass(frozen=True)
class LoopbackResult:
    """A measured delay: median over the bursts found, and its spread (largest less smallest).

    `snr_db` is the level of the bursts over the noise before them, both within 300 Hz to 6 kHz.
    `reported_ms` is what the audio system says the delay of both devices is, where one was asked, and
    `xruns` the callbacks with lost samples.
    """

    delay_ms: float
    spread_ms: float
    snr_db: float
    found: int
    reported_ms: float = 0.0
    xruns: int = 0


def burst_signal(rate: int) -> BurstSignal:
    """Returns 7 bursts of 80 ms of noise between 300 Hz and 6 kHz, -12 dB peak, always the same ones."""
    rng = np.random.default_rng(20)
    length = round(_BURST_S * rate)
    fade = round(_FADE_S * rate)
    window = np.ones(length)
    window[:fade] = np.sin(0.5 * np.pi * (np.arange(fade) + 0.5) / fade) ** 2
    window[-fade:] = window[:fade][::-1]
    starts = tuple(round((_LEAD_S + i * _SPACING_S) * rate) for i in range(_BURSTS))
    samples = np.zeros(starts[-1] + length + round(_TAIL_S * rate), np.float32)
    for start in starts:
        burst = _band_limit(rng.standard_normal(length), rate) * window
        samples[start : start + length] = burst * (_PEAK / np.abs(burst).max())
    return BurstSignal(samples, starts, length, rate)


def find_delays(sent: BurstSignal, recorded: Samples) -> LoopbackResult:
    """Returns the delay of `recorded`: (n,) behind `sent`, both at the rate of `sent`, begun together.

    By cross-correlation with each burst, interpolated to a fraction of a sample. Raises LoopbackError
    when the bursts are not 20 dB above the noise, or their delays differ by more than 2 ms.
    """
    clean = np.nan_to_num(recorded.astype(np.float64), posinf=0.0, neginf=0.0)
    heard = _band_limit(clean, sent.rate)
    floor = _noise_level(clean[: sent.starts[0]], sent.rate)
    delays, levels = [], []
    for start in sent.starts:
        found = _find_burst(sent, start, heard)
        if found is None:
            continue
        delay, level = found
        levels.append(level)
        if gain_to_db(level) - gain_to_db(floor) >= _LEAST_SNR_DB:
            delays.append(1000.0 * delay / sent.rate)
    if len(delays) <= len(sent.starts) // 2:
        raise LoopbackError(_unheard(levels, floor))
    spread = max(delays) - min(delays)
    if spread > _LARGEST_SPREAD_MS:
        raise LoopbackError(
            f"The delay wanders by {spread:.1f} ms while it is measured: samples are being lost; "
            "close other programs or choose a larger block."
        )
    snr = gain_to_db(float(np.median(levels))) - gain_to_db(floor)
    return LoopbackResult(float(np.median(delays)), spread, snr, len(delays))


def measure_loopback(
    input_device: Device, output_device: Device, rate: int, block: int = 0
) -> LoopbackResult:
    """Plays the bursts through one duplex stream and returns the delay from output to input.

    Takes about 4 s. `block` in frames, 0 lets the device choose. The path from output to input (a
    cable, a virtual one, or loudspeaker to microphone) is the user's to make. Raises DeviceError when
    the devices do not open and LoopbackError when they play but nothing usable comes back.
    """
    sent = burst_signal(rate)
    take = _Take(sent.samples)
    sd = portaudio()
    try:
        with sd.Stream(
            device=(input_device.index, output_device.index),
            channels=(1, min(2, output_device.outputs)),
            samplerate=rate,
            blocksize=block,
            dtype="float32",
            latency="low",
            callback=take.callback,
        ) as stream:
            finished = take.done.wait(len(sent.samples) / rate + _PATIENCE_S)
            reported_ms = 1000.0 * sum(stream.latency)
    except sd.PortAudioError as error:
        raise DeviceError(
            f"'{input_device.name}' and '{output_device.name}' do not open together at {rate} Hz "
            f"({error.args[0]}); choose both from the same host API."
        ) from error
    if not finished:
        raise LoopbackError(
            f"'{output_device.name}' stopped playing after {take.position / rate:.1f} s; "
            "check that it is still connected."
        )
    return replace(find_delays(sent, take.recorded), reported_ms=reported_ms, xruns=take.xruns)


class _Take:
    """Plays an array and records as long a one; the callback copies only."""

    def __init__(self, samples: Samples) -> None:
        self._samples = samples
        self.recorded = np.zeros_like(samples)
        self.position = 0
        self.xruns = 0
        self.done = threading.Event()

    def callback(self, indata: Samples, outdata: Samples, frames: int, _times: Any, status: Any) -> None:
        """Called by PortAudio."""
        if status:
            self.xruns += 1
        start = self.position
        count = min(frames, len(self._samples) - start)
        outdata[:count] = self._samples[start : start + count, None]
        outdata[count:] = 0.0
        self.recorded[start : start + count] = indata[:count, 0]
        self.position = start + count
        if count < frames:
            self.done.set()


def _find_burst(sent: BurstSignal, start: int, heard: NDArray[np.float64]) -> tuple[float, float] | None:
    """Returns delay in samples (fractional) and RMS of the burst sent at `start`, if it is there."""
    length = sent.burst_samples
    burst = sent.samples[start : start + length].astype(np.float64)
    part = heard[start : start + length + round(LONGEST_S * sent.rate)]
    if len(part) < length:
        return None
    size = 1 << (len(part) + length).bit_length()
    spectrum = np.fft.rfft(part, size) * np.conj(np.fft.rfft(burst, size))
    lags = len(part) - length + 1
    correlation = np.fft.irfft(spectrum, size)[:lags]
    energy = np.concatenate(([0.0], np.cumsum(part**2)))
    energy = np.maximum(energy[length:] - energy[:lags], 1e-20)
    # Loud bursts that follow must not win by loudness: likeness decides.
    likeness = np.abs(correlation) / np.sqrt(energy * np.sum(burst**2))
    likeness[energy < 1e-3 * energy.max()] = 0.0
    best = int(np.argmax(likeness))
    if likeness[best] < _LEAST_LIKENESS:
        return None
    return best + _vertex(np.abs(correlation), best), math.sqrt(energy[best] / length)


def _vertex(y: NDArray[np.float64], i: int) -> float:
    """Returns where the parabola through y[i - 1 : i + 2] has its vertex, relative to i."""
    if not 0 < i < len(y) - 1:
        return 0.0
    curve = y[i - 1] - 2 * y[i] + y[i + 1]
    return 0.0 if curve >= 0 else float(np.clip(0.5 * (y[i - 1] - y[i + 1]) / curve, -0.5, 0.5))


def _band_limit(x: NDArray[np.float64], rate: int) -> NDArray[np.float64]:
    """Returns `x` with nothing outside the band of the bursts, and no delay."""
    spectrum = np.fft.rfft(x)
    hertz = np.fft.rfftfreq(len(x), 1 / rate)
    low, high = _BAND_HZ
    spectrum[(hertz < low) | (hertz > min(high, 0.45 * rate))] = 0.0
    return np.fft.irfft(spectrum, len(x))


def _noise_level(x: NDArray[np.float64], rate: int) -> float:
    """Returns the RMS of `x` inside the band of the bursts."""
    # Windowed, or hum below the band would leak into it at the cut edges.
    window = np.hanning(len(x))
    return math.sqrt(float(np.mean(_band_limit(x * window, rate) ** 2) / np.mean(window**2)))


def _unheard(levels: list[float], floor: float) -> str:
    if not levels or gain_to_db(max(levels)) < -90:
        return (
            "Nothing of the test sound came back; connect the output to the input "
            "(a cable, or loudspeaker and microphone), turn both up and try again."
        )
    over = gain_to_db(float(np.median(levels))) - gain_to_db(floor)
    return (
        f"The test sound came back only {over:.0f} dB above the noise and 20 dB are needed; "
        "turn the output up or the room quieter and try again."
    )
