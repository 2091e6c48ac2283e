"""Which converter speaks a voice."""

from __future__ import annotations

from inference.converter import Converter
from inference.modelfree.converter import ModelFreeConverter
from inference.neural.converter import NeuralConverter
from inference.neural.models import ModelError
from inference.runtimes import RuntimeUnavailableError, load_runtime
from voices.voice import Voice, VoiceKind


class UnsupportedVoiceError(ValueError):
    """This installation cannot speak the voice; the message says why and what to do."""


def make_converter(voice: Voice) -> Converter:
    """Returns a converter for `voice`, not warmed up yet. Raises UnsupportedVoiceError."""
    if voice.kind is VoiceKind.MODEL_FREE:
        return ModelFreeConverter(voice.recipe)
    try:
        return NeuralConverter(voice, load_runtime())
    except (ModelError, RuntimeUnavailableError, ValueError) as error:
        raise UnsupportedVoiceError(str(error)) from error
