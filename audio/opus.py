"""What a call's codec does to a voice: there and back through Opus, as calls use it.

libsndfile's encoder works in frames of 20 ms; its compression level sets the bitrate, 6 to 256 kbit/s of
one channel on a straight line, variable bitrate. Of the bundled speech it makes 66.6 kbit/s, the Ogg
container's 1 to 2 included, at the level for 64 (tests/audio/test_opus.py measures it).
"""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

OPUS_RATE = 48_000
BITRATE = 64_000
_LOWEST, _HIGHEST = 6_000, 256_000
_FRAMES_PER_WRITE = 4_800
"""libsndfile's encoder keeps a whole write on the stack."""


def opus_round_trip(samples: Samples) -> tuple[Samples, float]:
    """Returns `samples`: (n,) at OPUS_RATE as they come out, aligned and as long; and bits per second."""
    import soundfile

    if len(samples) == 0:
        return np.zeros(0, np.float32), 0.0
    level = 1.0 - (BITRATE - _LOWEST) / (_HIGHEST - _LOWEST)
    packed = io.BytesIO()
    with soundfile.SoundFile(
        packed, "w", OPUS_RATE, 1, "OPUS", format="OGG", compression_level=level
    ) as file:
        for start in range(0, len(samples), _FRAMES_PER_WRITE):
            file.write(samples[start : start + _FRAMES_PER_WRITE])
    bits = 8 * len(packed.getvalue()) * OPUS_RATE / len(samples)
    packed.seek(0)
    decoded, _ = soundfile.read(packed, dtype="float32")
    out = np.zeros(len(samples), np.float32)
    count = min(len(out), len(decoded))
    out[:count] = decoded[:count]
    return out, bits
