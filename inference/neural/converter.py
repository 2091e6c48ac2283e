"""The neural converter: any speaker in, an enrolled voice out, one hop at a time."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from inference.converter import HOP, Block, PitchFrame
from inference.f0 import finite
from inference.median import RunningMedian
from inference.networks.timing import FRAME
from inference.neural.level import LevelRider
from inference.neural.melody import Melody
from inference.neural.models import load_networks
from inference.neural.runtime import Array, Runtime
from inference.neural.sliders import Sliders
from inference.neural.source import Source
from voices.builtin_neural import builtin_neural_voices
from voices.refinement import Refinement, RefinementError
from voices.tuning import Tuning
from voices.voice import Voice

CLEAN_QUALITY = (0.75, 1.0)
"""What the decoder is told about the recording it shall sound like: clean and full-band."""

_PEAK = 4.0
_WARM_UP_HOPS = 4


def frequency_warp(semitones: float) -> Array:
    """(bins, bins) float32: spectra times it have what was at bin k at bin k * 2 ** (semitones / 12)."""
    bins = FRAME // 2 + 1
    place = np.minimum(np.arange(bins) / 2.0 ** (semitones / 12.0), bins - 1.0)
    low = np.minimum(place.astype(int), bins - 2)
    weight = place - low
    matrix = np.zeros((bins, bins), np.float32)
    matrix[low, np.arange(bins)] = 1.0 - weight
    matrix[low + 1, np.arange(bins)] += weight
    return matrix


@lru_cache(maxsize=1)
def middle_speaker() -> Array:
    """(256,) mean of the built-in voices' embeddings: nobody in particular, between low and high voices."""
    embeddings = np.array([voice.embedding for voice in builtin_neural_voices()], np.float32)
    return (embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)).mean(0)


def change_of_style(refinement: Refinement | None, base: str, size: int) -> Array | None:
    """(size,) what a voice's fine-tuning adds to its style; None where it has none for these networks."""
    if refinement is None or refinement.base != base:
        return None
    try:
        values = refinement.values()
    except RefinementError:
        return None
    return np.array(values, np.float32) if len(values) == size else None


class NeuralConverter:
    """Speaks what it hears in the voice of `voice`, whose `embedding` must have 256 numbers.

    The source of the decoder is a pulse train at the moved melody plus noise from a seeded generator, so
    a reset stream repeats itself. `runtime` runs the networks: ONNX Runtime if left out. Raises ModelError
    when the networks are not there and ValueError for a voice without embedding.

    >>> converter = NeuralConverter(voice)
    >>> converter.warm_up()
    >>> y = converter.process(x, Tuning())   # (240,) float32 -> (240,) float32
    """

    def __init__(self, voice: Voice, runtime: Runtime | None = None) -> None:
        self.runtime = runtime or load_networks()
        if len(voice.embedding) != 256:
            raise ValueError(f"The voice '{voice.name}' has no speaker embedding; enrol it again.")
        speaker = np.array(voice.embedding, np.float32)
        self._speaker = speaker / (np.linalg.norm(speaker) + 1e-9)
        self._quality = np.array([CLEAN_QUALITY], np.float32)
        self._change: Array | None = None
        self._dress(1.0)
        self._change = change_of_style(voice.refinement, self.runtime.base, self._style.size)
        self._dress(1.0)
        self._source = Source()
        self._melody = Melody(voice.f0_median_hz)
        self._level = LevelRider()
        self._output = np.zeros(HOP, np.float32)
        self.reset()

    @property
    def latency_samples(self) -> int:
        """Algorithmic latency beyond the hop itself, samples at `MODEL_RATE`."""
        return self.runtime.latency

    @property
    def pitch(self) -> PitchFrame:
        """Pitch of the hop processed last."""
        return self._pitch

    @property
    def speaker(self) -> RunningMedian:
        """What is known of the speaker's range; it may be told what to expect."""
        return self._melody.speaker

    def reset(self) -> None:
        """Forgets the past: the same input gives the same bits again."""
        self._restart()
        self._melody.reset()
        self._level.reset()
        self._source.reset()
        self._sliders: Sliders | None = None
        self._formant = 0.0
        self._warp = frequency_warp(0.0)
        self._pitch = PitchFrame()

    def _restart(self) -> None:
        """Empties the networks' states."""
        self._stream = self.runtime.stream()
        self._source.restart()

    def warm_up(self) -> None:
        """Runs every network on a buzz, then resets."""
        buzz = np.zeros(HOP, np.float32)
        buzz[::120] = 0.5
        for _ in range(_WARM_UP_HOPS):
            self.process(buzz, Tuning(3.0, 3.0))
        self.reset()

    def process(self, block: Block, tuning: Tuning) -> Block:
        """Returns the next `HOP` output samples for the next `HOP` input samples.

        `block`: (240,) float32 in [-1, 1]; non-finite samples count as silence. The array returned
        belongs to the converter and is valid until the next call.
        """
        heard = self._level.before(finite(block).astype(np.float32))
        audio = self._convert(heard, tuning)
        if not np.isfinite(audio).all():
            self._restart()
            audio = np.zeros(HOP, np.float32)
        self._output[:] = self._level.after(np.clip(audio, -_PEAK, _PEAK))
        return self._output

    def _convert(self, heard: Block, tuning: Tuning) -> Block:
        wanted = Sliders.of(tuning)
        sliders = self._sliders = (self._sliders or wanted).toward(wanted)
        prosody = self._stream.listen(heard[None])
        f0_hz, voicing = float(prosody[0, 0, 0]), float(prosody[0, 0, 1])
        output_hz = self._melody.follow(f0_hz, voicing, sliders)
        self._pitch = PitchFrame(f0_hz if output_hz > 0 else 0.0, output_hz, voicing)
        prosody[0, 0, 0] = output_hz
        if sliders.timbre != self._timbre:
            self._dress(sliders.timbre)
        source = self._source.next(output_hz, sliders.breathiness)
        warp = self._turned(sliders.formant_semitones)
        return self._stream.speak(prosody, source, self._style, warp)[0]

    def _dress(self, timbre: float) -> None:
        """Makes the style of this share of the way from nobody in particular to the voice, or beyond."""
        self._timbre, middle = timbre, middle_speaker()
        speaker = self._speaker if timbre == 1.0 else middle + timbre * (self._speaker - middle)
        unit = speaker / (np.linalg.norm(speaker) + np.float32(1e-9))
        self._style = self.runtime.style(unit.astype(np.float32)[None], self._quality)
        if self._change is not None:
            self._style = self._style + np.float32(min(timbre, 1.0)) * self._change

    def _turned(self, semitones: float) -> Array:
        """The frequency warp for the formant slider, made anew only while it moves."""
        if semitones != self._formant:
            self._formant, self._warp = semitones, frequency_warp(semitones)
        return self._warp
