"""The torch networks against the golden tensors of an independent implementation."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from inference.networks.rvc.encoder import skew, unskew
from inference.networks.rvc.export import programs
from inference.rvc.checkpoint import Checkpoint, read_checkpoint
from inference.rvc.excitation import sine_source
from inference.rvc.facts import FLOW_CONTEXT
from tests.rvc.golden import NAMES, arrays, voice_file


def load(name: str) -> tuple[dict[str, nn.Module], Checkpoint]:
    """The programs of a golden voice with its weights."""
    checkpoint = read_checkpoint(voice_file(name))
    made = programs(checkpoint.sizes)
    for program in made.values():
        weights = {key: torch.from_numpy(checkpoint.weight(key)) for key in program.state_dict()}
        program.load_state_dict(weights)
    return made, checkpoint


@pytest.mark.parametrize("name", NAMES)
def test_networks_match_the_golden_tensors(name: str) -> None:
    golden = arrays(name)
    made, checkpoint = load(name)
    sizes = checkpoint.sizes
    g = torch.from_numpy(checkpoint.weight("emb_g.weight"))[int(golden["sid"])][None, :, None]
    source, _, _ = sine_source(golden["f0"], 0.0, sizes.sample_rate, sizes.hop)
    driven = [torch.from_numpy(source)[None, None]] if sizes.pitch else []
    tuned = [torch.from_numpy(golden["coarse"])[None]] if sizes.pitch else []
    mean, log_scale = made["prior"](torch.from_numpy(golden["phone"]), *tuned)
    latent = made["flow"](mean, g)
    audio = made["decoder"](latent, g, *driven)
    np.testing.assert_allclose(mean, golden["m_p"], rtol=0, atol=1e-5)
    np.testing.assert_allclose(log_scale, golden["logs_p"], rtol=0, atol=1e-5)
    np.testing.assert_allclose(latent, golden["z"], rtol=0, atol=1e-5)
    np.testing.assert_allclose(audio.flatten(), golden["audio"], rtol=0, atol=1e-5)


def test_a_frame_behind_the_flow_depends_on_its_context_and_no_more() -> None:
    made, checkpoint = load("v2-40k")
    sizes = checkpoint.sizes
    latent = torch.zeros(1, sizes.latent, 3 * FLOW_CONTEXT, dtype=torch.float64, requires_grad=True)
    g = torch.ones(1, sizes.conditioning, 1, dtype=torch.float64)
    frame = FLOW_CONTEXT + 5
    made["flow"].double()(latent, g)[0, :, frame].sum().backward()
    assert latent.grad is not None
    heard = latent.grad[0].abs().sum(0).nonzero().flatten().tolist()
    assert heard == list(range(frame - FLOW_CONTEXT, frame + FLOW_CONTEXT + 1))


@pytest.mark.parametrize("frames", [1, 2, 10, 11, 40])
def test_relative_positions_land_where_they_belong(frames: int) -> None:
    scores = torch.arange(frames * 21.0).reshape(1, 1, frames, 21) + 1
    placed = skew(scores)[0, 0]
    for i in range(frames):
        for j in range(frames):
            expected = scores[0, 0, i, j - i + 10] if abs(j - i) <= 10 else 0.0
            assert placed[i, j] == expected
    # Back again, what lies outside the matrix is gone.
    inside = (unskew(skew(scores)) == scores) | (unskew(skew(scores)) == 0)
    assert inside.all()
    assert (unskew(skew(scores)) != 0).sum() == (placed != 0).sum()
