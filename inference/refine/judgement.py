"""What refining did, by what the product measures: likeness to held-out recordings, and words that survive.

The speaker encoder that listens here took part in the tuning, but heard neither these recordings nor this
speech: docs/refine.md has what an encoder says that took no part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from audio.resample import resample_offline
from inference.convert import Progress, convert_array
from inference.converter import MODEL_RATE, Converter
from inference.likeness import WINDOW_S, cosine, follow, likeness
from inference.neural.converter import NeuralConverter
from inference.neural.runtime import Runtime
from inference.refine.events import Judgement
from inference.sample import bundled_speech
from inference.speaker import embed_stretches
from inference.speech import ENCODER_RATE, trim_silence
from voices.refinement import Refinement
from voices.voice import Recipe, Voice, VoiceKind

Samples = NDArray[np.float32]

SPEAKERS = (0.0, -4.0, 4.0)
"""Semitones that pitch and formants of the bundled speech are moved by: three speakers to convert."""

_FORMANT_SHARE = 0.5


def judge(
    voice: Voice,
    refinement: Refinement,
    held: Sequence[Samples],
    distance: tuple[float, float],
    runtime: Runtime,
    on_progress: Progress,
) -> Judgement:
    """Converts the bundled speech without and with the refinement and compares with `held` recordings.

    `held`: (n,) each at MODEL_RATE, of the speaker. What `on_progress` raises ends it.
    """
    target = _embedding(np.concatenate(held))
    sources = [_as(semitones) for semitones in SPEAKERS]
    voices = [replace(voice, refinement=kept) for kept in (None, refinement)]
    found = []
    for number, speaker in enumerate(voices):
        alike, words = [], []
        for index, source in enumerate(sources):
            on_progress((number * len(sources) + index) / (len(voices) * len(sources)))
            spoken = convert_array(source, MODEL_RATE, speaker, make=lambda v: _make(v, runtime))
            alike += [cosine(piece, target) for piece in _windows(spoken)]
            words.append(follow(source, spoken) or 0.0)
        found.append((likeness(float(np.mean(alike))), float(np.mean(words))))
    (alike_before, words_before), (alike_after, words_after) = found
    return Judgement((alike_before, alike_after), (words_before, words_after), distance)


def _make(voice: Voice, runtime: Runtime) -> Converter:
    return NeuralConverter(voice, runtime)


def _as(semitones: float) -> Samples:
    """The bundled speech as somebody else would say it."""
    speech = bundled_speech(MODEL_RATE)
    if semitones == 0.0:
        return speech
    recipe = Recipe(pitch_semitones=semitones, formant_semitones=_FORMANT_SHARE * semitones)
    voice = Voice("other", "other", "", VoiceKind.MODEL_FREE, recipe)
    return convert_array(speech, MODEL_RATE, voice)


def _windows(spoken: Samples) -> list[Samples]:
    """Speech in pieces as long as likeness is calibrated for."""
    speech = trim_silence(spoken, MODEL_RATE)
    count = max(1, round(len(speech) / (WINDOW_S * MODEL_RATE)))
    return np.array_split(speech, count) if len(speech) >= MODEL_RATE else [spoken]


def _embedding(speech: Samples) -> tuple[float, ...]:
    mean = embed_stretches(resample_offline(speech, MODEL_RATE, ENCODER_RATE)).mean(axis=0)
    return tuple(float(value) for value in mean / np.linalg.norm(mean))
