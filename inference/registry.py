"""Which converter speaks a voice."""

from __future__ import annotations

from inference.converter import Converter
from inference.modelfree.converter import ModelFreeConverter
from voices.voice import Voice, VoiceKind


class UnsupportedVoiceError(ValueError):
    """No converter of this installation speaks this kind of voice."""


def make_converter(voice: Voice) -> Converter:
    """Returns a converter for `voice`, not warmed up yet. Raises UnsupportedVoiceError."""
    if voice.kind is VoiceKind.MODEL_FREE:
        return ModelFreeConverter(voice.recipe)
    raise UnsupportedVoiceError(
        f"The voice '{voice.name}' needs a neural converter, which this version does not have; "
        "choose a built-in voice."
    )
