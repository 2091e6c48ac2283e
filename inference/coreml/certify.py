"""Self-certification: a unit may speak only after it has spoken the fixture, right and in time."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from inference.coreml.fixture import Fixture, snr_db
from inference.neural.converter import frequency_warp
from inference.neural.runtime import Array, Runtime
from voices.files import write_text
from voices.home import home

FORMAT = 1
"""Version of the stored certificate."""

MIN_SNR_DB = 20.0
"""Half precision reaches 45 dB or more (docs/coreml.md); a broken kernel ends near 0."""

MAX_P999_MS = 5.0
"""Half a hop: the rest belongs to resampling, the gate and the system."""

TIMED_HOPS = 1200

ONNX = "onnx"
"""The candidate that always is allowed."""


@dataclass(frozen=True)
class Key:
    """What a certificate is for: another machine, system, network or program needs another one."""

    machine: str
    system: str
    model: str
    programs: str = ""


@dataclass(frozen=True)
class Row:
    """What one candidate reached. `network` is hop or pitch, `program` a file or 'onnx', `unit` what ran it.

    `placement`: operations by device, where the system tells. `reason` says why it was not accepted.
    """

    network: str
    program: str
    unit: str
    load_s: float = 0.0
    snr_db: float = 0.0
    p50_ms: float = 0.0
    p999_ms: float = 0.0
    accepted: bool = False
    reason: str = ""
    placement: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Certificate:
    """All rows, and which were chosen: (network -> (program, unit))."""

    key: Key
    rows: tuple[Row, ...]

    def chosen(self, network: str, unit: str | None = None) -> Row:
        """The fastest accepted row of a network; of those on `unit` where one was accepted there."""
        rows = [row for row in self.rows if row.network == network and row.accepted]
        forced = [row for row in rows if row.unit == unit]
        return min(forced or rows, key=lambda row: row.p50_ms)


@dataclass(frozen=True)
class Candidate:
    """Something to try: `open` loads it into a Runtime and may raise; `placement` may be unknown."""

    network: str
    program: str
    unit: str
    open: Callable[[], Runtime]
    placement: Callable[[], dict[str, int]] = dict


def certify(
    candidates: Sequence[Candidate], fixture: Fixture, key: Key, hops: int = TIMED_HOPS
) -> Certificate:
    """Tries every candidate on the fixture; raises nothing that a candidate raises.

    ONNX Runtime is accepted whatever its time: it is what speaks when nothing else may.
    """
    return Certificate(key, tuple(try_candidate(candidate, fixture, hops) for candidate in candidates))


def try_candidate(candidate: Candidate, fixture: Fixture, hops: int) -> Row:
    """One row of the table."""
    begun = time.perf_counter()
    facts: dict[str, Any] = {
        "network": candidate.network,
        "program": candidate.program,
        "unit": candidate.unit,
    }
    try:
        runtime = candidate.open()
        facts["load_s"] = time.perf_counter() - begun
        found, times = _run(candidate.network, runtime, fixture, hops)
        if runtime.failures:
            raise RuntimeError(getattr(runtime, "reason", "it failed"))
        facts["placement"] = _quiet(candidate.placement)
    except Exception as error:  # noqa: BLE001 - a platform raises what it likes; the row says it
        return Row(**facts, reason=f"{type(error).__name__}: {error}")
    facts["snr_db"] = _parity(candidate.network, found, fixture)
    facts["p50_ms"], facts["p999_ms"] = (1e3 * float(q) for q in np.quantile(times, (0.5, 0.999)))
    facts["reason"] = _objection(facts) if candidate.program != ONNX else ""
    return Row(**facts, accepted=not facts["reason"])


def _objection(facts: dict[str, Any]) -> str:
    if not facts["snr_db"] >= MIN_SNR_DB:
        return f"differs too much: {facts['snr_db']:.1f} dB, {MIN_SNR_DB:.0f} needed"
    if not facts["p999_ms"] <= MAX_P999_MS:
        return f"too slow: p99.9 {facts['p999_ms']:.1f} ms, {MAX_P999_MS:.0f} allowed"
    return ""


def _run(network: str, runtime: Runtime, fixture: Fixture, hops: int) -> tuple[Array, list[float]]:
    """What came of the fixture, and the seconds each of `hops` hops took of what is being certified."""
    stream, warp = runtime.stream(), frequency_warp(0.0)
    length, found, times = len(fixture.audio), [], []
    for hop in range(max(hops, length)):
        at = hop % length
        begun = time.perf_counter()
        result = stream.listen(fixture.audio[at][None])[0, 0, :2].copy()
        if network == "hop":
            prosody, source = fixture.prosody[at][None, None], fixture.source[at][None]
            begun = time.perf_counter()
            result = stream.speak(prosody, source, fixture.style, warp)[0].copy()
        times.append(time.perf_counter() - begun)
        if hop < length:
            found.append(result)
    return np.stack(found), times


def _parity(network: str, found: Array, fixture: Fixture) -> float:
    """SNR in dB of the waveform; of pitch the worse of F0, where there is voice, and voicing."""
    if network != "pitch":
        return snr_db(fixture.spoken, found)
    voiced = fixture.melody[:, 1] > 0.5
    return min(snr_db(fixture.melody[voiced, 0], found[voiced, 0]), snr_db(fixture.melody[:, 1], found[:, 1]))


def _quiet(ask: Callable[[], dict[str, int]]) -> dict[str, int]:
    try:
        return ask()
    except Exception:  # noqa: BLE001 - older systems do not tell; the row is as good without
        return {}


def certificate_path() -> Path:
    """Where the certificate is remembered."""
    return home() / "coreml-certificate.json"


def remember(certificate: Certificate) -> None:
    """Writes the certificate, whole or not at all."""
    about = {"format": FORMAT, "key": asdict(certificate.key), "rows": [asdict(r) for r in certificate.rows]}
    write_text(certificate_path(), json.dumps(about, indent=1) + "\n")


def recall(key: Key | None = None) -> Certificate | None:
    """The certificate remembered; None where there is none for `key` (any key if None) or it is broken."""
    try:
        about = json.loads(certificate_path().read_text())
        if about["format"] != FORMAT:
            return None
        found = Certificate(Key(**about["key"]), tuple(Row(**row) for row in about["rows"]))
        complete = all(math.isfinite(row.p50_ms + row.snr_db) for row in found.rows)
        known = all(any(r.network == n and r.accepted for r in found.rows) for n in ("hop", "pitch"))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if complete and known and key in (None, found.key) else None


def table(certificate: Certificate) -> list[str]:
    """The rows as lines of text, the chosen ones marked."""
    head = f"  {'network':<8}{'program':<26}{'unit':<6}"
    head += f"{'load s':>8}{'SNR dB':>8}{'p50 ms':>8}{'p99.9':>8}  note"
    chosen = [certificate.chosen(network) for network in ("hop", "pitch")]
    return [head, *(_line(row, row in chosen) for row in certificate.rows)]


def _line(row: Row, chosen: bool) -> str:
    where = ", ".join(f"{count} {device}" for device, count in sorted(row.placement.items()))
    figures = f"{row.load_s:8.1f}{row.snr_db:8.1f}{row.p50_ms:8.2f}{row.p999_ms:8.2f}"
    names = f"{row.network:<8}{row.program:<26}{row.unit:<6}"
    return f"{'* ' if chosen else '  '}{names}{figures}  {row.reason or where or 'accepted'}"
