"""A refined voice in the converter: its change of style counts with the networks it was made for, alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from inference.neural.converter import NeuralConverter
from inference.neural.models import load_networks
from voices.builtin_neural import builtin_neural_voices
from voices.refinement import Refinement

VOICE = {voice.id: voice for voice in builtin_neural_voices()}["pia"]
SIZE = NeuralConverter(VOICE)._style.size
VALUES = [0.125 * (i % 3 - 1) for i in range(SIZE)]


def converter(base: str, values: list[float]) -> NeuralConverter:
    return NeuralConverter(replace(VOICE, refinement=Refinement(base, Refinement.pack(values))))


def test_the_change_is_added_to_the_style_and_fades_with_the_timbre():
    refined, plain = converter(load_networks().base, VALUES), NeuralConverter(VOICE)
    for timbre, share in ((1.0, 1.0), (0.5, 0.5), (0.0, 0.0), (1.5, 1.0)):
        refined._dress(timbre)
        plain._dress(timbre)
        change = np.array(VALUES, np.float32) * share
        np.testing.assert_allclose(refined._style - plain._style, change, atol=1e-6)


@pytest.mark.parametrize("values", [VALUES, VALUES[:-1]], ids=["other networks", "other size"])
def test_a_change_for_other_networks_is_left_out(values):
    base = "ab" * 32 if values is VALUES else load_networks().base
    np.testing.assert_array_equal(converter(base, values)._style, NeuralConverter(VOICE)._style)
