"""The melody an RVC voice gets: the speaker's own pitch, moved to the voice, at 10 ms frames."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from inference.converter import HOP, MODEL_RATE, Block, PitchFrame
from inference.f0 import F0Tracker, median_hz
from inference.median import KNOWN, RunningMedian
from inference.neural.melody import Melody
from inference.neural.sliders import Sliders
from voices.tuning import Tuning

PITCH_DELAY_HOPS = 1
"""The tracker describes the sound 15 ms before the end of a hop: the middle of the hop before."""


class PitchFollower:
    """Tracks the speaker hop by hop and moves the melody to the voice's range and by the slider.

    `target_hz` is the middle of the voice's range, 0 where it is unknown: then the speaker's range stays.

    >>> follower = PitchFollower(voice.f0_median_hz)
    >>> frame = follower.step(block, Tuning())  # block: (240,) at MODEL_RATE
    """

    def __init__(self, target_hz: float) -> None:
        self._tracker = F0Tracker()
        self._melody = Melody(target_hz)
        self.reset()

    @property
    def speaker(self) -> RunningMedian:
        """What is known of the speaker's range; it may be told what to expect."""
        return self._melody.speaker

    def reset(self) -> None:
        """Forgets the speaker."""
        self._tracker.reset()
        self._melody.reset()
        self._sliders: Sliders | None = None

    def step(self, block: Block, tuning: Tuning) -> PitchFrame:
        """Takes the next hop; both pitches are 0 where it is unvoiced."""
        f0_hz, voicing = self._tracker.step(block)
        wanted = Sliders.of(tuning)
        self._sliders = (self._sliders or wanted).toward(wanted)
        # The melody goes by the voicing alone; where there is no F0 there is nothing to move.
        output_hz = self._melody.follow(f0_hz, voicing if f0_hz > 0 else 0.0, self._sliders)
        return PitchFrame(f0_hz if output_hz > 0 else 0.0, output_hz, voicing)


def follow_all(x: Block, target_hz: float, tuning: Tuning) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """F0 in Hz of a whole recording x: (n,) at MODEL_RATE, in and out: (ceil(n / HOP),) each, 0 = unvoiced.

    The follower of a call, which knows the speaker's range from the start here.
    """
    follower = PitchFollower(target_hz)
    follower.speaker.expect(median_hz(x, MODEL_RATE), KNOWN)
    count = math.ceil(len(x) / HOP)
    padded = np.zeros((count + PITCH_DELAY_HOPS) * HOP, np.float32)
    padded[: len(x)] = x
    frames = [follower.step(hop, tuning) for hop in padded.reshape(-1, HOP)][PITCH_DELAY_HOPS:]
    heard, spoken = zip(*((frame.input_hz, frame.output_hz) for frame in frames), strict=True)
    return np.array(heard, np.float32), np.array(spoken, np.float32)
