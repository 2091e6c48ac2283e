"""One hop of the networks as one step: content and decoder together, for one prediction per hop.

Built of the steps in `inference.networks.steps`; what changes is what a program of fixed shapes needs. The
content step belongs to every second hop, but runs in each: `slot` and `fresh` are zero in the hops between
and leave its memory and units as they were. Branches and a second program would cost more than the
arithmetic: a Neural Engine has no branches, and two programs share no states. A token cannot be spread over
two hops either, because it is needed in the hop that completes it.

F0 is a program of its own. Between it and the decoder lie the melody and the source, which count cycles in
double precision and follow sliders; neither fits half precision.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from inference.networks.steps import ContentStep, DecoderStep, Step


class HopStep(Step):
    """Mel frames, prosody and style of one hop -> `parts` (1, 2, PARTS * bins), what `Mouth` speaks.

    Inputs, float32: `mel` (1, 4, mels); `place` (1, 1, dim) the position's row; `bias` (1, 1, window) as
    ContentStep's; `slot` (1, 1, window - 1) one where the new token shall be kept and zero elsewhere; `fresh`
    (1, 1, 1) one in a hop that completes a token, else zero; `brief` (1, 1, inputs - units) what Brief
    writes behind the units; `style` (S,).
    """

    outputs = ("parts",)

    def __init__(self, content: ContentStep, decoder: DecoderStep) -> None:
        super().__init__()
        self.content, self.decoder = content, decoder
        c = content.network.config
        self.layers = c.layers
        past, size = c.window - 1, c.dim // c.heads
        self.states = {
            "conv": (1, 1, c.dim),
            "units": (1, 1, c.units),
            **{f"keys_{n}": (c.heads, size, past) for n in range(c.layers)},
            **{f"values_{n}": (c.heads, past, size) for n in range(c.layers)},
            **decoder.states,
        }

    def example(self) -> dict[str, Tensor]:
        """See `Step`."""
        c, d = self.content.network.config, self.decoder.network
        slot = torch.zeros(1, 1, c.window - 1)
        slot[..., 0] = 1.0
        return {
            "mel": torch.randn(1, 4, c.mels),
            "place": torch.randn(1, 1, c.dim),
            "bias": torch.zeros(1, 1, c.window),
            "slot": slot,
            "fresh": torch.ones(1, 1, 1),
            "brief": torch.randn(1, 1, d.inputs - c.units),
            "style": torch.randn(d.style_out.out_features),
        }

    def forward(
        self,
        mel: Tensor,
        place: Tensor,
        bias: Tensor,
        slot: Tensor,
        fresh: Tensor,
        brief: Tensor,
        style: Tensor,
        conv: Tensor,
        units: Tensor,
        *memory: Tensor,
    ) -> tuple[Tensor, ...]:
        """`memory` are all keys, all values, `slow` and `fast`. Returns `parts` and the next states."""
        keys, values = list(memory[: self.layers]), list(memory[self.layers : 2 * self.layers])
        heard, own, kept = self.content.encode(mel, place, bias, keys, values, conv)
        stale = 1.0 - fresh
        conv = kept * fresh + conv * stale
        units = heard * fresh + units * stale
        column, rest = slot.transpose(1, 2), 1.0 - slot
        for n in range(self.layers):
            key, value = own[n, 0].unsqueeze(2), own[n, 1].unsqueeze(1)
            keys[n] = keys[n] * rest + key * slot
            values[n] = values[n] * rest.transpose(1, 2) + value * column
        frames = torch.cat([units, brief], dim=2)
        parts, slow, fast = self.decoder(frames, style, *memory[2 * self.layers :])
        return parts, conv, units, *keys, *values, slow, fast


def as_convolutions(module: torch.nn.Module) -> None:
    """Turns every linear layer into a convolution of one tap over (1, channels, frames).

    Channels first is the layout that Apple recommends for the Neural Engine ("Deploying Transformers on the
    Apple Neural Engine", machinelearning.apple.com, 2022). The weights and the function stay the same.
    """
    for name, child in module.named_children():
        if isinstance(child, torch.nn.Linear):
            setattr(module, name, PointwiseConvolution(child))
        else:
            as_convolutions(child)


class PointwiseConvolution(torch.nn.Module):
    """A linear layer as a convolution: x (1, T, in) -> (1, T, out)."""

    def __init__(self, linear: torch.nn.Linear) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(linear.weight.detach()[:, :, None], requires_grad=False)
        self.bias = linear.bias

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return F.conv1d(x.transpose(1, 2), self.weight, self.bias).transpose(1, 2)
