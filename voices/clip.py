"""Reference recordings inside a voice file: mono FLAC, decoded only when somebody listens."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # `menura voices list` answers sooner without
    import numpy as np
    from numpy.typing import NDArray

MAX_CLIP_BYTES = 32 << 20
MAX_CLIP_FRAMES = 600 * 48_000
"""Ten minutes at 48 kHz: more than a speaker model hears, and 110 MiB when decoded."""

_RATES = (8_000, 192_000)
_HEADER = 42
"""Bytes up to the end of STREAMINFO, which RFC 9639 puts first."""


class ClipError(ValueError):
    """A reference clip that is not one; the message is a sentence for the user."""


@dataclass(frozen=True)
class Clip:
    """A recording of the speaker. `flac`: the file's bytes; `rate` in Hz; `title`: where it came from.

    >>> clip = Clip.from_samples(x, 48_000, "read aloud, 22 November")
    >>> clip.samples().shape                # (clip.frames,) float32
    """

    flac: bytes
    rate: int
    frames: int
    title: str = ""

    @classmethod
    def from_samples(cls, samples: NDArray[np.float32], rate: int, title: str = "") -> Clip:
        """Encodes (n,) float32 in [-1, 1] as 16-bit FLAC; what is louder is made to fit."""
        import numpy as np
        import soundfile

        x = np.nan_to_num(np.asarray(samples, np.float32), nan=0.0, posinf=0.0, neginf=0.0)
        x = x / max(1.0, float(np.abs(x).max(initial=0)))
        buffer = io.BytesIO()
        soundfile.write(buffer, x, rate, subtype="PCM_16", format="FLAC")
        return cls.from_flac(buffer.getvalue(), title)

    @classmethod
    def from_flac(cls, flac: bytes, title: str = "") -> Clip:
        """Takes a FLAC file's bytes after a look at its header. Raises ClipError."""
        rate, frames = _stream_info(flac)
        return cls(flac, rate, frames, title)

    @property
    def seconds(self) -> float:
        """Duration."""
        return self.frames / self.rate

    def samples(self) -> NDArray[np.float32]:
        """The recording: (frames,) float32. Raises ClipError when the bytes do not decode."""
        import soundfile

        try:
            with soundfile.SoundFile(io.BytesIO(self.flac)) as file:
                x = file.read(self.frames, dtype="float32")
        except (soundfile.LibsndfileError, OSError, TypeError) as error:
            raise ClipError("A reference clip cannot be decoded; ask for the voice file again.") from error
        if x.shape != (self.frames,):
            raise ClipError("A reference clip ends too early; ask for the voice file again.")
        return x


def _stream_info(flac: bytes) -> tuple[int, int]:
    """Rate in Hz and number of samples out of a FLAC file's STREAMINFO. Raises ClipError."""
    if len(flac) > MAX_CLIP_BYTES:
        raise ClipError(f"A reference clip is larger than {MAX_CLIP_BYTES >> 20} MiB.")
    if len(flac) < _HEADER or flac[:4] != b"fLaC" or flac[4] & 0x7F:
        raise ClipError("A reference clip is not a FLAC file.")
    packed = int.from_bytes(flac[18:26], "big")
    rate, channels, frames = packed >> 44, (packed >> 41 & 7) + 1, packed & (1 << 36) - 1
    if channels != 1 or not _RATES[0] <= rate <= _RATES[1]:
        raise ClipError("A reference clip is not mono with a usual sample rate.")
    if not 0 < frames <= MAX_CLIP_FRAMES:
        raise ClipError("A reference clip is empty or longer than ten minutes.")
    return rate, frames
