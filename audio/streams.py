"""Device streams whose callbacks only copy and count.

A callback touches three things: a ring, a record of counters (`inference.engine.shared.STREAM` is one)
and a wake-up. It allocates nothing that grows, takes no lock, and never waits for the worker.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audio.apple import stream_settings
from audio.devices import Device, DeviceError
from audio.fence import Fence
from audio.pieces import GAP_S
from audio.ring import Ring


@dataclass(frozen=True)
class Copy:
    """A second ring for what passes: filled while `on` is not 0, `lost` counts samples it had no room for.

    `on` and `lost`: (1,) int64, written by the recorder's side and by the callback.
    """

    ring: Ring
    on: NDArray[np.int64]
    lost: NDArray[np.int64]

    def take(self, samples: NDArray[np.float32]) -> None:
        """One callback's worth: (frames,)."""
        if self.on[0]:
            self.lost[0] += len(samples) - self.ring.push(samples)


@dataclass(frozen=True)
class Tap:
    """One direction of a stream: where its samples go or come from, and where it counts.

    `counters` is a structured array of one record with the fields frames, callbacks, xruns, underruns,
    silence, dropped, block, log_count, log_frames (n,), log_time (n,), gap_count, and gap_frames, gap_block,
    gap_since, gap_until (m,). `armed`: (1,), not 0 once an empty ring is an underrun; an input has no use
    for it. `copy` gets what the device gave or was given.
    """

    ring: Ring
    counters: NDArray[Any]
    armed: NDArray[np.int64]
    copy: Copy | None = None


class _Counter:
    """Plain array views of a counter record: a field look-up per callback would cost more than the copy."""

    def __init__(self, record: NDArray[Any]) -> None:
        self._frames, self._callbacks = record["frames"], record["callbacks"]
        self._xruns, self._underruns = record["xruns"], record["underruns"]
        self._silence, self._dropped = record["silence"], record["dropped"]
        self._block, self._log_count = record["block"], record["log_count"]
        self._log_frames, self._log_time = record["log_frames"][0], record["log_time"][0]
        self._gap_count = record["gap_count"]
        self._gap_frames, self._gap_block = record["gap_frames"][0], record["gap_block"][0]
        self._gap_since, self._gap_until = record["gap_since"][0], record["gap_until"][0]
        self._last_call, self._last_block = math.inf, 0
        self._fence = Fence()

    def tick(self, frames: int, now: float, xrun: bool) -> None:
        """Notes one callback of `frames` that began at `now` (perf_counter seconds)."""
        if now - self._last_call > GAP_S:
            self._note_gap(now)
        self._last_call, self._last_block = now, frames
        slot = self._log_count[0] % len(self._log_time)
        self._log_frames[slot] = self._frames[0]
        self._log_time[slot] = now
        self._fence()
        self._log_count[0] += 1
        self._frames[0] += frames
        self._callbacks[0] += 1
        if xrun:
            self._xruns[0] += 1
        if frames > self._block[0]:
            self._block[0] = frames

    def _note_gap(self, now: float) -> None:
        """Notes that there was no callback for a while (`audio.pieces.Gap`)."""
        slot = self._gap_count[0] % len(self._gap_until)
        self._gap_frames[slot], self._gap_block[slot] = self._frames[0], self._last_block
        self._gap_since[slot], self._gap_until[slot] = self._last_call, now
        self._fence()
        self._gap_count[0] += 1

    def lose(self, frames: int) -> None:
        """Notes input frames that found the ring full."""
        self._dropped[0] += frames

    def starve(self, frames: int, armed: bool) -> None:
        """Notes frames of silence; an underrun if the worker had promised samples."""
        self._silence[0] += frames
        if armed:
            self._underruns[0] += 1


class _Inlet:
    """Takes channel 0 of the device into a ring."""

    def __init__(self, tap: Tap, wake: Callable[[], None]) -> None:
        self._ring, self._counter, self._wake = tap.ring, _Counter(tap.counters), wake
        self._copy = tap.copy

    def take(self, indata: NDArray[np.float32], frames: int, xrun: bool) -> None:
        """One callback's worth: (frames, channels)."""
        self._counter.tick(frames, time.perf_counter(), xrun)
        accepted = self._ring.push(indata[:, 0])
        if accepted < frames:
            self._counter.lose(frames - accepted)
        self._wake()
        if self._copy:
            self._copy.take(indata[:, 0])


_FALL = (0.5 + 0.5 * np.cos(np.pi * np.arange(1, 65) / 64)).astype(np.float32)
"""From the last sample there was to silence: 1.3 ms at 48 kHz. Without it a ring that runs dry clicks."""


class _Outlet:
    """Gives a ring's samples to all channels of the device, silence where the ring is empty."""

    def __init__(self, tap: Tap) -> None:
        self._ring, self._counter, self._armed = tap.ring, _Counter(tap.counters), tap.armed
        self._copy = tap.copy
        self._last, self._fallen = np.float32(0.0), len(_FALL)

    def give(self, outdata: NDArray[np.float32], frames: int, xrun: bool) -> None:
        """One callback's worth: (frames, channels)."""
        self._counter.tick(frames, time.perf_counter(), xrun)
        first = outdata[:, 0]
        got = self._ring.pop_into(first)
        if got:
            self._last, self._fallen = first[got - 1], 0
        if got < frames:
            self._counter.starve(frames - got, bool(self._armed[0]))
            self._fall(first[got:])
        if outdata.shape[1] > 1:
            outdata[:, 1:] = first[:, None]
        if self._copy:
            self._copy.take(first)

    def _fall(self, silence: NDArray[np.float32]) -> None:
        """Lets the last sample die away, over as many callbacks as it takes."""
        begin, count = self._fallen, min(len(silence), len(_FALL) - self._fallen)
        if count:
            np.multiply(_FALL[begin : begin + count], self._last, out=silence[:count])
            self._fallen += count


def input_callback(tap: Tap, wake: Callable[[], None]) -> Callable[..., None]:
    """Callback of an input-only stream; `wake` is called once samples are in the ring."""
    inlet = _Inlet(tap, wake)

    def callback(indata: NDArray[np.float32], frames: int, _time: Any, status: Any) -> None:
        inlet.take(indata, frames, status.input_overflow)

    return callback


def output_callback(tap: Tap) -> Callable[..., None]:
    """Callback of an output-only stream."""
    outlet = _Outlet(tap)

    def callback(outdata: NDArray[np.float32], frames: int, _time: Any, status: Any) -> None:
        outlet.give(outdata, frames, status.output_underflow)

    return callback


def _names(devices: Iterable[Device]) -> str:
    return " and ".join(dict.fromkeys(f"'{device.label}'" for device in devices))


def _extra(devices: int) -> Any:
    """`extra_settings`, one for each of the devices of a duplex stream."""
    settings = stream_settings()
    return (settings, settings) if devices > 1 and settings is not None else settings


def duplex_callback(inp: Tap, out: Tap, wake: Callable[[], None]) -> Callable[..., None]:
    """Callback of a stream with both directions on one clock."""
    inlet, outlet = _Inlet(inp, wake), _Outlet(out)

    def callback(
        indata: NDArray[np.float32], outdata: NDArray[np.float32], frames: int, _time: Any, status: Any
    ) -> None:
        # JACK reports one late cycle as both flags; it is one event, and the output is where it is heard.
        outlet.give(outdata, frames, status.output_underflow)
        inlet.take(indata, frames, status.input_overflow and not status.output_underflow)

    return callback


@dataclass(frozen=True)
class StreamPlan:
    """What to open. Rates in Hz; `block_frames` 0 lets the device choose."""

    input: Device
    output: Device
    monitor: Device | None
    input_rate: int
    output_rate: int
    monitor_rate: int
    block_frames: int

    @property
    def duplex(self) -> bool:
        """Whether input and output are one stream on one clock: the same hardware, or both JACK.

        ALSA's plugin devices (default, pulse, pipewire) are not hardware: opened both ways as one stream
        they underrun all the time (measured with PulseAudio), as two streams they run.
        """
        if self.input_rate != self.output_rate or self.input.host_api != self.output.host_api:
            return False
        if "JACK" in self.input.host_api:
            return True
        same_device = self.input.index == self.output.index
        return same_device and (self.input.host_api != "ALSA" or "hw:" in self.input.label)


class Streams:
    """The open streams of one session. Raises DeviceError when a device refuses.

    >>> streams = Streams(plan, inp, out, monitor, wake)
    >>> streams.latency_s          # (input, output) as the audio system reports them
    >>> streams.close()
    """

    def __init__(
        self,
        plan: StreamPlan,
        inp: Tap,
        out: Tap,
        monitor: Tap,
        wake: Callable[[], None],
    ) -> None:
        self._streams: list[Any] = []
        try:
            self._open(plan, inp, out, monitor, wake)
            self._start(plan)
        except DeviceError:
            self.close()
            raise
        self.latency_s = self._reported_latency(plan.duplex)

    def _open(
        self,
        plan: StreamPlan,
        inp: Tap,
        out: Tap,
        monitor: Tap,
        wake: Callable[[], None],
    ) -> None:
        import sounddevice as sd

        if plan.duplex:
            callback = duplex_callback(inp, out, wake)
            self._add(sd.Stream, plan, (plan.input, plan.output), plan.input_rate, callback)
        else:
            self._add(sd.InputStream, plan, plan.input, plan.input_rate, input_callback(inp, wake))
            self._add(sd.OutputStream, plan, plan.output, plan.output_rate, output_callback(out))
        if plan.monitor:
            self._add(sd.OutputStream, plan, plan.monitor, plan.monitor_rate, output_callback(monitor))

    def _start(self, plan: StreamPlan) -> None:
        import sounddevice as sd

        try:
            for stream in self._streams:
                stream.start()
        except sd.PortAudioError as error:
            devices = (plan.input, plan.output, plan.monitor)
            raise DeviceError(
                f"The audio system would not start {_names(d for d in devices if d)}: {error}. "
                "Close other programs that use it, or choose another device."
            ) from error

    def _add(
        self,
        kind: Any,
        plan: StreamPlan,
        devices: Device | tuple[Device, Device],
        rate: int,
        callback: Callable[..., None],
    ) -> None:
        import sounddevice as sd

        pair = devices if isinstance(devices, tuple) else (devices,)
        outputs = min(2, pair[-1].outputs)
        channels: Any = {sd.Stream: (1, outputs), sd.InputStream: 1, sd.OutputStream: outputs}[kind]
        try:
            stream = kind(
                device=tuple(d.index for d in pair) if len(pair) > 1 else pair[0].index,
                samplerate=rate,
                blocksize=plan.block_frames,
                channels=channels,
                dtype="float32",
                latency="low",
                callback=callback,
                # Dithering and clipping belong to the limiter; PortAudio's would break exact bypass.
                clip_off=True,
                dither_off=True,
                extra_settings=_extra(len(pair)),
            )
        except sd.PortAudioError as error:
            raise DeviceError(
                f"The audio system would not open {_names(pair)} at {rate} Hz: {error}. "
                "Close other programs that use it, or choose another device or sample rate."
            ) from error
        self._streams.append(stream)

    def _reported_latency(self, duplex: bool) -> tuple[float, float]:
        if duplex:
            return tuple(self._streams[0].latency)
        return float(self._streams[0].latency), float(self._streams[1].latency)

    @property
    def active(self) -> bool:
        """Whether every stream still runs."""
        return all(stream.active for stream in self._streams)

    def close(self) -> None:
        """Stops and closes whatever is open."""
        import sounddevice as sd

        for stream in self._streams:
            try:
                stream.abort()
                stream.close()
            except sd.PortAudioError:
                # A device that is already gone cannot be closed; its resources went with it.
                continue
        self._streams.clear()
