"""What the Engine page says, without widgets."""

from __future__ import annotations

import sys

from inference.coreml.certify import Certificate, Row
from inference.engine.telemetry import Telemetry
from inference.runtimes import RuntimeKind, Wish

HEADINGS = ("Network", "Program", "Runs on", "Loads in", "Like torch", "Typical", "1 in 1000", "Verdict")

_NETWORKS = {"hop": "Voice", "pitch": "Pitch"}
_UNITS = {"cpu": "Processor", "gpu": "GPU", "ne": "Neural Engine", "all": "All units"}


def choices(system: str = sys.platform) -> list[tuple[str, object]]:
    """What the user can ask for here: (words, wish)."""
    found: list[tuple[str, object]] = [
        ("Automatic", Wish()),
        ("ONNX Runtime on the processor", Wish(RuntimeKind.ONNX)),
    ]
    if system == "darwin":
        units = [(f"Core ML: {name}", Wish(RuntimeKind.COREML, unit)) for unit, name in _UNITS.items()]
        found += units
    return [*found, ("torch, for comparison (slow)", Wish(RuntimeKind.TORCH))]


def cells(row: Row) -> tuple[str, ...]:
    """One line of the table, as `HEADINGS`."""
    program = "ONNX Runtime" if row.program == "onnx" else f"Core ML {row.program.removesuffix('.mlpackage')}"
    if row.p50_ms == 0.0:
        figures = ("–", "–", "–", "–")
    else:
        times = (f"{row.p50_ms:.2f} ms", f"{row.p999_ms:.2f} ms")
        figures = (f"{row.load_s:.1f} s", f"{row.snr_db:.0f} dB", *times)
    return (_NETWORKS[row.network], program, _UNITS.get(row.unit, row.unit), *figures, verdict(row))


def verdict(row: Row) -> str:
    """Why a row may speak or not, and where its operations are planned."""
    where = ", ".join(f"{count} on {device}" for device, count in sorted(row.placement.items()))
    return row.reason or (f"Accepted: {where}" if where else "Accepted")


def in_use(wish: Wish, certificate: Certificate | None) -> str:
    """What neural voices are given to, in one sentence; what really runs, the worker tells."""
    if wish.runtime is RuntimeKind.TORCH:
        return "Chosen for neural voices: torch, as you asked."
    if certificate is None or wish.runtime is RuntimeKind.ONNX:
        return "Chosen for neural voices: ONNX Runtime, on the processor."
    row = certificate.chosen("hop", wish.unit or None)
    if row.program == "onnx":
        return "Chosen for neural voices: ONNX Runtime, the fastest of those certified here."
    return f"Chosen for neural voices: Core ML, on: {_UNITS[row.unit]}."


def speaking(telemetry: Telemetry) -> str:
    """What the worker runs at this moment, as it tells; empty while it does not run."""
    if not telemetry.running:
        return ""
    if not telemetry.runtime:
        return "The voice that speaks has no network."
    return f"{telemetry.runtime} speaks now."


def running(telemetry: Telemetry) -> str:
    """Times of a hop while the call runs, and how often Core ML gave up."""
    if not telemetry.running:
        return "Times per hop show while the engine runs."
    parts = telemetry.latency
    words = (
        f"A hop takes p99 {parts.compute_p99:.1f} ms, p99.9 {telemetry.compute_p999_ms:.1f} ms of its 10 ms."
    )
    if telemetry.runtime_failures:
        times = "once" if telemetry.runtime_failures == 1 else f"{telemetry.runtime_failures} times"
        words += f" Core ML failed {times}; ONNX Runtime went on in its place."
    return words
