"""The networks' learned parts as one step each, in as few operators as runtimes can be brought to.

The weights and numbers are those of `content`, `pitch` and `decoder` (tests compare them); what differs
is the form. A step of a small network costs a runtime as much for its operators as for its arithmetic,
so scales are folded into neighbouring weights, depthwise convolutions keep sums of what the past will
contribute instead of the past, and attention reads its memory where it lies. Spectra, mel features,
the filter and the overlap-add are not here: `inference.neural.signal` computes them by FFT.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from inference.networks.content import CausalAttention, ContentEncoder
from inference.networks.decoder import Decoder
from inference.networks.layers import CausalBlock, CausalStack
from inference.networks.pitch import PitchTracker


def absorb_scales(block: CausalBlock) -> None:
    """Multiplies the block's last scale into the weights before it: the same function, one operator less."""
    with torch.no_grad():
        block.pwconv2.weight.mul_(block.gamma[:, None])
        block.pwconv2.bias.mul_(block.gamma)
        block.gamma.fill_(1.0)


class Step(nn.Module):
    """One network as a step. `forward` takes the inputs and the states, gives `outputs` and the states."""

    outputs: tuple[str, ...]
    states: dict[str, tuple[int, ...]]

    def example(self) -> dict[str, Tensor]:
        """Inputs of the right names and shapes."""
        raise NotImplementedError


class StepBlock(nn.Module):
    """A CausalBlock for `count` frames at once, after the past's share is known."""

    now_0: Tensor
    now_1: Tensor

    def __init__(self, block: CausalBlock, count: int) -> None:
        super().__init__()
        self.count = count
        absorb_scales(block)
        self.norm, self.widen, self.narrow = block.norm, block.pwconv1, block.pwconv2
        for back in range(count):
            self.register_buffer(f"now_{back}", block.dwconv.weight[:, 0, -1 - back].clone())

    def forward(self, x: Tensor, past: Tensor, style: tuple[Tensor, Tensor] | None) -> Tensor:
        """x (1, count, dim), past (1, count, dim) -> (1, count, dim). style: the norm's scale and shift."""
        h = past + x * self.now_0
        if self.count == 2:
            h = h + F.pad(x[:, :1] * self.now_1, (0, 0, 1, 0))
        weight, bias = style or (self.norm.weight, self.norm.bias)
        h = F.layer_norm(h, self.norm.normalized_shape, weight, bias, self.norm.eps)
        return x + self.narrow(F.gelu(self.widen(h)))


class StepStack(nn.Module):
    """A CausalStack whose state (blocks, kernel - 1, dim) is what past frames add to the coming ones."""

    bias: Tensor

    def __init__(self, stack: CausalStack, count: int = 1) -> None:
        super().__init__()
        keep, dim = stack.shape
        self.count = count
        self.state_shape = (len(stack.blocks), keep, dim)
        blocks = [block for block in stack.blocks if isinstance(block, CausalBlock)]
        self.blocks = nn.ModuleList(StepBlock(block, count) for block in blocks)
        later = torch.zeros(len(stack.blocks), count, keep, dim)
        for index, block in enumerate(blocks):
            taps = block.dwconv.weight[:, 0].T  # (kernel, dim), earliest first
            for frame in range(count):
                known = keep - (count - 1 - frame)
                later[index, frame, :known] = taps[:known].flip(0)
        bias = torch.stack([block.dwconv.bias for block in blocks if block.dwconv.bias is not None])
        for frame in range(count):
            self.register_buffer(f"later_{frame}", later[:, frame].contiguous())
        self.register_buffer("bias", bias[:, None].contiguous())

    def forward(
        self, x: Tensor, state: Tensor, styles: list[tuple[Tensor, Tensor]] | None
    ) -> tuple[Tensor, Tensor]:
        """x (1, count, dim), state -> (1, count, dim) and the next state."""
        past = (state[:, : self.count] + self.bias).split(1)
        heard = []
        for index, block in enumerate(self.blocks):
            heard.append(x)
            x = block(x, past[index], styles[index] if styles else None)
        frames = torch.cat(heard)
        after = F.pad(state[:, self.count :], (0, 0, 0, self.count))
        for frame in range(self.count):
            after = after + frames[:, frame : frame + 1] * getattr(self, f"later_{frame}")
        return x, after


class PitchStep(Step):
    """`spectrum` (1, 1, bins) log magnitudes -> `melody` (1, 1, 2): F0 in Hz, voicing."""

    outputs = ("melody",)

    def __init__(self, network: PitchTracker) -> None:
        super().__init__()
        self.network = network
        self.stack = StepStack(network.stack)
        self.states = {"blocks": self.stack.state_shape}

    def example(self) -> dict[str, Tensor]:
        """See `Step`."""
        return {"spectrum": torch.randn(1, 1, self.network.project.in_features)}

    def forward(self, spectrum: Tensor, blocks: Tensor) -> tuple[Tensor, ...]:
        """See the class."""
        h, after = self.stack(self.network.project(spectrum), blocks, None)
        f0, voicing = self.network.decode(self.network.head(self.network.norm(h)))
        return torch.stack([f0, voicing], dim=-1), after


class StepAttention(nn.Module):
    """A CausalAttention layer for one token whose memory is given in any order."""

    def __init__(self, layer: CausalAttention, past: int) -> None:
        super().__init__()
        self.layer, self.past = layer, past
        self.scale = float((layer.out.in_features // layer.heads) ** -0.5)

    def forward(self, x: Tensor, keys: Tensor, values: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        """x (1, 1, dim), keys (heads, d, past), values (heads, past, d), bias (1, 1, past + 1).

        Returns (1, 1, dim) and the token's own keys and values (2 heads, 1, d).
        """
        layer, heads = self.layer, self.layer.heads
        parts = layer.qkv(layer.norm(x)).reshape(3 * heads, 1, -1)
        query, own = parts.split([heads, 2 * heads])
        query, (key, value) = query * self.scale, own.split(heads)
        scores = torch.cat([query @ keys, (query * key).sum(-1, keepdim=True)], dim=-1)
        weight = torch.softmax(scores + bias, dim=-1)
        before, now = weight.split([self.past, 1], dim=-1)
        x = x + layer.out((before @ values + now * value).reshape(x.shape))
        return x + layer.ffn2(F.gelu(layer.ffn1(layer.norm_ffn(x)))), own


class ContentStep(Step):
    """Four `mel` frames (1, 4, mels), the last two of them new -> `units` (1, 1, units).

    `position` (1,) int64 counts tokens modulo the period, `bias` (1, 1, window) is 0 where memory holds
    tokens and -10,000 elsewhere. Memory of each layer N: `keys_N` (heads, d, window - 1), `values_N` (heads,
    window - 1, d), tokens in any order; `own` (layers, 2, heads, d) is what to put there for this token.
    """

    outputs = ("units", "own")

    def __init__(self, network: ContentEncoder) -> None:
        super().__init__()
        self.network = network
        layers = [layer for layer in network.layers if isinstance(layer, CausalAttention)]
        past = network.config.window - 1
        self.layers = nn.ModuleList(StepAttention(layer, past) for layer in layers)
        self.states = {"conv": (1, 1, network.config.dim)}

    def example(self) -> dict[str, Tensor]:
        """See `Step`."""
        c = self.network.config
        past, size = c.window - 1, c.dim // c.heads
        return {
            "mel": torch.randn(1, 4, c.mels),
            "position": torch.tensor([3]),
            "bias": torch.zeros(1, 1, c.window),
            **{f"keys_{n}": torch.randn(c.heads, size, past) for n in range(c.layers)},
            **{f"values_{n}": torch.randn(c.heads, past, size) for n in range(c.layers)},
        }

    def forward(self, mel: Tensor, position: Tensor, bias: Tensor, *more: Tensor) -> tuple[Tensor, ...]:
        """See the class: more are all keys, all values and `conv`. Returns units, `own`, next `conv`."""
        c = self.network.config
        keys, values, conv = more[: c.layers], more[c.layers : -1], more[-1]
        return self.encode(mel, self.network.positions[position], bias, keys, values, conv)

    def encode(
        self,
        mel: Tensor,
        place: Tensor,
        bias: Tensor,
        keys: Sequence[Tensor],
        values: Sequence[Tensor],
        conv: Tensor,
    ) -> tuple[Tensor, ...]:
        """As `forward`, with the position's own row (1, dim) instead of its number."""
        network, c = self.network, self.network.config
        taps = torch.cat([mel[:, :2], mel[:, 1:3], mel[:, 2:]], dim=2)
        h = F.gelu(network.conv1.multiply(taps))
        kept = h[:, 1:]
        taps = torch.cat([conv, h], dim=1).reshape(1, 1, -1)
        h = F.gelu(network.conv2.multiply(taps))
        h = h + place
        own = []
        for index, layer in enumerate(self.layers):
            h, fresh = layer(h, keys[index], values[index], bias)
            own.append(fresh)
        units = F.layer_norm(network.units(network.norm(h)), (c.units,))
        return units, torch.stack(own).reshape(c.layers, 2, c.heads, -1), kept


def folded_styles(decoder: Decoder, style: Tensor) -> Tensor:
    """style (B, S) of `Decoder.condition` with the blocks' own norms folded in: what DecoderStep takes."""
    c = decoder.config
    sizes = [c.dim] * (2 * c.blocks) + [c.fast_dim] * (2 * c.fast_blocks)
    parts = list(style.split(sizes, dim=-1))
    for index, block in enumerate([*decoder.slow.blocks, *decoder.fast.blocks]):
        scale = 1 + parts[2 * index]
        parts[2 * index] = block.norm.weight * scale
        parts[2 * index + 1] = block.norm.bias * scale + parts[2 * index + 1]
    return torch.cat(parts, dim=-1)


class DecoderStep(Step):
    """`frames` (1, 1, inputs) of one hop, `style` (S,) -> `parts` (1, 2, PARTS * bins)."""

    outputs = ("parts",)

    def __init__(self, network: Decoder) -> None:
        super().__init__()
        self.network = network
        self.slow, self.fast = StepStack(network.slow), StepStack(network.fast, 2)
        self.states = {"slow": self.slow.state_shape, "fast": self.fast.state_shape}

    def example(self) -> dict[str, Tensor]:
        """See `Step`."""
        style = torch.randn(self.network.style_out.out_features)
        return {"frames": torch.randn(1, 1, self.network.inputs), "style": style}

    def forward(self, frames: Tensor, style: Tensor, slow: Tensor, fast: Tensor) -> tuple[Tensor, ...]:
        """See the class."""
        network, c = self.network, self.network.config
        sizes = [c.dim] * (2 * c.blocks) + [c.fast_dim] * (2 * c.fast_blocks)
        parts = style.split(sizes)
        styles = list(zip(parts[::2], parts[1::2], strict=True))
        h, slow = self.slow(network.project(frames), slow, styles[: c.blocks])
        h = network.upsample(h).reshape(1, 2, c.fast_dim)
        h, fast = self.fast(h, fast, styles[c.blocks :])
        return network.head(network.norm(h)), slow, fast


class VoiceStyle(Step):
    """`speaker` (1, 256), `quality` (1, 2) -> `style` (S,) for `DecoderStep`."""

    outputs = ("style",)

    def __init__(self, network: Decoder) -> None:
        super().__init__()
        self.network = network
        self.states = {}

    def example(self) -> dict[str, Tensor]:
        """See `Step`."""
        c = self.network.config
        return {"speaker": torch.randn(1, c.speaker) / 16, "quality": torch.rand(1, c.quality)}

    def forward(self, speaker: Tensor, quality: Tensor) -> tuple[Tensor, ...]:
        """See the class."""
        return (folded_styles(self.network, self.network.condition(speaker, quality))[0],)
