"""Sound files in and out through libsndfile: any rate, any channels, one sentence per problem."""

from __future__ import annotations

import errno
import math
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

_SUBTYPES = {
    "WAV": "FLOAT",
    "W64": "FLOAT",
    "RF64": "FLOAT",
    "CAF": "FLOAT",
    "AU": "FLOAT",
    "FLAC": "PCM_24",
    "AIFF": "PCM_24",
}
"""Where libsndfile's default would be 16 bits and the format can do better."""


_CONTAINERS = {"AIF": "AIFF", "OPUS": "OGG", "OGA": "OGG", "WAVE": "WAV"}
"""Suffixes that libsndfile names otherwise."""

_RATES = (1_000, 3_072_000)
"""What is slower than any telephone or faster than any studio is a damaged header, or a trap: a second of
24 kHz in each of its samples."""

_HIGHEST_VORBIS_RATE = 200_000
_FRAMES_PER_READ = 1 << 20
_FRAMES_PER_WRITE = 16_384
"""libsndfile's Vorbis and Opus encoders keep a whole write on the stack: a minute at once crashes them."""


class AudioFileError(ValueError):
    """A sound file that cannot be read or written; the message is one sentence for the user."""


@dataclass(frozen=True)
class AudioClip:
    """A decoded file. `samples`: (frames, channels) float32; `rate` in Hz.

    `cleaned` counts samples that were NaN or infinite in the file and are 0 here.
    """

    samples: Samples
    rate: int
    cleaned: int = 0

    @property
    def mono(self) -> Samples:
        """The mean of all channels: (frames,)."""
        return np.ascontiguousarray(self.samples.mean(axis=1, dtype=np.float32))

    @property
    def seconds(self) -> float:
        """Duration."""
        return len(self.samples) / self.rate


def read_audio(path: str | Path) -> AudioClip:
    """Returns the whole file, at its own rate. Raises AudioFileError."""
    return _read(Path(path), lambda block: block, math.inf)


def read_mono(path: str | Path, longest_s: float = math.inf) -> tuple[Samples, int]:
    """Returns the mean of all channels: (frames,) float32, and the rate in Hz. Raises AudioFileError.

    Of a file longer than `longest_s` only so many seconds are read.
    """
    clip = _read(Path(path), _mixed, longest_s)
    return clip.samples[:, 0], clip.rate


def _mixed(block: Samples) -> Samples:
    """(n, channels) -> (n, 1)."""
    return block.mean(axis=1, dtype=np.float32, keepdims=True)


def _read(path: Path, kept: Callable[[Samples], Samples], longest_s: float) -> AudioClip:
    """The file with `kept` of each block of it, (n, channels) without NaN -> (n, m)."""
    import soundfile

    _check_readable(path)
    try:
        with soundfile.SoundFile(path) as file:
            # Else each read ends with a step to where it is, which fails where the length is not known.
            file.seekable = lambda: False
            rate = file.samplerate
            if not _RATES[0] <= rate <= _RATES[1]:
                raise AudioFileError(f"{path} says that it has {rate} samples a second; choose another file.")
            cleaned, samples = _decode(file, kept, min(file.frames, longest_s * rate))
    except (soundfile.LibsndfileError, OSError, TypeError) as error:
        raise AudioFileError(
            f"{path} is not a sound file this program can read; convert it to WAV or FLAC first."
        ) from error
    except MemoryError as error:
        raise AudioFileError(f"{path} is too long to fit into memory; cut it into shorter files.") from error
    if samples.size == 0:
        raise AudioFileError(f"{path} holds no sound (zero samples); choose another file.")
    if cleaned == len(samples) * file.channels:
        raise AudioFileError(f"{path} holds no sound (every sample is NaN or infinite); choose another file.")
    return AudioClip(samples, int(rate), cleaned)


def _decode(file: Any, kept: Callable[[Samples], Samples], most: float) -> tuple[int, Samples]:
    """How many samples were no numbers, and the first `most` frames: (frames, m).

    What a header says of the length is no more than a hint: streams have none, and a few bytes can promise
    days. Raises MemoryError where it comes to more than half of the memory that is free.
    """
    import psutil

    room = psutil.virtual_memory().available
    parts: list[Samples] = []
    frames = cleaned = held = 0
    while frames < most:
        block = file.read(int(min(_FRAMES_PER_READ, most - frames)), dtype="float32", always_2d=True)
        if not len(block):
            break
        bad = ~np.isfinite(block)
        cleaned += int(np.count_nonzero(bad))
        block[bad] = 0.0
        parts.append(kept(block))
        frames += len(block)
        held += parts[-1].nbytes
        if 2 * held > room:  # once in parts, once joined
            raise MemoryError
    return cleaned, np.concatenate(parts) if parts else np.zeros((0, 1), np.float32)


def check_writable(path: str | Path) -> None:
    """Raises the AudioFileError that `write_audio` would, before hours of work: suffix and folder."""
    path = Path(path)
    _format_of(path)
    if path.is_dir():
        raise AudioFileError(f"{path} is a folder; name a file to write to.")
    if path.exists() and not os.access(path, os.W_OK):
        raise AudioFileError(f"{path} is write-protected; choose another name.")
    folder = path.parent
    if not folder.is_dir():
        raise AudioFileError(f"The folder {folder} does not exist; create it or choose another one.")
    try:
        descriptor, probe = tempfile.mkstemp(prefix=".menura-", dir=folder)
    except OSError as error:
        raise _write_error(path, error) from error
    os.close(descriptor)
    os.unlink(probe)


def write_audio(path: str | Path, samples: Samples, rate: int) -> None:
    """Writes `samples`: (frames,) or (frames, channels) at `rate` Hz, in the format of the suffix.

    The file appears whole or not at all: what was there before stays until the new one is on the disk.
    NaN and infinity are written as 0. Raises AudioFileError.
    """
    import soundfile

    path = Path(path)
    container, subtype = _format_of(path)
    check_writable(path)
    if container == "OGG" and not 0 < rate <= _HIGHEST_VORBIS_RATE:
        raise _refusal(path, samples, rate)  # libvorbis crashes
    samples = np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
    descriptor, name = tempfile.mkstemp(prefix=".menura-", suffix=path.suffix, dir=path.parent)
    os.close(descriptor)
    try:
        _encode(name, samples, rate, container, subtype)
        _make_permanent(Path(name), path)
    except soundfile.LibsndfileError as error:
        raise _refusal(path, samples, rate) from error
    except OSError as error:
        raise _write_error(path, error) from error
    finally:
        Path(name).unlink(missing_ok=True)


class AudioWriter:
    """Writes a mono file in pieces, for what is too long for memory; it appears at the end, or not at all.

    >>> with AudioWriter(path, 48_000) as writer:
    ...     writer.write(samples)          # (n,) float32, finite

    Raises AudioFileError from any of its calls.
    """

    def __init__(self, path: Path, rate: int) -> None:
        import soundfile

        container, subtype = _format_of(path)
        check_writable(path)
        descriptor, name = tempfile.mkstemp(prefix=".menura-", suffix=path.suffix, dir=path.parent)
        os.close(descriptor)
        self._path, self._temporary = path, Path(name)
        self._file = soundfile.SoundFile(name, "w", rate, 1, subtype, format=container)

    def write(self, samples: Samples) -> None:
        """Appends (n,) float32."""
        import soundfile

        try:
            for start in range(0, len(samples), _FRAMES_PER_WRITE):
                self._file.write(samples[start : start + _FRAMES_PER_WRITE])
        except soundfile.LibsndfileError as error:
            raise _refusal(self._path, samples, self._file.samplerate) from error

    def __enter__(self) -> AudioWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            self._file.close()
            if kind is None:
                _make_permanent(self._temporary, self._path)
        except OSError as error:
            raise _write_error(self._path, error) from error
        finally:
            self._temporary.unlink(missing_ok=True)


def _check_readable(path: Path) -> None:
    if path.is_dir():
        raise AudioFileError(f"{path} is a folder; name a sound file.")
    if path.exists() and not path.is_file():  # opening a pipe would wait for its other end
        raise AudioFileError(f"{path} is not an ordinary file; name a sound file.")
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except FileNotFoundError as error:
        raise AudioFileError(f"{path} does not exist; check the name and the folder.") from error
    except PermissionError as error:
        raise AudioFileError(f"{path} may not be read; ask its owner for permission.") from error
    except OSError as error:
        raise AudioFileError(f"{path} cannot be read: {error.strerror}.") from error
    if empty:
        raise AudioFileError(f"{path} is empty (zero bytes); choose another file.")


def _format_of(path: Path) -> tuple[str, str | None]:
    """Returns libsndfile's names of the container and the sample format (None: its default)."""
    import soundfile

    suffix = path.suffix[1:].upper()
    container = _CONTAINERS.get(suffix, suffix)
    if container not in soundfile.available_formats() or container == "RAW":
        raise AudioFileError(f"{path.name} has no known sound format; end its name with .wav, .flac or .ogg.")
    return container, "OPUS" if suffix == "OPUS" else _SUBTYPES.get(container)


def _make_permanent(written: Path, path: Path) -> None:
    """Gives the finished temporary file its name, after its bytes have reached the disk."""
    with written.open("rb+") as file:
        os.fsync(file.fileno())
    mask = os.umask(0)
    os.umask(mask)
    written.chmod(path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~mask)
    os.replace(written, path)


def _encode(name: str, samples: Samples, rate: int, container: str, subtype: str | None) -> None:
    import soundfile

    channels = 1 if samples.ndim == 1 else samples.shape[1]
    with soundfile.SoundFile(name, "w", rate, channels, subtype, format=container) as file:
        for start in range(0, len(samples), _FRAMES_PER_WRITE):
            file.write(samples[start : start + _FRAMES_PER_WRITE])


def _refusal(path: Path, samples: Samples, rate: int) -> AudioFileError:
    """Returns what to tell when libsndfile gave up: a full disk, or a format that cannot hold this."""
    if shutil.disk_usage(path.parent).free < samples.nbytes:
        return AudioFileError(f"The disk is full: {path} was not written; make room and try again.")
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    return AudioFileError(
        f"A {path.suffix} file cannot hold {channels} channel{'s' * (channels > 1)} at {rate} Hz; "
        "choose another format or rate."
    )


def _write_error(path: Path, error: OSError) -> AudioFileError:
    if error.errno == errno.ENOSPC:
        return AudioFileError(f"The disk is full: {path} was not written; make room and try again.")
    if isinstance(error, PermissionError) or error.errno == errno.EROFS:
        return AudioFileError(f"The folder {path.parent} may not be written to; choose another one.")
    return AudioFileError(f"{path} cannot be written: {error.strerror}.")
