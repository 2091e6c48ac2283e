"""The corpus cache: decoded once, in portions, and exactly what the shards hold."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from training import corpus as module
from training.corpus import RATE, Corpus, CorpusError, bandwidth_hz, build_cache


def tone(hertz: float, seconds: float = 0.5, rate: int = RATE) -> np.ndarray:
    return (0.2 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def write_shard(folder: Path, name: str, clips: dict[str, np.ndarray], rate: int = RATE) -> None:
    """One tar of Opus clips, and their lines at the end of the manifest."""
    folder.mkdir(exist_ok=True)
    with tarfile.open(folder / f"{name}.tar", "w") as tar, open(folder / "manifest.jsonl", "a") as manifest:
        for clip, x in clips.items():
            data = io.BytesIO()
            soundfile.write(data, x, rate, format="OGG", subtype="OPUS")
            info = tarfile.TarInfo(f"some/{clip}.opus")
            info.size = data.tell()
            data.seek(0)
            tar.addfile(info, data)
            entry = {"id": clip, "source": "some", "speaker": None, "split": "train", "license": "CC0-1.0"}
            manifest.write(json.dumps({**entry, "lang": "en", "dur": len(x) / rate}) + "\n")


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    write_shard(tmp_path / "shards", "one", {"a": tone(300), "b": tone(700, 0.8)})
    return tmp_path / "shards"


def test_audio_is_what_the_shard_holds(shards: Path, tmp_path: Path) -> None:
    assert build_cache(shards, tmp_path / "cache", workers=1) == 2
    corpus = Corpus.open(tmp_path / "cache")
    for row, hertz in zip(corpus.rows, (300, 700), strict=True):
        x = corpus.audio(row)
        assert x.dtype == np.float32
        assert len(x) == row.length
        spectrum = np.abs(np.fft.rfft(x * np.hanning(len(x))))
        assert np.argmax(spectrum) * RATE / len(x) == pytest.approx(hertz, abs=3)
        assert np.abs(x).max() == pytest.approx(0.2, rel=0.2)


def test_portions_arrive_one_after_another(shards: Path, tmp_path: Path) -> None:
    build_cache(shards, tmp_path / "cache", workers=1)
    first = Corpus.open(tmp_path / "cache")
    before = first.audio(first.rows[1])
    (shards / "one.tar").unlink()
    write_shard(shards, "two", {"c": tone(500)})
    assert build_cache(shards, tmp_path / "cache", workers=1) == 1
    assert build_cache(shards, tmp_path / "cache", workers=1) == 0
    corpus = Corpus.open(tmp_path / "cache")
    assert [row.id for row in corpus.rows] == ["a", "b", "c"]
    np.testing.assert_array_equal(corpus.audio(corpus.rows[1]), before)
    assert corpus.rows[2].start == corpus.rows[1].start + corpus.rows[1].length


def test_what_an_interrupted_call_left_is_dropped(shards: Path, tmp_path: Path) -> None:
    build_cache(shards, tmp_path / "cache", workers=1)
    with open(tmp_path / "cache" / "audio.i16", "ab") as audio:
        audio.write(b"\x7f\x7f" * 999)
    write_shard(shards, "two", {"c": tone(500)})
    build_cache(shards, tmp_path / "cache", workers=1)
    corpus = Corpus.open(tmp_path / "cache")
    assert np.abs(corpus.audio(corpus.rows[2])).max() < 0.3


def test_a_stretch_of_a_clip_stays_inside_it(shards: Path, tmp_path: Path) -> None:
    build_cache(shards, tmp_path / "cache", workers=1)
    corpus = Corpus.open(tmp_path / "cache")
    row = corpus.rows[0]
    whole = corpus.audio(row)
    np.testing.assert_array_equal(corpus.audio(row, 100, 50), whole[100:150])
    np.testing.assert_array_equal(corpus.audio(row, row.length - 10, 50), whole[-10:])


def test_another_rate_is_refused(tmp_path: Path) -> None:
    write_shard(tmp_path / "shards", "one", {"a": tone(300, rate=48_000)}, rate=48_000)
    with pytest.raises(CorpusError, match="48000 Hz"):
        build_cache(tmp_path / "shards", tmp_path / "cache", workers=1)


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"manifest\.jsonl"):
        build_cache(tmp_path, tmp_path / "cache", workers=1)
    with pytest.raises(CorpusError, match=r"training\.corpus"):
        Corpus.open(tmp_path / "nothing")


def test_held_out_clips_leave_the_training_split(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held_out = tmp_path / "held_out.json"
    held_out.write_text(json.dumps({"b": "somebody"}))
    monkeypatch.setattr(module, "HELD_OUT", held_out)
    build_cache(shards, tmp_path / "cache", workers=1)
    corpus = Corpus.open(tmp_path / "cache")
    assert [row.id for row in corpus.select("train")] == ["a"]
    assert [(row.id, row.speaker) for row in corpus.select("held_out")] == [("b", "somebody")]


@pytest.mark.parametrize("cutoff", [2000, 4000, 8000])
def test_bandwidth_finds_where_sound_ends(cutoff: int) -> None:
    rng = np.random.default_rng(0)
    spectrum = np.fft.rfft(rng.standard_normal(RATE))
    spectrum[cutoff:] = 0
    x = np.fft.irfft(spectrum).astype(np.float32)
    assert bandwidth_hz(x) == pytest.approx(cutoff, abs=250)


def test_held_out_list_names_five_people() -> None:
    assert len(set(json.loads(module.HELD_OUT.read_text()).values())) == 5
