"""Which converter speaks a voice."""

from __future__ import annotations

from inference.converter import Converter
from inference.modelfree.converter import ModelFreeConverter
from inference.neural.converter import NeuralConverter
from inference.neural.models import ModelError
from inference.runtimes import RuntimeUnavailableError, load_runtime
from inference.rvc.build import load_synthesis, make_live, make_whole
from inference.rvc.synthesis import Synthesis
from inference.whole import WholeConverter
from voices.models import model_folder
from voices.voice import Voice, VoiceKind


def runtime_name(converter: Converter) -> str:
    """What runs a converter's networks at this moment, for people; empty for one that has none."""
    if isinstance(converter, NeuralConverter):
        return converter.runtime.name
    return "" if isinstance(converter, ModelFreeConverter) else "ONNX Runtime"


class UnsupportedVoiceError(ValueError):
    """This installation cannot speak the voice; the message says why and what to do."""


def make_converter(voice: Voice) -> Converter:
    """Returns a converter for `voice`, not warmed up yet. Raises UnsupportedVoiceError."""
    if voice.kind is VoiceKind.MODEL_FREE:
        return ModelFreeConverter(voice.recipe)
    try:
        if voice.kind is VoiceKind.RVC:
            return make_live(_synthesis(voice), voice.f0_median_hz)
        return NeuralConverter(voice, load_runtime())
    except (ModelError, RuntimeUnavailableError, ValueError) as error:
        raise UnsupportedVoiceError(str(error)) from error


def make_whole_converter(voice: Voice) -> WholeConverter | None:
    """Returns what says whole recordings in `voice`; None where the converter of a call does it as well.

    Raises UnsupportedVoiceError.
    """
    if voice.kind is not VoiceKind.RVC:
        return None
    try:
        return make_whole(_synthesis(voice), voice.f0_median_hz)
    except ValueError as error:
        raise UnsupportedVoiceError(str(error)) from error


def _synthesis(voice: Voice) -> Synthesis:
    return load_synthesis(model_folder(voice.model), voice.speaker)
