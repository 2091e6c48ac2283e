"""The process that owns the device streams: one opening, from start to stop.

It runs no converter and no window, so nothing else wants its interpreter lock, and a callback is never
kept waiting (docs/decisions/callbacks.md). When the worker stalls or dies the output ring runs empty and
the callbacks play silence: it fails closed. A fresh process for each opening means a fresh device list,
and a clean way out of an audio system that hangs.
"""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Callable
from contextlib import nullcontext
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Semaphore

from audio import virtual_mic
from audio.devices import Device, DeviceError, choose_rate, find_device
from audio.loan import FILE_NAME, lent
from audio.priority import raise_devices, raise_priority, threads
from audio.streams import Copy, StreamPlan, Streams, Tap
from inference.engine.internal import Loaded, Lost, Opened, StreamInfo
from inference.engine.messages import StreamConfig, StreamsOpened
from inference.engine.shared import SharedBlock
from voices.home import home

_POLL_S = 0.1


def main(shared_name: str, conn: Connection, wake: Semaphore, config: StreamConfig) -> None:
    """Opens the streams, tells so, and keeps them until `conn` closes or they stop by themselves."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    shared = SharedBlock.attach(shared_name)
    raise_priority("callback")
    # JACK's threads come with the library, before any stream.
    before = threads()
    conn.send(Loaded())
    try:
        plan = make_plan(config)
        devices = [device.label for device in (plan.input, plan.output, plan.monitor) if device]
        with lent(devices, home() / FILE_NAME) as opened:
            streams = _open(plan, shared, wake)
            raise_devices(before)
            opened()
            _speak(plan, streams, conn)
    except DeviceError as error:
        conn.send(Lost(str(error)))
        return
    shared.close()


def _speak(plan: StreamPlan, streams: Streams, conn: Connection) -> None:
    """From the open streams to their end."""
    with virtual_mic.removal() if plan.output.name == virtual_mic.DEVICE else nullcontext(_never) as removed:
        conn.send(_describe(plan, streams))
        _mute_libraries()
        # What exists now lives as long as the streams do; collecting it would only delay a callback.
        gc.collect()
        gc.freeze()
        gc.disable()
        _hold(streams, conn, removed)
    streams.close()


def _never() -> bool:
    """Devices that only the audio library can tell of."""
    return False


def _mute_libraries() -> None:
    """Sends stderr nowhere: ALSA writes a line there from its own thread at each underrun, which is I/O."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)


def make_plan(config: StreamConfig) -> StreamPlan:
    """Finds the devices and rates. Raises DeviceError with a sentence for the user."""
    if config.output_device == virtual_mic.DEVICE:
        _make_microphone()
    source = find_device(config.input_device, "input")
    sink = find_device(config.output_device, "output")
    monitor = find_device(config.monitor_device, "output") if config.monitor_device else None
    input_rate, output_rate = _rates(source, sink, config.sample_rate)
    return StreamPlan(
        input=source,
        output=sink,
        monitor=monitor,
        input_rate=input_rate,
        output_rate=output_rate,
        monitor_rate=choose_rate(None, monitor) if monitor else 0,
        block_frames=config.block_frames or 0,
    )


def _make_microphone() -> None:
    """Makes the virtual microphone anew where it went with the sound server. Raises DeviceError."""
    try:
        virtual_mic.create()
    except virtual_mic.VirtualMicError as error:
        raise DeviceError(str(error)) from error


def _rates(source: Device, sink: Device, wanted: int | None) -> tuple[int, int]:
    """One rate for both where they share one; otherwise each device's own."""
    try:
        together = choose_rate(source, sink, wanted)
    except DeviceError:
        if wanted is not None:
            raise
        return choose_rate(source, None), choose_rate(None, sink)
    return together, together


def _open(plan: StreamPlan, shared: SharedBlock, wake: Semaphore) -> Streams:
    shared.reset_streams()
    shared["input_stream"]["rate"], shared["output_stream"]["rate"] = plan.input_rate, plan.output_rate
    return Streams(
        plan,
        Tap(shared.input_ring, shared["input_stream"], shared["armed"], _copy(shared, "input")),
        Tap(shared.output_ring, shared["output_stream"], shared["armed"], _copy(shared, "output")),
        Tap(shared.monitor_ring, shared["monitor_stream"], shared["monitor_armed"]),
        wake.release,
    )


def _copy(shared: SharedBlock, name: str) -> Copy:
    """Where a recording gets what passes."""
    return Copy(shared.record_rings[name], shared["recording"], shared[f"{name}_unrecorded"])


def _describe(plan: StreamPlan, streams: Streams) -> Opened:
    opened = StreamsOpened(
        input_device=plan.input.name,
        output_device=plan.output.name,
        monitor_device=plan.monitor.name if plan.monitor else None,
        sample_rate=plan.output_rate,
        block_frames=plan.block_frames,
        duplex=plan.duplex,
    )
    info = StreamInfo(plan.input_rate, plan.output_rate, plan.monitor_rate, plan.duplex, *streams.latency_s)
    return Opened(opened, info)


def _hold(streams: Streams, conn: Connection, removed: Callable[[], bool]) -> None:
    """Waits until the supervisor closes its end, a stream ends, or the output was `removed`."""
    while True:
        try:
            if conn.poll(_POLL_S):
                conn.recv()
        except (EOFError, OSError):
            return
        if removed():
            conn.send(Lost(f"'{virtual_mic.NAME}' was removed."))
            return
        if not streams.active:
            conn.send(Lost("The audio device stopped; it may have been unplugged."))
            return
