"""Tuning a style through frozen networks: what is tuned is what speaks, and stopping changes nothing."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
import torch

from audio.resample import resample_offline
from inference.converter import HOP, MODEL_RATE
from inference.neural.converter import frequency_warp
from inference.neural.models import load_networks
from inference.refine.networks import load_frozen
from inference.refine.tuner import Tuner
from inference.sample import bundled_speech
from inference.speaker import embed_stretches
from inference.speech import ENCODER_RATE
from tests.refine.conftest import SMALL
from tests.voices.makers import a_voice
from voices.builtin_neural import builtin_neural_voices

EMBEDDING = a_voice().embedding


def ready(frozen, material) -> Tuner:
    tuner = Tuner(frozen, EMBEDDING, SMALL)
    assert list(tuner.listen(material))[-1] == 1.0
    return tuner


def test_the_gradients_decoder_speaks_as_the_shipped_one():
    frozen, speech = load_frozen(), bundled_speech(MODEL_RATE)[: 150 * HOP]
    heard = frozen.listen(speech, speech, perturbed=False)
    noise = torch.randn(1, 1, heard.hops * HOP, generator=torch.Generator().manual_seed(0))
    source = torch.cat([torch.zeros_like(noise), noise], 1)
    style = frozen.style(builtin_neural_voices()[0].embedding)
    ours = frozen.speak(frozen.frames(heard)[None], source, style)[0].numpy()
    stream, warp, theirs = load_networks().stream(), frequency_warp(0.0), []
    for hop in range(heard.hops):
        part = slice(hop * HOP, (hop + 1) * HOP)
        stream.listen(speech[None, part])
        prosody = heard.prosody[hop].numpy()[None, None]
        theirs.append(stream.speak(prosody, source[:, :, part].numpy(), style.numpy(), warp)[0].copy())
    error = np.square(np.concatenate(theirs) - ours).sum()
    # What 8 bits leave: 34 dB were measured.
    assert np.square(ours).sum() > 100 * error


def test_tuning_brings_held_out_phrases_nearer(frozen, material):
    tuner = ready(frozen, material)
    while not tuner.done:
        tuner.step()
    assert tuner.at == SMALL.steps
    assert tuner.best < tuner.first
    assert tuner.change.any()


def test_a_stopped_tuning_takes_the_same_steps(frozen, material):
    whole, first = ready(frozen, material), ready(frozen, material)
    for _ in range(4):
        whole.step()
    for _ in range(2):
        first.step()
    second = ready(frozen, material)
    assert second.restore(first.save("base"), "base")
    for _ in range(2):
        second.step()
    assert (second.at, second.first) == (whole.at, whole.first)
    np.testing.assert_allclose(second.change, whole.change, atol=1e-6)


def test_a_state_that_does_not_fit_is_passed_over(frozen, material):
    tuner = ready(frozen, material)
    tuner.step()
    state = tuner.save("base")
    fresh = Tuner(frozen, EMBEDDING, SMALL)
    with np.load(io.BytesIO(state)) as saved:
        words = {**saved, "numbers": np.full(fresh._numbers.shape, "nine")}
    of_words = io.BytesIO()
    np.savez(of_words, **words)
    wrong = [(state, "other"), *((x, "base") for x in (state[:200], b"", b"rubbish", of_words.getvalue()))]
    for content, base in wrong:
        assert not fresh.restore(content, base)
        assert fresh.at == 0


def test_a_tuning_that_ran_away_does_not_replace_the_best(frozen, material):
    tuner = ready(frozen, material)
    for _ in range(2):
        tuner.step()
    best, kept = tuner.best, tuner.change.copy()
    with torch.no_grad():
        tuner._numbers.fill_(float("nan"))
    assert not tuner.score() <= best
    np.testing.assert_array_equal(tuner.change, kept)
    for _ in range(SMALL.patience):
        tuner.score()
    assert tuner.done


def test_the_gradients_speaker_encoder_hears_as_the_shipped_one():
    speech = bundled_speech(MODEL_RATE)[: 2 * MODEL_RATE]
    ours = load_frozen().person(torch.from_numpy(speech)[None, : round(1.6 * MODEL_RATE)])[0].numpy()
    theirs = embed_stretches(resample_offline(speech, MODEL_RATE, ENCODER_RATE))
    # The same voice, not the same stretch: strangers have less than 0.7, stretches of one speaker 0.9.
    assert (theirs @ ours).max() > 0.95


def test_words_are_not_lost_on_the_speech_itself_and_are_on_another(frozen, material):
    tuner = ready(frozen, material)
    x, y = (torch.from_numpy(phrase.said[: 40 * HOP])[None] for phrase in material.phrases[:2])
    assert float(tuner._lost(x, x)) == 0.0
    assert float(tuner._lost(y, x)) > 0.1


@pytest.mark.parametrize("part", ["speaker", "words"])
def test_each_part_of_the_loss_moves_the_style(frozen, material, part: str):
    def tuned(weight: float) -> np.ndarray:
        tuner = Tuner(frozen, EMBEDDING, replace(SMALL, **{part: weight}))
        for _ in tuner.listen(material):
            pass
        tuner.step()
        return tuner._change().detach().numpy()

    assert np.abs(tuned(0.0) - tuned(50.0)).max() > 1e-4
