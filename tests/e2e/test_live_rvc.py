"""An RVC voice in a call on a real audio server: as late as told, whole, and its end is the voice before.

The voice is small and its content model one convolution, so that any machine keeps up.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import correlate

from inference.convert import convert_array
from tests.e2e.product import Live, home_env, menura
from tests.e2e.test_live_rig import call_until_well, server
from tests.rig.caller import Caller, mostly_sound
from tests.rig.jack_server import RATE, JackServer
from tests.rig.speech import speech
from tests.rvc.conftest import model_folder, templates
from tests.rvc.spoken import install
from voices.tuning import Tuning

__all__ = ["model_folder", "server", "templates"]

pytestmark = [pytest.mark.jack, pytest.mark.timeout(300)]

_CALL_S, _JUDGED_S = 7.0, 4.0
_AGREEMENT_MS = 12.0
"""Two renderings of a voice agree in their envelope, not in their wave: to about a period of pitch."""


def envelope(x: NDArray[np.float32]) -> NDArray[np.float64]:
    """Loudness of x (n,) at RATE, one value per ms, smoothed over 10 ms; faint parts count."""
    power = np.square(x[: len(x) // 48 * 48].reshape(-1, 48), dtype=np.float64).mean(axis=1)
    smooth = np.convolve(power, np.hanning(12) / 6, "same")
    loud = np.log10(smooth + 1e-6)
    return np.asarray(loud - loud.mean())


def delay_ms(expected: NDArray[np.float32], heard: NDArray[np.float32]) -> float:
    """By how much `heard` follows `expected`."""
    both = correlate(envelope(heard), envelope(expected), method="fft")
    return float(np.argmax(both) - (len(expected) // 48 - 1))


def test_an_rvc_voice_takes_as_long_as_reported_part_by_part(
    server: JackServer,
    tmp_path: Path,
    model_folder: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MENURA_HOME", str(tmp_path))
    voice = install(tmp_path, model_folder("v2-40k"))
    signal = 0.5 * speech(_CALL_S)
    expected = convert_array(signal, RATE, voice, Tuning(match_pitch=False))

    def attempt() -> str:
        with Live(server, tmp_path, "--voice", "Golden", "--gate", "-100", "--no-match-pitch") as live:
            recording = Caller(server).play_and_record(signal, _CALL_S + 1.5)
        report = live.report
        parts = report["latency_ms"]
        judged = slice(-round((_JUDGED_S + 1.5) * RATE), None)
        begin = len(signal) - round(_JUDGED_S * RATE)
        measured = delay_ms(np.pad(expected[begin:], (0, round(1.5 * RATE))), recording.heard[judged])
        assert mostly_sound(recording.heard[RATE:-RATE])
        assert parts["hop"] >= 100 - 10
        assert 60 < parts["lookahead"] < 75
        assert report["runtime"] == "onnx"
        if abs(measured - parts["total"]) > _AGREEMENT_MS:
            return f"measured {measured:.0f} ms, reported {parts}, xruns {report['xruns']}"
        late = report["xruns"]["late_blocks"]
        return f"{late} hops late: {report}" if late > 20 else ""

    call_until_well(attempt)


def test_without_the_content_model_the_command_says_what_to_do(
    tmp_path: Path, server: JackServer, model_folder: Callable[[str], Path]
) -> None:
    install(tmp_path, model_folder("v2-40k"), content=False)
    done = menura("live", "--voice", "Golden", "--seconds", "1", env=home_env(server, tmp_path))
    assert done.returncode == 2
    assert "menura rvc content hubert_base.pt" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
