"""What to send with a report of trouble: the last seconds of both ends, the timings, the journal.

Made only when the user asks; it holds their voice.
"""

from __future__ import annotations

import io
import json
import platform
import zipfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import soundfile

from inference.converter import MODEL_RATE
from inference.engine.telemetry import Scope, Telemetry
from voices.files import write_bytes

SECONDS = 30
"""How far back it goes."""


def write_black_box(path: Path, signal: Scope, telemetry: Telemetry, journal: Sequence[str]) -> None:
    """Writes a zip archive: `microphone.flac`, `call.flac`, `engine.json`, `journal.txt`. Raises FileError.

    The signals are at `MODEL_RATE`, as heard and as spoken, the latency of `engine.json` not removed.
    """
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, samples in (("microphone", signal.input), ("call", signal.output)):
            sound = io.BytesIO()
            soundfile.write(sound, samples, MODEL_RATE, format="FLAC")
            archive.writestr(f"{name}.flac", sound.getvalue(), zipfile.ZIP_STORED)
        facts = {
            "system": platform.platform(),
            "python": platform.python_version(),
            "telemetry": asdict(telemetry),
            "latency_ms": telemetry.latency.as_dict(),
        }
        archive.writestr("engine.json", json.dumps(facts, indent=2))
        archive.writestr("journal.txt", "\n".join(journal) + "\n")
    write_bytes(path, packed.getvalue())
