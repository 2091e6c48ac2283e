"""The model-free converter: instant, light, for every voice that needs no network."""

from __future__ import annotations

import math

import numpy as np

from audio.iir import Filter
from inference.converter import HOP, Block, PitchFrame
from inference.f0 import F0Tracker, finite
from inference.median import RunningMedian
from inference.modelfree.breath import Breath
from inference.modelfree.envelope import (
    ORDER,
    PRE_EMPHASIS,
    WINDOW,
    AllPole,
    Array,
    EnvelopeAnalyser,
    FormantWarp,
    predictor,
)
from inference.modelfree.grains import LOOK_AHEAD, GrainPlayer
from inference.modelfree.guard import PeakGuard
from inference.modelfree.marks import MARGIN, PeriodMarker
from inference.modelfree.plan import Plan
from voices.tuning import Tuning
from voices.voice import Recipe

LATENCY = 240
"""Look-ahead in samples: it is spent on marking a glottal period before it is needed."""

_HISTORY = 2048
_SUBFRAME = HOP // 2
_ONE = np.ones(1)
_DE_EMPHASIS = np.array([1.0, -PRE_EMPHASIS])


class ModelFreeConverter:
    """Shifts pitch and formants of speech independently and adds the effects of a `Recipe`.

    Speech is split into vocal-tract envelope (linear prediction) and residual; the residual gets its
    new period by pitch-synchronous overlap-add, the envelope is stretched. The tuning adds to the
    recipe's shifts; the sums are held to +-24 (pitch) and +-12 (formants) semitones. Its timbre scales
    the recipe's formants, whisper and roughness; `match_pitch` does nothing, for a recipe has no range of
    its own. Unshifted, the output is the input `latency_samples` later.

    >>> converter = ModelFreeConverter(Recipe(pitch_semitones=5))
    >>> converter.warm_up()
    >>> y = converter.process(x, Tuning())   # (240,) float32 -> (240,) float32
    """

    def __init__(self, recipe: Recipe) -> None:
        self._tracker = F0Tracker()
        self._analyser = EnvelopeAnalyser()
        self._warp = FormantWarp()
        self._synthesis = AllPole()
        self._marker = PeriodMarker(LATENCY - MARGIN)
        self._player = GrainPlayer()
        self._plan = Plan(recipe)
        self._breath = Breath()
        self._guard = PeakGuard()
        self._input = np.zeros(_HISTORY)
        self._speech = np.zeros(_HISTORY)
        self._rough_residual = np.zeros(_HISTORY)
        self._output = np.zeros(HOP, np.float32)
        self.reset()

    @property
    def latency_samples(self) -> int:
        """Algorithmic latency beyond the hop itself, samples at `MODEL_RATE`."""
        return LATENCY

    @property
    def pitch(self) -> PitchFrame:
        """Pitch of the hop processed last."""
        return self._pitch

    @property
    def speaker(self) -> RunningMedian:
        """What is known of the speaker's range; it may be told what to expect."""
        return self._plan.speaker

    def reset(self) -> None:
        """Forgets the past: the same input gives the same bits again."""
        self._tracker.reset()
        self._synthesis.reset()
        self._marker.reset()
        self._player.reset(self._marker.marks[0])
        self._plan.reset()
        self._breath.reset()
        self._guard.reset()
        for history in (self._input, self._speech, self._rough_residual):
            history[:] = 0.0
        self._correlation = np.zeros(ORDER + 1)
        self._correlation[0] = 1e-12
        self._de_emphasis = Filter(_ONE, _DE_EMPHASIS)
        self._stretched: Array | None = None
        self._end = 0
        self._pitch = PitchFrame()

    def warm_up(self) -> None:
        """Runs every path on a buzz, then resets."""
        buzz = np.zeros(HOP, np.float32)
        buzz[::120] = 0.5
        for _ in range(20):
            self.process(buzz, Tuning(3.0, 3.0))
        self.reset()

    def process(self, block: Block, tuning: Tuning) -> Block:
        """Returns the next `HOP` output samples for the next `HOP` input samples.

        `block`: (240,) float32 in [-1, 1]; non-finite samples count as silence. The array returned
        belongs to the converter and is valid until the next call.
        """
        clean = finite(block)
        f0_hz, voicing = self._tracker.step(clean)
        self._plan.turn(tuning, f0_hz, voicing)
        self._append(clean)
        correlation = self._analyser.autocorrelation(self._speech[-WINDOW:], f0_hz)
        inverses = (predictor(0.5 * (self._correlation + correlation))[0], predictor(correlation)[0])
        self._correlation = correlation
        self._mark(inverses[1], f0_hz)
        excitation = self._player.render(
            self._residual(inverses), self._end - LATENCY - HOP, self._marker, self._plan
        )
        self._marker.forget(self._player.oldest)
        excitation = self._breath.mix(excitation, self._plan.whisper, self._plan.breathiness, voicing)
        voice = self._resonate(excitation, inverses)
        peak = float(np.abs(self._input[-LATENCY - 3 * HOP :]).max())
        self._output[:] = self._guard.apply(voice, peak)
        self._pitch = PitchFrame(f0_hz, self._plan.output_hz(f0_hz) if f0_hz > 0 else 0.0, voicing)
        return self._output

    def _append(self, block: Array) -> None:
        for history in (self._input, self._speech):
            history[:-HOP] = history[HOP:]
        self._input[-HOP:] = block
        self._speech[-HOP:] = block - PRE_EMPHASIS * self._input[-HOP - 1 : -1]
        self._end += HOP

    def _mark(self, inverse: Array, f0_hz: float) -> None:
        """Marks the periods in the newest speech, of which only a rough residual is known yet."""
        residual = self._rough_residual
        residual[:-HOP] = residual[HOP:]
        residual[-HOP:] = np.convolve(self._speech[-HOP - ORDER :], inverse, "valid")
        self._marker.extend(self._speech, residual, self._end, self._end - LATENCY - HOP, f0_hz)

    def _residual(self, inverses: tuple[Array, Array]) -> Array:
        """Residual of the samples that are due, and of LOOK_AHEAD more: (HOP + LOOK_AHEAD,)."""
        start = _HISTORY - LATENCY - HOP
        middle, end = start + _SUBFRAME, start + HOP + LOOK_AHEAD
        first = np.convolve(self._speech[start - ORDER : middle], inverses[0], "valid")
        second = np.convolve(self._speech[middle - ORDER : end], inverses[1], "valid")
        return np.concatenate((first, second))

    def _resonate(self, excitation: Array, inverses: tuple[Array, Array]) -> Array:
        """The excitation through the (stretched) vocal tract, pre-emphasis undone."""
        half = np.split(excitation, 2)
        (first, first_gain), (second, second_gain) = self._tract(inverses)
        emphasised = np.concatenate(
            (
                self._synthesis.filter(half[0], first, first_gain),
                self._synthesis.filter(half[1], second, second_gain),
            )
        )
        return self._de_emphasis.process(emphasised)

    def _tract(self, inverses: tuple[Array, Array]) -> list[tuple[Array, float]]:
        """Inverse filter and gain of the vocal tract to be heard, for both halves of the hop."""
        ratio = self._plan.formant_ratio
        if ratio == 1.0:
            self._stretched = None
            return [(inverse, 1.0) for inverse in inverses]
        stretched = self._warp.correlation(inverses[1], ratio)
        before = stretched if self._stretched is None else self._stretched
        self._stretched = stretched
        tracts = (predictor(0.5 * (before + stretched)), predictor(stretched))
        return [(inverse, math.sqrt(error)) for inverse, error in tracts]
