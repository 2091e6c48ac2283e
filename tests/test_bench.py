"""The bench: figures that make sense, JSON that is JSON, and a reason where nothing was measured."""

from __future__ import annotations

import json
import os
import sys
import time

import numpy as np
import pytest

from inference import bench
from inference.sample import bundled_speech
from voices.builtin import builtin_voices, find_voice
from voices.home import engine_lock
from voices.voice import Voice, VoiceKind

ODD = Voice("odd", "Odd", "No embedding.", VoiceKind.NEURAL)


def test_the_speech_is_there() -> None:
    speech = bundled_speech(48_000)
    assert len(speech) == pytest.approx(5.9 * 48_000, rel=0.01)
    assert 0.1 < np.abs(speech).max() <= 1.0


def test_a_voice_is_timed_per_hop() -> None:
    row = bench.measure_voice(find_voice("deep"), bundled_speech(48_000), hops=60)
    assert row["hops"] == 60
    assert 0 < row["p50_ms"] <= row["p99_ms"] <= row["p999_ms"] <= row["max_ms"]
    assert row["real_time_factor"] * 10.0 <= row["max_ms"]
    assert (row["voice"], row["kind"], row["hop_ms"]) == ("deep", "model-free", 10.0)


def test_a_voice_that_cannot_be_made_has_a_reason() -> None:
    row = bench.measure_voice(ODD, bundled_speech(48_000), hops=10)
    assert row["real_time_factor"].startswith("not measured: ")


@pytest.mark.parametrize("variable", [False, True])
def test_resampling_is_timed(variable: bool) -> None:
    row = bench.measure_resampling(44_100, variable)
    assert row["ms_per_hop"] > 0
    assert "44100" in row["path"]


def test_a_process_is_timed() -> None:
    begun = time.perf_counter()
    took = bench.time_process((sys.executable, "-c", "pass"), 3, dict(os.environ))
    assert 0 < took < 1e3 * (time.perf_counter() - begun)


def test_a_process_that_fails_has_its_last_words_as_the_reason() -> None:
    code = "import sys; sys.exit('no screen here')"
    assert (
        bench.time_process((sys.executable, "-c", code), 3, dict(os.environ))
        == "not measured: no screen here"
    )


def test_an_engine_that_is_in_use_is_left_alone(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("MENURA_HOME", str(tmp_path))
    lock = engine_lock()
    try:
        figures = bench.measure_engine(find_voice("deep"))
    finally:
        lock.release()
    assert len(figures) == 2
    assert all("already running" in value for value in figures.values())


def test_the_whole_is_one_table_and_json(monkeypatch) -> None:
    monkeypatch.setattr(bench, "measure_voice", _short)
    monkeypatch.setattr(bench, "builtin_voices", lambda: (*builtin_voices(), ODD))
    monkeypatch.setattr(bench, "time_process", lambda *_: 123.0)
    monkeypatch.setattr(bench, "measure_engine", lambda _: {"start to first block, ms": "not measured: why"})
    lines: list[str] = []
    figures = bench.run_bench(lines.append)
    assert json.loads(json.dumps(figures)) == figures
    assert sorted(row["kind"] for row in figures["voices"]) == ["model-free", "neural"]
    assert figures["machine"]["cores"] == os.cpu_count()
    assert figures["start_up"]["menura --help"] == 123.0
    assert any(line.startswith("model-free (deep)") for line in lines)
    assert any("not measured: why" in line for line in lines)


def _short(voice: Voice, speech: np.ndarray) -> dict[str, object]:
    if voice is ODD:
        return {"voice": "odd", "kind": "neural", "real_time_factor": "not measured: why"}
    keys = ("real_time_factor", "p50_ms", "p99_ms", "p999_ms", "max_ms")
    return {"voice": voice.id, "kind": voice.kind.value, **dict.fromkeys(keys, 1.0)}
