"""`menura latency`: where the time goes from microphone to call, on the devices of this machine."""

from __future__ import annotations

from audio.devices import Device, choose_rate, find_device
from audio.loopback import LoopbackResult, measure_loopback
from inference.engine.latency import LatencyBudget
from inference.engine.live import LiveReport, LiveSession
from inference.engine.messages import EngineParams, Mode, StreamConfig
from voices.builtin import builtin_voices
from voices.home import engine_lock

_RUN_S = 3.0
_AGREE_MS = 2.0
"""The audio system's word for its delay is taken as true within this."""


def measure_parts(input_device: str | None, output_device: str | None) -> list[str]:
    """Measures the device loop, then the engine on the same devices; returns the lines of a report.

    Needs a path from the output back to the input (a cable, a virtual one, or loudspeaker to
    microphone) and takes about 10 s. The engine runs muted, so that the loop cannot feed back. Raises
    DeviceError, LoopbackError, LiveError, and AlreadyRunningError while another engine runs.
    """
    source, sink = find_device(input_device, "input"), find_device(output_device, "output")
    lock = engine_lock()
    try:
        rate = choose_rate(source, sink)
        loop = measure_loopback(source, sink, rate)
        report = _run_muted(source, sink, rate)
    finally:
        lock.release()
    heading = f"{source.name} -> {sink.name} at {rate} Hz"
    return [heading, *describe_loop(loop), "", *table(loop, report.telemetry.latency, report.voice)]


def _run_muted(source: Device, sink: Device, rate: int) -> LiveReport:
    config = StreamConfig(source.name, sink.name, sample_rate=rate)
    session = LiveSession(config, builtin_voices()[0], EngineParams(mode=Mode.MUTE), lambda _: None)
    return session.run(_RUN_S, bypass=False)


def describe_loop(loop: LoopbackResult) -> list[str]:
    """The measurement in words, and whether what the audio system reports can be believed."""
    lines = [
        f"Device loop: {loop.delay_ms:.2f} ms measured, {loop.reported_ms:.2f} ms reported by the audio "
        f"system ({loop.found} bursts, spread {loop.spread_ms:.2f} ms, {loop.snr_db:.0f} dB over the noise)."
    ]
    hidden = loop.delay_ms - loop.reported_ms
    if abs(hidden) > _AGREE_MS:
        more = "more" if hidden > 0 else "less"
        lines.append(
            f"The devices really take {abs(hidden):.1f} ms {more} than reported; `menura live` and the "
            "studio show the reported figure, this table the measured one."
        )
    if loop.xruns:
        lines.append(f"{loop.xruns} callbacks lost samples meanwhile; close other programs and repeat.")
    return lines


def table(loop: LoopbackResult, parts: LatencyBudget, voice: str) -> list[str]:
    """One line a part, in ms: the devices as measured by `loop`, the rest as the engine runs `voice`."""
    devices = parts.device_in + parts.device_out
    rows = [
        ("device in + out", loop.delay_ms, "measured through the loop"),
        ("ring", parts.ring_in, "waiting for a device block, and for the other clock"),
        ("hop", parts.hop, "filling one step of the converter"),
        ("look-ahead", parts.lookahead, f"resamplers, voice '{voice}', limiter"),
        ("compute p99", parts.compute_p99, f"p50 {parts.compute_p50:.2f} ms"),
        ("margin", parts.margin, "kept against late computing"),
        ("total", parts.total - devices + loop.delay_ms, f"{parts.total:.1f} ms by the reported devices"),
    ]
    return [f"{name:<16}{ms:8.2f} ms   {note}" for name, ms, note in rows]
