"""The codec of a call: the bitrate it is said to have, in step, and audible as what it was."""

from __future__ import annotations

import numpy as np

from audio.opus import BITRATE, OPUS_RATE, opus_round_trip
from inference.sample import bundled_speech

SPEECH = bundled_speech(OPUS_RATE)


def test_speech_takes_the_bitrate_of_a_call_and_stays_in_step() -> None:
    decoded, bits = opus_round_trip(SPEECH)
    assert 0.85 * BITRATE < bits < 1.15 * BITRATE
    assert len(decoded) == len(SPEECH)
    assert np.corrcoef(decoded, SPEECH)[0, 1] > 0.98
    assert not np.array_equal(decoded, SPEECH)


def test_odd_lengths_and_silence_come_back_as_long() -> None:
    for x in (SPEECH[:1], SPEECH[:4801], np.zeros(48_000, np.float32), SPEECH[:0]):
        assert len(opus_round_trip(x)[0]) == len(x)
