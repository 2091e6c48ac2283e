"""Sound files: what is written comes back, and every problem is one sentence."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
import soundfile

from audio import files
from audio.files import AudioFileError, check_writable, read_audio, read_mono, write_audio


def noise(frames: int = 1000, channels: int = 1) -> np.ndarray:
    return np.random.default_rng(0).uniform(-0.5, 0.5, (frames, channels)).astype(np.float32)


@pytest.mark.parametrize("rate", [8000, 11_025, 44_100, 192_000])
@pytest.mark.parametrize("channels", [1, 2, 8])
@pytest.mark.parametrize(("suffix", "tolerance"), [(".wav", 0), (".WAV", 0), (".flac", 2e-7), (".aif", 2e-7)])
def test_round_trip(tmp_path: Path, rate: int, channels: int, suffix: str, tolerance: float) -> None:
    path = tmp_path / f"voice{suffix}"
    x = noise(500, channels)
    write_audio(path, x, rate)
    clip = read_audio(path)
    assert clip.rate == rate
    np.testing.assert_allclose(clip.samples, x, atol=tolerance)
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("name", ["a.ogg", "a.mp3", "a.opus"])
def test_lossy_formats_and_long_files(tmp_path: Path, name: str) -> None:
    write_audio(tmp_path / name, np.zeros(60 * 48_000, np.float32), 48_000)
    clip = read_audio(tmp_path / name)
    assert clip.rate == 48_000
    assert clip.seconds == pytest.approx(60, abs=0.1)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "FLOAT", "DOUBLE", "ULAW"])
def test_any_sample_format_reads_as_float(tmp_path: Path, subtype: str) -> None:
    x = noise(400, 8)
    soundfile.write(tmp_path / "x.wav", x, 22_050, subtype=subtype)
    mono, rate = read_mono(tmp_path / "x.wav")
    assert (mono.dtype, mono.shape, rate) == (np.float32, (400,), 22_050)
    np.testing.assert_allclose(mono, x.mean(axis=1), atol=0.02)


def test_bad_samples_are_cleaned_and_counted(tmp_path: Path) -> None:
    x = noise(100)
    x[[3, 50, 99]] = [[np.nan], [np.inf], [-np.inf]]
    soundfile.write(tmp_path / "x.wav", x, 48_000, subtype="FLOAT")
    clip = read_audio(tmp_path / "x.wav")
    assert clip.cleaned == 3
    assert np.isfinite(clip.samples).all()
    write_audio(tmp_path / "y.wav", x, 48_000)
    assert read_audio(tmp_path / "y.wav").cleaned == 0


def _wav(path: Path, x: np.ndarray) -> None:
    soundfile.write(path, x, 48_000, subtype="FLOAT", format="WAV")


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: None, "does not exist"),
        (lambda path: path.mkdir(), "is a folder"),
        (lambda path: os.mkfifo(path), "not an ordinary file"),
        (lambda path: path.write_bytes(b""), "zero bytes"),
        (lambda path: path.write_text("not a sound at all" * 50), "not a sound file"),
        (lambda path: path.write_bytes(b"RIFF\x24\x00\x00\x00WAVEfmt "), "not a sound file|zero samples"),
        (lambda path: _wav(path, np.zeros((0, 1), np.float32)), "zero samples"),
        (lambda path: _wav(path, np.full((10, 2), np.nan, np.float32)), "every sample is NaN"),
    ],
)
def test_unreadable_files_say_why_in_one_sentence(tmp_path: Path, make, says: str) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "input.wav"
    make(path)
    with pytest.raises(AudioFileError, match=says) as caught:
        read_audio(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_forbidden_file_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.wav"
    write_audio(path, noise(), 48_000)

    def refuse(*_args: object, **_kwargs: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(AudioFileError, match="may not be read"):
        read_audio(path)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("missing/x.wav", "folder .*missing does not exist"),
        ("x.xyz", "no known sound format"),
        ("x", "no known sound format"),
        ("x.raw", "no known sound format"),
        ("folder.wav", "is a folder"),
    ],
)
@pytest.mark.parametrize("act", [check_writable, lambda path: write_audio(path, noise(), 48_000)])
def test_unwritable_places_say_why(tmp_path: Path, name: str, says: str, act) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "folder.wav").mkdir()
    with pytest.raises(AudioFileError, match=says):
        act(tmp_path / name)
    assert os.listdir(tmp_path) == ["folder.wav"]


@pytest.mark.parametrize(
    ("number", "says"), [(13, "may not be written"), (30, "may not be written"), (28, "disk is full")]
)
def test_read_only_folder_and_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, says: str
) -> None:
    def refuse(*_args: object, **_kwargs: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(files.tempfile, "mkstemp", refuse)  # root may write anywhere
    with pytest.raises(AudioFileError, match=says):
        write_audio(tmp_path / "x.wav", noise(), 48_000)


def test_a_failed_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.wav"
    write_audio(path, noise(), 48_000)
    before = path.read_bytes()

    def fail(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", fail)
    with pytest.raises(AudioFileError, match="disk is full"):
        write_audio(path, noise(5), 48_000)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["x.wav"]


@pytest.mark.parametrize(
    ("name", "channels", "rate"),
    [
        ("x.mp3", 8, 48_000),
        ("x.ogg", 1, 384_000),
        ("x.ogg", 1, 0),
        ("x.opus", 2, 44_100),
        ("x.flac", 1, 2_000_000),
    ],
)
def test_a_format_that_cannot_hold_it_says_so(tmp_path: Path, name: str, channels: int, rate: int) -> None:
    with pytest.raises(
        AudioFileError, match=rf"{name[1:]} file cannot hold {channels} channels? at {rate} Hz; choose"
    ):
        write_audio(tmp_path / name, noise(100, channels), rate)
    assert os.listdir(tmp_path) == []


def test_a_write_protected_file_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.wav"
    write_audio(path, noise(), 48_000)
    monkeypatch.setattr(files.os, "access", lambda *_: False)  # root may write anything
    with pytest.raises(AudioFileError, match="write-protected"):
        check_writable(path)


def test_new_files_get_ordinary_permissions(tmp_path: Path) -> None:
    write_audio(tmp_path / "x.wav", noise(), 48_000)
    (tmp_path / "plain").touch()
    assert (tmp_path / "x.wav").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("told", [0, 1 << 33, 1 << 35], ids=["not at all", "two days", "nine days"])
def test_the_length_in_a_header_is_only_a_hint(tmp_path: Path, told: int) -> None:
    """A FLAC file that was written into a pipe says 0; a stranger's may say anything."""
    path, x = tmp_path / "x.flac", np.random.default_rng(0).uniform(-0.5, 0.5, 60_000)
    soundfile.write(path, x, 48_000, subtype="PCM_16")
    content = bytearray(path.read_bytes())
    packed = int.from_bytes(content[18:26], "big")
    content[18:26] = (packed >> 36 << 36 | told).to_bytes(8, "big")
    path.write_bytes(content)
    samples, rate = read_mono(path)
    assert rate == 48_000
    np.testing.assert_allclose(samples, x, atol=1e-4)
    assert len(read_mono(path, 0.5)[0]) == 24_000


@pytest.mark.parametrize("suffix", ["flac", "mp3", "ogg", "wav"])
def test_pieces_of_a_file_are_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
    x = np.random.default_rng(0).uniform(-0.3, 0.3, (30_000, 2))
    soundfile.write(tmp_path / f"x.{suffix}", x, 48_000)
    whole = read_audio(tmp_path / f"x.{suffix}").samples
    monkeypatch.setattr(files, "_FRAMES_PER_READ", 999)
    np.testing.assert_allclose(read_audio(tmp_path / f"x.{suffix}").samples, whole, atol=1e-6)
    np.testing.assert_allclose(read_mono(tmp_path / f"x.{suffix}")[0], whole.mean(axis=1), atol=1e-6)


def test_what_unpacks_to_more_than_the_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "silence.flac"
    soundfile.write(path, np.zeros(8 << 20), 48_000, subtype="PCM_16")
    assert path.stat().st_size < 100_000
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=16 << 20))
    with pytest.raises(AudioFileError, match="too long to fit into memory"):
        read_audio(path)
    assert len(read_mono(path, 10.0)[0]) == 480_000


@pytest.mark.parametrize("rate", [1, 999, (1 << 31) - 1])
def test_a_rate_that_no_sound_has_is_refused(tmp_path: Path, rate: int) -> None:
    """A hundred kilobytes that say 1 Hz are a day of sound, once they are resampled."""
    soundfile.write(tmp_path / "x.wav", noise(), rate)
    with pytest.raises(AudioFileError, match=f"{rate} samples a second"):
        read_audio(tmp_path / "x.wav")
